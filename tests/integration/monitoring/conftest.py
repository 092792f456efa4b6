"""The fixtures of these tests: a room with alerts in it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from alert_room import CUSTOMERS, GROUPS, AlertRoom

from databases import Cloning
from dualwrite.database.server import Server
from dualwrite.metadata.schema import Side
from dualwrite.store import Store
from dualwrite.store.environments import EnvironmentKind
from dualwrite.store.maps import MapState


@pytest.fixture(scope="session")
async def alert_store_template(server: Server, cloning: Cloning) -> str:
    """The name of a store with a connection and two running maps."""
    name = cloning.create("alert_store")
    store = await Store.connect(server.conninfo(name))
    for side in Side:
        await store.environments.save(side.value, side=side, kind=EnvironmentKind.HOSTED, url="http://x", database="x")
    await store.connections.create("main", finops_environment="finops", dataverse_environment="dataverse")
    for map_name in (CUSTOMERS, GROUPS):
        await store.maps.save_version(
            "main", map_name, version="1.0.0.0", publisher="us", created_by="me", document="a: 1"
        )
        await store.maps.set_state("main", map_name, MapState.RUNNING, expected=None)
    await store.close()
    return name


@pytest.fixture
def store_database(clone_database: Callable[[str], str], alert_store_template: str) -> str:
    """The connection string of a copy of it."""
    return clone_database(alert_store_template)


@pytest.fixture
async def room(store_database: str, tmp_path: Path) -> AsyncIterator[AlertRoom]:
    """A store with two running maps, and a clock that stands still."""
    store = await Store.connect(store_database)
    yield AlertRoom(store, tmp_path)
    await store.close()
