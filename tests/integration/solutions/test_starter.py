"""What a connection starts with: applied once, finished where it was interrupted, and not forced on other maps."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from dualwrite.catalog.maps import STARTER, demonstration_names, load_solution, load_starter
from dualwrite.database.server import Server
from dualwrite.environments.port import EnvironmentName
from dualwrite.metadata.schema import Side
from dualwrite.solutions.application import apply_solution
from dualwrite.solutions.starter import apply_starters, missing_starters
from dualwrite.store import Store
from dualwrite.store.environments import EnvironmentKind


@pytest.fixture
async def store(new_database: Callable[[str], str], server: Server) -> AsyncIterator[Store]:
    store = await Store.connect(server.conninfo(new_database("store")))
    finops, dataverse = EnvironmentName("erp"), EnvironmentName("crm")
    hosted = EnvironmentKind.HOSTED
    await store.environments.save(finops, side=Side.FINOPS, kind=hosted, url="http://e", database="e")
    await store.environments.save(dataverse, side=Side.DATAVERSE, kind=hosted, url="http://c", database="c")
    await store.connections.create("main", finops_environment=finops, dataverse_environment=dataverse)
    yield store
    await store.close()


async def test_a_new_connection_gets_all_starters_with_their_highest_versions(store: Store) -> None:
    applied = await apply_starters(store, "main", who="me")
    assert [each.name for each in applied] == list(STARTER)
    maps = {each.name: each.active_version for each in await store.maps.list("main")}
    assert maps == {version.name: str(version.version) for each in load_starter() for version in each.active}
    assert set(demonstration_names()) <= set(maps)


async def test_maps_stand_in_the_order_of_the_solutions(store: Store) -> None:
    await apply_starters(store, "main", who="me")
    order = [each.name for each in await store.maps.list("main")]
    assert order == [version.name for each in load_starter() for version in each.active]


async def test_an_application_that_was_interrupted_is_finished_and_then_left_alone(store: Store) -> None:
    await apply_solution(store, "main", load_solution("company"), who="me")
    assert [each.name for each in await apply_starters(store, "main", who="me")] == list(STARTER[1:])
    assert await missing_starters(store, "main") == ()
    assert await apply_starters(store, "main", who="me") == ()


async def test_a_connection_with_other_maps_is_left_alone(store: Store) -> None:
    version = load_solution("notes").maps[0]
    await store.maps.save_version(
        "main", version.name, version="1.0.0.0", publisher="mine", document="name: x", created_by="me"
    )
    assert await apply_starters(store, "main", who="me") == ()
    assert [each.name for each in await store.maps.list("main")] == [version.name]
