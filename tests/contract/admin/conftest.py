"""The room of these tests, and its API on a port."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import httpx
import pytest
from admin_room import AdminRoom, Client

from databases import Cloning
from dualwrite.database.server import Server
from dualwrite.metadata.schema import Side
from dualwrite.solutions.starter import apply_starters
from dualwrite.store import Store
from dualwrite.store.environments import EnvironmentKind
from dualwrite.sync.stored_router import StoredRouter
from linked_pair import LINKED, LinkedPair


@pytest.fixture(scope="session")
async def admin_store(server: Server, cloning: Cloning) -> str:
    """The name of a store with a connection of usmf and demf and the starter maps, none of which runs."""
    name = cloning.create("admin_store")
    store = await Store.connect(server.conninfo(name))
    for side in Side:
        await store.environments.save(side.value, side=side, kind=EnvironmentKind.HOSTED, url="http://x", database="x")
    await store.connections.create("main", finops_environment="finops", dataverse_environment="dataverse")
    for code in LINKED:
        await store.connections.add_company("main", legal_entity=code, company_code=code)
    await apply_starters(store, "main", who="tests")
    await store.close()
    return name


@pytest.fixture
async def room(admin_store: str, clone_database: Callable[[str], str], linked: LinkedPair) -> AsyncIterator[AdminRoom]:
    """Linked environments with reference data on both sides; the starter maps are there and do not run."""
    store = await Store.connect(clone_database(admin_store))
    yield AdminRoom(store, linked, StoredRouter(store, "main", linked.pair))
    await store.close()


@pytest.fixture
async def address(room: AdminRoom) -> AsyncIterator[str]:
    async with room.served() as address:
        yield address


@pytest.fixture
async def client(address: str) -> AsyncIterator[Client]:
    """An administrator."""
    async with httpx.AsyncClient(base_url=address, timeout=60, trust_env=False) as http:
        yield Client(http)
