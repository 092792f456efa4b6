"""The fixture of these tests: a consultant's desk over a real store."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from map_desk import Described, Desk

from dualwrite.catalog import load_schema
from dualwrite.metadata.schema import Side
from dualwrite.store import Store
from dualwrite.store.environments import EnvironmentKind
from dualwrite.sync.link import Pair
from dualwrite.sync.stored_router import StoredRouter


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
