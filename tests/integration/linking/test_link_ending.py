"""A link is reset and begins anew, or is taken apart; what runs, waits or has failed is never lost in silence."""

from __future__ import annotations

import asyncio

import pytest
from link_room import COMPANIES, GROUPS, LinkRoom

from dualwrite.environments.port import Create
from dualwrite.errors import NotAllowed, NotFound
from dualwrite.lifecycle.initial_sync.options import MapChoice, RunOptions
from dualwrite.linking.link import link_environments
from dualwrite.metadata.values import LegalEntityId
from dualwrite.solutions.starter import apply_starters
from dualwrite.store.connections import LinkState
from dualwrite.store.maps import MapState


def group(number: str) -> Create:
    return Create("CustCustomerGroupEntity", {"dataAreaId": "usmf", "CustomerGroupId": number, "Description": number})


async def test_a_reset_is_refused_while_maps_run_unless_it_is_forced(link_room: LinkRoom) -> None:
    await link_room.lifecycle.run([COMPANIES, GROUPS])
    ending = link_room.desk.ending
    with pytest.raises(NotAllowed, match="Stop first: dualwrite maps stop --all") as refused:
        await ending.reset(who="tests")
    assert refused.value.details["maps"] == [COMPANIES, GROUPS]
    assert await link_room.state(GROUPS) is MapState.RUNNING
    ended = await ending.reset(who="tests", forced=True)
    assert (ended.remains.live, ended.forgotten) == ((COMPANIES, GROUPS), 1)
    assert await link_room.state(GROUPS) is MapState.NOT_RUNNING
    assert await link_room.runs() == 0
    refusal, *done = await link_room.activities("reset link")
    assert refusal.result.startswith("failed: ")
    assert [(each.who, each.result) for each in done] == [("tests", "forced"), ("tests", "completed")]


async def test_a_reset_keeps_environments_legal_entities_maps_and_can_be_done_again(link_room: LinkRoom) -> None:
    await link_room.lifecycle.run([COMPANIES, GROUPS])
    await link_room.lifecycle.stop([COMPANIES, GROUPS])
    maps = [each.name for each in await link_room.store.maps.list("main")]
    for _ in range(2):
        await link_room.desk.ending.reset(who="tests")
        link = await link_room.desk.link()
        assert (link.state, link.finops_environment) == (LinkState.LINKED, "finops")
        assert link.reset_at is not None
        assert await link_room.legal_entities() == ["demf", "usmf"]
        assert [each.name for each in await link_room.store.maps.list("main")] == maps
    await link_room.lifecycle.run([COMPANIES, GROUPS])
    await link_room.finops(group("30"))
    assert await link_room.groups("usmf") == {"10", "20", "30"}


async def test_what_was_queued_is_a_catch_up_error_after_a_reset(link_room: LinkRoom) -> None:
    await link_room.lifecycle.run([COMPANIES, GROUPS])
    await link_room.lifecycle.pause([GROUPS])
    await link_room.finops(group("30"), group("40"))
    ended = await link_room.desk.ending.reset(who="tests", forced=True)
    assert (ended.remains.queued_transactions, ended.remains.queued_records) == (1, 2)
    assert (await link_room.desk.ending.remains()).queued_records == 0
    errors = await link_room.store.sync_errors.list("main")
    assert {each.record for each in errors} == {"30", "40"}


async def test_initial_syncs_are_cancelled_by_a_forced_reset(link_room: LinkRoom) -> None:
    run = await link_room.syncs.start(RunOptions((MapChoice(GROUPS),), who="tests"))
    await link_room.lifecycle.stop([])
    with pytest.raises(NotAllowed):
        await link_room.desk.ending.reset(who="tests")
    ended = await link_room.desk.ending.reset(who="tests", forced=True)
    assert ended.cancelled == 1
    assert await link_room.store.initial_syncs.get(run) is None
    assert await link_room.state(GROUPS) is MapState.NOT_RUNNING


