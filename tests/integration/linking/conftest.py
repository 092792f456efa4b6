"""The fixtures of these tests: an office in Dataverse whose store knows two maps, and a room with a whole link."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
from link_room import LinkRoom
from office import Office

from databases import Cloning, Databases
from dualwrite.catalog.maps import demonstration_maps
from dualwrite.database.server import Server
from dualwrite.linking.bootstrap import CompanyBootstrap
from dualwrite.maps.text import render_map
from dualwrite.metadata.schema import Side
from dualwrite.solutions.starter import apply_starters
from dualwrite.store import Store
from dualwrite.store.environments import EnvironmentKind
from dualwrite.sync.link import Pair
from dualwrite.sync.stored_router import StoredRouter
from linked_pair import LINKED, LinkedPair, hosted_dataverse, hosted_finops

MAPS = ("customers-accounts", "currencies")


@pytest.fixture
async def office(linked_databases: Databases, database: str) -> AsyncIterator[Office]:
    store = await Store.connect(database)
    for side in Side:
        await store.environments.save(side.value, side=side, kind=EnvironmentKind.HOSTED, url="http://x", database="x")
    await store.connections.create("main", finops_environment="finops", dataverse_environment="dataverse")
    for each in demonstration_maps():
        if each.id in MAPS:
            await store.maps.save_version(
                "main",
                each.map.name,
                version=str(each.map.version),
                publisher=each.map.publisher,
                document=render_map(each.map),
                created_by="tests",
                managed=False,
                solution=None,
                source=None,
            )
    finops, dataverse = hosted_finops(linked_databases.finops), hosted_dataverse(linked_databases.dataverse)
    await finops.open()
    await dataverse.open()
    router = StoredRouter(store, "main", Pair(finops, dataverse))
    yield Office(dataverse, store, CompanyBootstrap(store, "main", dataverse, router, who="tests"))
    await finops.close()
    await dataverse.close()
    await store.close()


@pytest.fixture(scope="session")
async def link_store_template(server: Server, cloning: Cloning) -> str:
    """The name of a store with a connection of usmf and demf and the starter maps, none of which runs."""
    name = cloning.create("link_store")
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
async def link_room(
    server: Server, link_store_template: str, clone_database: Callable[[str], str], linked: LinkedPair
) -> AsyncIterator[LinkRoom]:
    store = await Store.connect(clone_database(link_store_template))
    yield LinkRoom(store, linked, StoredRouter(store, "main", linked.pair))
    await store.close()
