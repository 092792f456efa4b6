"""Maps are paused and resumed: both sides go on saving, what they saved arrives in its order, and nothing is lost."""

from __future__ import annotations

import pytest
from sync_room import CUSTOMERS, GROUPS, SyncRoom

from dualwrite.environments.port import Create, Delete, RecordKey, Update
from dualwrite.errors import EnvironmentUnavailable, NotAllowed, NotFound
from dualwrite.lifecycle.catch_up.work import HELD, CatchUpWork
from dualwrite.lifecycle.transitions import Action
from dualwrite.metadata.schema import Side
from dualwrite.store.activity import ActivityFilter, Severity
from dualwrite.store.catch_ups import CatchUpState, QueueOption
from dualwrite.store.maps import MapState
from dualwrite.store.sync_errors import SyncErrorFilter
from dualwrite.sync.catch_up.replay import Group
from linked_pair import demonstration_plans

TABLE = "CustCustomerGroupEntity"
MAPS = [GROUPS, CUSTOMERS]


def group(name: str, description: str = "new") -> Create:
    return Create(TABLE, {"dataAreaId": "usmf", "CustomerGroupId": name, "Description": description})


def described(name: str, description: str) -> Update:
    return Update(TABLE, key_of(name), {"Description": description})


def key_of(name: str) -> RecordKey:
    return RecordKey((("dataAreaId", "usmf"), ("CustomerGroupId", name)))


def customer(account: str, group: str) -> Create:
    return Create(
        "CustCustomerV3Entity",
        {
            "dataAreaId": "usmf",
            "CustomerAccount": account,
            "PartyType": "Organization",
            "CustomerGroupId": group,
            "SalesCurrencyCode": "USD",
            "OrganizationName": account,
        },
    )


async def crm_group(room: SyncRoom, name: str) -> Create:
    company = await room.linked.company_id()
    return Create(
        "msdyn_customergroup", {"msdyn_groupid": name, "msdyn_description": "from Dataverse", "msdyn_company": company}
    )


@pytest.fixture
async def running(room: SyncRoom) -> SyncRoom:
    """Groups and customers run, and have nothing to copy."""
    await room.lifecycle.run_without_initial_sync(MAPS)
    return room


async def groups(room: SyncRoom, side: str) -> dict[str, str]:
    """The groups that a side has, with their descriptions."""
    if side == "finops":
        rows = await room.linked.rows("finops", TABLE)
        return {str(each["CustomerGroupId"]): str(each["Description"]) for each in rows}
    rows = await room.linked.rows("dataverse", "msdyn_customergroup")
    return {str(each["msdyn_groupid"]): str(each["msdyn_description"]) for each in rows}


async def left(room: SyncRoom) -> int:
    """How many queued transactions there are."""
    return await room.queue(Side.FINOPS).left(MAPS)


async def differences(room: SyncRoom) -> list[str]:
    return await room.linked.differences([each for each in demonstration_plans() if each.map.name in MAPS])


async def save_on_both_sides(room: SyncRoom) -> None:
    """A chain of changes on one record, a parent with its child in one transaction, and what comes and goes again."""
    await room.finops(group("R1", "A"))
    await room.finops(described("R1", "B"))
    await room.finops(described("R1", "C"))
    await room.finops(group("R2"), customer("R-2", "R2"))
    await room.finops(group("R3"))
    await room.finops(Delete(TABLE, key_of("R3")))
    await room.dataverse(await crm_group(room, "R4"))


async def test_what_is_saved_while_a_map_is_paused_arrives_when_it_is_resumed(running: SyncRoom) -> None:
    await running.lifecycle.pause(MAPS)
    assert set(await running.states(*MAPS)) == {MapState.PAUSED}
    before = await groups(running, "dataverse")
    await save_on_both_sides(running)
    assert await groups(running, "dataverse") == {**before, "R4": "from Dataverse"}
    assert "R4" not in await groups(running, "finops") and await left(running) == 7

    caught_up = await running.lifecycle.resume(MAPS)

    assert (caught_up.state, caught_up.queued, caught_up.counts.applied) == (CatchUpState.COMPLETED, 7, 8)
    assert set(await running.states(*MAPS)) == {MapState.RUNNING} and await left(running) == 0
    assert (await groups(running, "dataverse"))["R1"] == "C" and (await groups(running, "finops"))["R4"]
    assert await differences(running) == []
    await running.finops(described("R1", "live again"))
    assert (await groups(running, "dataverse"))["R1"] == "live again" and await left(running) == 0


