"""The fixtures of these tests: a consultant's desk over a real store, and a room for initial syncs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
from map_desk import Described, Desk
from sync_room import SyncRoom

from databases import Cloning
from dualwrite.catalog import load_schema
from dualwrite.database.server import Server
from dualwrite.metadata.schema import Side
from dualwrite.solutions.starter import apply_starters
from dualwrite.store import Store
from dualwrite.store.environments import EnvironmentKind
from dualwrite.sync.link import Pair
from dualwrite.sync.stored_router import StoredRouter
from linked_pair import LINKED, LinkedPair


@pytest.fixture
async def desk(database: str) -> AsyncIterator[Desk]:
    """Linked environments with the catalog's tables; no map yet."""
    store = await Store.connect(database)
    for side in Side:
        await store.environments.save(side.value, side=side, kind=EnvironmentKind.HOSTED, url="http://x", database="x")
    await store.connections.create("main", finops_environment="finops", dataverse_environment="dataverse")
    finops, dataverse = Described(load_schema(Side.FINOPS)), Described(load_schema(Side.DATAVERSE))
    yield Desk(store, finops, dataverse, StoredRouter(store, "main", Pair(finops, dataverse)))
    await store.close()


@pytest.fixture(scope="session")
async def store_template(server: Server, cloning: Cloning) -> str:
    """The name of a store with a connection of usmf and demf and the starter maps, none of which runs."""
    name = cloning.create("store")
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
async def room(
    server: Server, store_template: str, clone_database: Callable[[str], str], linked: LinkedPair
) -> AsyncIterator[SyncRoom]:
    """Linked environments with reference data on both sides; the starter maps are there and do not run."""
    store = await Store.connect(clone_database(store_template))
    yield SyncRoom(store, linked, StoredRouter(store, "main", linked.pair))
    await store.close()
