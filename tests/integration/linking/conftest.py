"""The fixture of these tests: Dataverse with the companies usmf and demf, and a store that knows two maps."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from office import Office

from databases import Databases
from dualwrite.catalog.maps import demonstration_maps
from dualwrite.linking.bootstrap import CompanyBootstrap
from dualwrite.maps.text import render_map
from dualwrite.metadata.schema import Side
from dualwrite.store import Store
from dualwrite.store.environments import EnvironmentKind
from dualwrite.sync.link import Pair
from dualwrite.sync.stored_router import StoredRouter
from linked_pair import hosted_dataverse, hosted_finops

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