async def test_every_action_is_in_the_log_with_who_did_it_and_how_it_ended(running: SyncRoom) -> None:
    await running.lifecycle.pause([GROUPS])
    await running.finops(group("L1"))
    caught_up = await running.lifecycle.resume([GROUPS])
    with pytest.raises(NotAllowed):
        await running.lifecycle.resume([GROUPS])
    with pytest.raises(NotFound):
        await running.lifecycle.pause(["Nothing"])
    found = await running.store.activity.list(ActivityFilter(map=GROUPS), limit_rows=4)
    assert [(each.what, each.result) for each in reversed(found)] == [
        ("pause", "completed"),
        ("resume", "begun: replay the queue"),
        ("catch up", "completed, 1 applied"),
        (
            "resume",
            f"failed: {GROUPS} is running; resume is allowed for a map that is paused. Pause it or stop it.",
        ),
    ]
    assert {each.who for each in found} == {"tests"}
    assert found[1].details["run"] == str(caught_up.run) and found[0].severity is Severity.ERROR
    (unknown,) = await running.store.activity.list(ActivityFilter(map="Nothing"))
    assert unknown.result == "failed: There is no map Nothing in main."


async def test_one_map_that_may_not_keeps_all_of_them_as_they_were(running: SyncRoom) -> None:
    await running.lifecycle.pause([GROUPS])
    with pytest.raises(NotAllowed, match=f"{CUSTOMERS.split()[0]}.* is running; resume is allowed"):
        await running.lifecycle.resume(MAPS)
    with pytest.raises(NotAllowed, match="is paused; pause is allowed for a map that is running"):
        await running.lifecycle.pause(MAPS)
    assert await running.states(*MAPS) == [MapState.PAUSED, MapState.RUNNING]


async def test_pausing_a_paused_map_is_refused_and_what_waits_waits_on(running: SyncRoom) -> None:
    await running.lifecycle.pause([GROUPS])
    await running.finops(group("P1"))
    with pytest.raises(NotAllowed, match="is paused; pause is allowed for a map that is running"):
        await running.lifecycle.pause([GROUPS])
    assert await left(running) == 1 and await running.store.sync_errors.list("main", SyncErrorFilter()) == ()


async def test_what_an_earlier_stop_has_left_is_not_replayed_by_a_later_pause(running: SyncRoom) -> None:
    """As when the program died between stopping the map and seeing to its queue."""
    await running.lifecycle.pause([GROUPS])
    await running.finops(group("O1"))
    await running.store.maps.set_state("main", GROUPS, MapState.RUNNING, expected=None)
    await running.lifecycle.pause([GROUPS])
    assert await left(running) == 0
    assert len(await running.store.sync_errors.list("main", SyncErrorFilter())) == 1


async def test_a_map_goes_live_without_its_queue_which_is_kept_as_errors(running: SyncRoom) -> None:
    await running.lifecycle.pause(MAPS)
    await save_on_both_sides(running)
    caught_up = await running.lifecycle.resume(MAPS, queue=QueueOption.KEEP)
    assert (caught_up.state, caught_up.counts.kept, caught_up.counts.applied) == (CatchUpState.COMPLETED, 8, 0)
    assert "R1" not in await groups(running, "dataverse") and await left(running) == 0
    errors = await running.store.sync_errors.list("main", SyncErrorFilter())
    assert len(errors) == 8 and {each.map for each in errors} == set(MAPS)
    await running.finops(group("K1"))
    assert "K1" in await groups(running, "dataverse")


async def test_a_map_goes_live_and_its_queue_is_discarded(running: SyncRoom) -> None:
    await running.lifecycle.pause(MAPS)
    await save_on_both_sides(running)
    caught_up = await running.lifecycle.resume(MAPS, queue=QueueOption.DISCARD)
    assert (caught_up.state, caught_up.counts.discarded) == (CatchUpState.COMPLETED, 8)
    assert await left(running) == 0 and await running.store.sync_errors.list("main", SyncErrorFilter()) == ()
    entry = (await running.store.activity.list(ActivityFilter(map=GROUPS)))[0]
    assert entry.result == "completed, 8 discarded"