async def test_unlinking_lets_the_environments_be_linked_anew(link_room: LinkRoom) -> None:
    await link_room.lifecycle.run([COMPANIES, GROUPS])
    await link_room.lifecycle.stop([COMPANIES, GROUPS])
    await link_room.desk.ending.unlink(who="tests")
    with pytest.raises(NotFound, match="There is no connection main"):
        await link_room.desk.link()
    (former,) = await link_room.store.connections.former()
    assert (former.name, former.legal_entities, former.unlinked_by) == ("main", ("demf", "usmf"), "tests")
    await link_room.finops(group("30"))
    assert await link_room.groups("usmf") == {"10", "20"}
    await link_environments(
        link_room.store, link_room.linked.pair, "main", legal_entities=[LegalEntityId("usmf")], who="tests"
    )
    await apply_starters(link_room.store, "main", who="tests")
    await link_room.lifecycle.run([COMPANIES, GROUPS])
    assert await link_room.groups("usmf") == {"10", "20", "30"}


async def test_unlinking_tells_what_would_be_lost_and_takes_it_only_by_force(link_room: LinkRoom) -> None:
    await link_room.lifecycle.run([COMPANIES, GROUPS])
    await link_room.lifecycle.pause([GROUPS])
    await link_room.finops(group("30"))
    await link_room.lifecycle.stop([COMPANIES, GROUPS])
    with pytest.raises(NotAllowed, match="these would be lost for good: 1 open error"):
        await link_room.desk.ending.unlink(who="tests")
    assert (await link_room.desk.link()).state is LinkState.LINKED
    ended = await link_room.desk.ending.unlink(who="tests", forced=True)
    assert ended.remains.open_errors == 1
    forced = next(each for each in await link_room.activities("unlink environments") if each.result == "forced")
    assert forced.details["open_errors"] == 1


async def test_a_queue_goes_with_a_forced_unlinking(link_room: LinkRoom) -> None:
    await link_room.lifecycle.run([COMPANIES, GROUPS])
    await link_room.lifecycle.pause([GROUPS])
    await link_room.finops(group("30"))
    ended = await link_room.desk.ending.unlink(who="tests", forced=True)
    assert ended.remains.queued_records == 1
    assert [
        each
        for environment in (link_room.linked.finops, link_room.linked.dataverse)
        for each in await environment.queue_counts()
    ] == []


async def test_an_interrupted_reset_keeps_maps_from_running_until_it_has_ended(link_room: LinkRoom) -> None:
    await link_room.lifecycle.run([COMPANIES, GROUPS])
    await link_room.store.connections.set_state("main", LinkState.RESETTING)
    with pytest.raises(NotAllowed, match="is resetting, and no map begins to run before that is through"):
        await link_room.lifecycle.run([GROUPS])
    with pytest.raises(NotAllowed, match="Let the reset come to its end first: dualwrite link reset"):
        await link_room.desk.legal_entities.add([LegalEntityId("usrt")], who="tests")
    assert await link_room.desk.ending.resume(who="start") is not None
    assert (await link_room.desk.link()).state is LinkState.LINKED
    assert await link_room.state(GROUPS) is MapState.NOT_RUNNING
    assert await link_room.desk.ending.resume(who="start") is None


async def test_an_interrupted_unlinking_comes_to_its_end(link_room: LinkRoom) -> None:
    await link_room.store.connections.set_state("main", LinkState.UNLINKING)
    with pytest.raises(NotAllowed, match="unlinking and cannot be reset"):
        await link_room.desk.ending.reset(who="tests", forced=True)
    assert await link_room.desk.ending.resume(who="start") is not None
    assert await link_room.store.connections.list() == ()


async def test_two_resets_at_a_time_end_as_one(link_room: LinkRoom) -> None:
    await link_room.lifecycle.run([COMPANIES, GROUPS])
    await asyncio.gather(*(link_room.desk.ending.reset(who=who, forced=True) for who in ("one", "two")))
    assert (await link_room.desk.link()).state is LinkState.LINKED
    assert await link_room.state(GROUPS) is MapState.NOT_RUNNING
    results = [each.result for each in await link_room.activities("reset link")]
    assert results.count("completed") >= 1
