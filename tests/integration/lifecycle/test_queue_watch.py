"""The watch over the queues: full ones are acted upon as configured, and nothing is forgotten."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sync_room import GROUPS, SyncRoom

from dualwrite.environments.port import Create
from dualwrite.errors import RecordRefused
from dualwrite.lifecycle.catch_up.limits import QueueLimits, QueuePolicy
from dualwrite.lifecycle.catch_up.watching import QueueWatch
from dualwrite.store.activity import ActivityFilter
from dualwrite.store.maps import MapState
from dualwrite.store.sync_errors import SyncErrorFilter

LITTLE = 100
WEEK = timedelta(days=7)


def group(name: str) -> Create:
    return Create("CustCustomerGroupEntity", {"dataAreaId": "usmf", "CustomerGroupId": name, "Description": name})


def watch_of(room: SyncRoom, limits: QueueLimits) -> QueueWatch:
    return QueueWatch(
        room.store, "main", room.linked.pair, room.router, lifecycle=room.lifecycle, limits=limits, now=room.now
    )


@pytest.fixture
async def paused(room: SyncRoom) -> SyncRoom:
    """Customer groups are paused, and one waits."""
    await room.lifecycle.run_without_initial_sync([GROUPS])
    await room.lifecycle.pause([GROUPS])
    await room.finops(group("Q1"))
    return room


async def last(room: SyncRoom) -> tuple[str, str]:
    """What the log says of the map last."""
    (entry,) = await room.store.activity.list(ActivityFilter(map=GROUPS), limit_rows=1)
    return entry.what, entry.result


async def errors(room: SyncRoom) -> int:
    return len(await room.store.sync_errors.list("main", SyncErrorFilter()))


@pytest.mark.parametrize("by", ["size", "age"])
async def test_saves_are_refused_when_a_queue_is_full_until_it_is_resumed(paused: SyncRoom, by: str) -> None:
    limits = QueueLimits(size_bytes=LITTLE) if by == "size" else QueueLimits()
    paused.later = timedelta() if by == "size" else WEEK
    await watch_of(paused, limits).round()
    with pytest.raises(RecordRefused, match=r"its queue is full: .* resume the map or to stop it") as refused:
        await paused.finops(group("Q2"))
    assert GROUPS in refused.value.message and not await paused.linked.rows(
        "finops", "CustCustomerGroupEntity", CustomerGroupId="Q2"
    )
    what, result = await last(paused)
    assert what == "block" and result.startswith("saves are refused: ")
    assert (await paused.lifecycle.resume([GROUPS])).counts.applied == 1
    await paused.finops(group("Q2"))
    assert await paused.linked.rows("dataverse", "msdyn_customergroup", msdyn_groupid="Q2")


async def test_saves_are_let_through_again_when_the_limit_is_raised(paused: SyncRoom) -> None:
    await watch_of(paused, QueueLimits(size_bytes=LITTLE)).round()
    await watch_of(paused, QueueLimits()).round()
    await paused.finops(group("Q2"))
    assert await last(paused) == ("unblock", "the queue is within its limits again")


async def test_the_log_says_once_that_saves_are_refused(paused: SyncRoom) -> None:
    for _ in range(3):
        await watch_of(paused, QueueLimits(size_bytes=LITTLE)).round()
    assert len(await paused.store.activity.list(ActivityFilter(what="block"))) == 1


async def test_a_map_whose_queue_is_full_is_stopped_where_that_is_configured(paused: SyncRoom) -> None:
    await watch_of(paused, QueueLimits(size_bytes=LITTLE, policy=QueuePolicy.STOP)).round()
    assert await paused.states(GROUPS) == [MapState.NOT_RUNNING] and await errors(paused) == 1
    what, result = await last(paused)
    assert what == "stop" and result.startswith("a limit of the queue was reached: ")


async def test_within_the_limits_nothing_happens(paused: SyncRoom) -> None:
    before = await last(paused)
    await watch_of(paused, QueueLimits()).round()
    await paused.finops(group("Q2"))
    assert await last(paused) == before and await paused.states(GROUPS) == [MapState.PAUSED]


async def test_what_was_left_behind_by_a_stop_becomes_errors(paused: SyncRoom) -> None:
    """As when the program dies between stopping the map and seeing to its queue."""
    await paused.store.maps.set_state("main", GROUPS, MapState.NOT_RUNNING, expected=None)
    await paused.router.renew()
    await watch_of(paused, QueueLimits()).round()
    assert await errors(paused) == 1


async def test_maps_that_somebody_changed_and_told_nobody_of_are_told_of(paused: SyncRoom) -> None:
    """As when the program dies between the change and the routing that follows from it."""
    watch = watch_of(paused, QueueLimits())
    await watch.round()
    await paused.finops(group("Q2"))
    await paused.store.maps.set_state("main", GROUPS, MapState.RUNNING, expected=None)
    await watch.round()
    await paused.finops(group("Q3"))
    assert await paused.linked.rows("dataverse", "msdyn_customergroup", msdyn_groupid="Q3")