async def test_what_waits_for_a_paused_map_that_is_stopped_becomes_errors(running: SyncRoom) -> None:
    await running.lifecycle.pause(MAPS)
    await save_on_both_sides(running)
    await running.lifecycle.stop(MAPS)
    assert set(await running.states(*MAPS)) == {MapState.NOT_RUNNING} and await left(running) == 0
    assert len(await running.store.sync_errors.list("main", SyncErrorFilter())) == 8
    entry = (await running.store.activity.list(ActivityFilter(what="keep queue")))[0]
    assert entry.result == "8 queued records of maps that do not run have become catch-up errors"


async def test_a_map_that_is_stopped_while_it_resumes_is_not_caught_up_any_further(running: SyncRoom) -> None:
    await running.lifecycle.pause(MAPS)
    for number in range(120):
        await running.finops(group(f"S{number}"))
    lifecycle = running.lifecycle

    async def stop(_: Group) -> None:
        await lifecycle.stop(MAPS)

    running.replayer.before = stop
    run = await running.catch_ups.start(MAPS, who="tests")
    record = await running.catch_ups.get(run)
    assert (record.state, record.message) == (CatchUpState.STOPPED, "All of its maps have been stopped.")
    assert set(await running.states(*MAPS)) == {MapState.NOT_RUNNING} and await left(running) == 0
    assert len(await running.store.sync_errors.list("main", SyncErrorFilter(), limit_rows=200)) == 120


async def test_a_target_that_stays_away_leaves_the_map_paused_with_all_that_waits(running: SyncRoom) -> None:
    await running.lifecycle.pause(MAPS)
    for number in range(120):
        await running.finops(group(f"W{number}"))

    async def away(_: Group) -> None:
        raise EnvironmentUnavailable("environment dataverse does not answer")

    running.replayer.before = away
    with pytest.raises(NotAllowed, match="has failed"):
        await running.lifecycle.resume(MAPS)
    assert set(await running.states(*MAPS)) == {MapState.PAUSED} and await left(running) == 120
    entry = (await running.store.activity.list(ActivityFilter(map=GROUPS)))[0]
    assert entry.result == "failed, paused again: environment dataverse does not answer"
    await running.finops(group("LATER"))
    running.replayer = type(running.replayer)(running.catch_up_work)
    await running.lifecycle.resume(MAPS)
    assert await left(running) == 0 and await differences(running) == []


async def test_users_are_let_through_when_the_last_changes_take_too_long(running: SyncRoom) -> None:
    """They wait while the rest is worked off, but not for longer than a moment."""
    await running.lifecycle.pause([GROUPS])
    await running.finops(group("H1"))
    run = await running.store.catch_ups.create("main", [GROUPS], option=QueueOption.REPLAY, started_by="tests")
    await running.store.maps.set_state("main", GROUPS, MapState.RESUMING, expected=None)
    moments = iter([running.now(), running.now() + HELD])
    work = CatchUpWork(running.store, "main", running.router, running.queue, now=lambda: next(moments))
    assert await work.hand_over(run) is CatchUpState.REPLAYING
    (current,) = [each for each in await running.store.maps.list("main") if each.name == GROUPS]
    assert (current.state, current.held) == (MapState.RESUMING, False)
    await running.finops(group("H2"))
    assert await left(running) == 2
    await running.replayer.conduct(run)
    assert await differences(running) == [] and await running.states(GROUPS) == [MapState.RUNNING]


async def test_related_maps_are_offered_in_the_order_of_the_action(running: SyncRoom) -> None:
    def shown(action: Action) -> list[tuple[str, bool, bool]]:
        return [(each.name, each.related, each.allowed) for each in offers[action] if each.name in MAPS]

    offers = {
        Action.PAUSE: await running.lifecycle.offered(Action.PAUSE, [GROUPS]),
        Action.RUN: await running.lifecycle.offered(Action.RUN, [CUSTOMERS]),
    }
    assert shown(Action.PAUSE) == [(CUSTOMERS, True, True), (GROUPS, False, True)]
    assert shown(Action.RUN) == [(GROUPS, True, True), (CUSTOMERS, False, True)]
