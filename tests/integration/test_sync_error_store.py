"""The store's errors: kept once, found, grouped, counted, and settled."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from dualwrite.environments.port import Operation
from dualwrite.maps.values import Direction
from dualwrite.metadata.schema import Side
from dualwrite.store import Store
from dualwrite.store.environments import EnvironmentKind
from dualwrite.store.sync_errors import (
    Attempt,
    Category,
    ErrorState,
    FailedRecord,
    FailureKind,
    SyncErrorField,
    SyncErrorFilter,
)


@pytest.fixture
async def store(database: str) -> AsyncIterator[Store]:
    store = await Store.connect(database)
    for side in Side:
        await store.environments.save(side.value, side=side, kind=EnvironmentKind.HOSTED, url="http://x", database="x")
    await store.connections.create("main", finops_environment="finops", dataverse_environment="dataverse")
    yield store
    await store.close()


def failed(number: int, **facts: object) -> FailedRecord:
    """A customer that failed for want of its group."""
    record = FailedRecord(
        change=UUID(int=number // 2),
        number=number % 2,
        kind=FailureKind.CATCH_UP,
        category=Category.APPLICATION,
        map="Customers",
        direction=Direction.TO_DATAVERSE,
        legal_entity="usmf",
        operation=Operation.UPDATE,
        record_id=str(number),
        record=f"C-{number}",
        column="CustomerGroupId",
        code="DW0503",
        reason=f"Customers, C-{number}: no group 77.",
        cause="no group 77.",
        row={"CustomerAccount": f"C-{number}", "Amount": 2**63, "Note": "a\x00b"},
        changed=("CustomerGroupId",),
        version=number,
    )
    return replace(record, **facts)  # type: ignore[arg-type]


async def test_a_failure_that_is_told_twice_is_kept_once(store: Store) -> None:
    await store.sync_errors.add("main", [failed(1), failed(2)])
    await store.sync_errors.add("main", [failed(2, reason="another"), failed(3)])
    found = await store.sync_errors.list("main")
    assert [each.record for each in found] == ["C-3", "C-2", "C-1"]
    assert found[1].reason == "Customers, C-2: no group 77."
    assert found[0].row == {"CustomerAccount": "C-3", "Amount": str(2**63), "Note": "a\ufffdb"}
    assert (found[0].state, found[0].attempts, found[0].changed) == (ErrorState.OPEN, 0, ("CustomerGroupId",))


async def test_errors_are_found_by_every_fact(store: Store) -> None:
    await store.sync_errors.add(
        "main",
        [
            failed(1),
            failed(2, kind=FailureKind.LIVE, category=Category.SYSTEM, map="Groups", code="DW0100", column=""),
            failed(3, direction=Direction.TO_FINOPS, legal_entity="demf", cause="locked.", record="50%_x"),
        ],
    )

    async def records(which: SyncErrorFilter) -> list[str]:
        return [each.record for each in await store.sync_errors.list("main", which)]

    assert await records(SyncErrorFilter(kind=FailureKind.LIVE)) == ["C-2"]
    assert await records(SyncErrorFilter(category=Category.SYSTEM)) == ["C-2"]
    assert await records(SyncErrorFilter(map="Groups")) == ["C-2"]
    assert await records(SyncErrorFilter(direction=Direction.TO_FINOPS)) == ["50%_x"]
    assert await records(SyncErrorFilter(legal_entity="usmf")) == ["C-2", "C-1"]
    assert await records(SyncErrorFilter(code="DW0100")) == ["C-2"]
    assert await records(SyncErrorFilter(column="CustomerGroupId")) == ["50%_x", "C-1"]
    assert await records(SyncErrorFilter(cause="locked.")) == ["50%_x"]
    assert await records(SyncErrorFilter(record="c-")) == ["C-2", "C-1"]
    assert await records(SyncErrorFilter(record="%_")) == ["50%_x"]
    assert await records(SyncErrorFilter(ids=(2**70, 1))) == ["C-1"]
    assert await records(SyncErrorFilter(state=ErrorState.STALE)) == []
    now = await store.sync_errors.now()
    assert len(await records(SyncErrorFilter(since=now - timedelta(hours=1), until=now))) == 3
    assert await records(SyncErrorFilter(since=now)) == []


async def test_pages_follow_each_other_and_batches_begin_with_the_earliest(store: Store) -> None:
    await store.sync_errors.add("main", [failed(number) for number in range(7)])
    first = await store.sync_errors.list("main", limit_rows=3)
    second = await store.sync_errors.list("main", before=first[-1].id, limit_rows=3)
    assert [each.record for each in (*first, *second)] == ["C-6", "C-5", "C-4", "C-3", "C-2", "C-1"]
    batches = [[each.record for each in batch] async for batch in store.sync_errors.all("main", batch_rows=3)]
    assert batches == [["C-0", "C-1", "C-2"], ["C-3", "C-4", "C-5"], ["C-6"]]


async def test_errors_are_grouped_by_what_is_in_their_way_now(store: Store) -> None:
    await store.sync_errors.add("main", [failed(number) for number in range(6)])
    (last, *_) = await store.sync_errors.list("main")
    again = Attempt(last.id, ErrorState.OPEN, "Customers, C-5: locked.", "locked.", "", "DW0101")
    await store.sync_errors.keep_attempts([again], who="admin")
    groups = await store.sync_errors.groups("main", SyncErrorFilter(), by=(SyncErrorField.CODE, SyncErrorField.CAUSE))
    assert [(dict(each.fields), each.errors, each.records) for each in groups] == [
        ({SyncErrorField.CODE: "DW0503", SyncErrorField.CAUSE: "no group 77."}, 5, ("C-0", "C-1", "C-2", "C-3", "C-4")),
        ({SyncErrorField.CODE: "DW0101", SyncErrorField.CAUSE: "locked."}, 1, ("C-5",)),
    ]
    assert groups[1].reason == "Customers, C-5: locked."


async def test_errors_of_a_window_are_counted_by_map_and_category_whether_settled_or_not(store: Store) -> None:
    await store.sync_errors.add("main", [failed(1), failed(2), failed(3, category=Category.SYSTEM, map="Groups")])
    await store.sync_errors.dismiss("main", SyncErrorFilter(map="Groups"), who="admin")
    now = await store.sync_errors.now()
    hour = timedelta(hours=1)
    assert await store.sync_errors.counts("main", now - hour, now) == {
        ("Customers", Category.APPLICATION): 2,
        ("Groups", Category.SYSTEM): 1,
    }
    assert await store.sync_errors.counts("main", now, now + hour) == {}
    assert await store.sync_errors.by_state("main") == {
        "Customers": {ErrorState.OPEN: 2},
        "Groups": {ErrorState.DISMISSED: 1},
    }


async def test_what_somebody_has_settled_meanwhile_stays_as_it_is(store: Store) -> None:
    await store.sync_errors.add("main", [failed(1)])
    (error,) = await store.sync_errors.list("main")
    assert await store.sync_errors.dismiss("main", SyncErrorFilter(ids=(error.id,)), who="admin") == {"Customers": 1}
    assert await store.sync_errors.dismiss("main", SyncErrorFilter(ids=(error.id,)), who="other") == {}
    await store.sync_errors.keep_attempts([Attempt(error.id, ErrorState.COMPLETED)], who="other")
    (error,) = await store.sync_errors.list("main")
    assert (error.state, error.settled_by, error.attempts) == (ErrorState.DISMISSED, "admin", 0)
