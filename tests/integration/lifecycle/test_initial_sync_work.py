"""The work of a run: paused, resumed, cancelled, failed, taken over, carried out twice; and what people see of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, cast

import pytest
from sqlalchemy import text
from sync_room import CONTACTS, CUSTOMERS, GROUPS, SyncRoom, counts, is_sound

from dualwrite.environments.bulk import BulkEnvironment, CopyParticipant
from dualwrite.environments.hosted.bulk.participant import HostedCopyParticipant
from dualwrite.environments.hosted.environment import HostedEnvironment
from dualwrite.environments.port import Command
from dualwrite.errors import EnvironmentUnavailable, NotAllowed
from dualwrite.lifecycle.initial_sync.work import Carried, SyncWork
from dualwrite.maps.values import Direction
from dualwrite.store.initial_syncs import OnRefusals, RerunKind, RunId, RunMapState, RunState
from dualwrite.store.maps import MapState
from dualwrite.store.partitions import PartitionState, RowCounts
from dualwrite.sync.link import Pair
from initial_runs import unlinked
from inline_conductor import InlineConductor, at_once
from words import account, change_account, change_customer, customer, customers, group, person

RUNNING, INITIALIZING, NOT_RUNNING = MapState.RUNNING, MapState.INITIALIZING, MapState.NOT_RUNNING


def some_rows() -> list[Command]:
    return [group("30"), customer("I1"), customer("I2", company="demf"), customer("R0", CustomerGroupId="77")]


async def at_partition(room: SyncRoom, number: int, what: str) -> None:
    """At that partition, somebody pauses or cancels the run."""

    async def before(run: RunId, at: int) -> None:
        if at == number:
            room.conductor.before = at_once
            await getattr(room.syncs, what)(run, who="somebody")

    room.conductor.before = before


# --- pause, cancel, fail --------------------------------------------------------------------------------------------


async def test_a_paused_run_goes_on_where_it_stood(room: SyncRoom) -> None:
    await room.finops(*some_rows())
    await at_partition(room, 1, "pause")
    paused = await room.run(GROUPS, CUSTOMERS)
    assert paused.state is RunState.PAUSED
    done = [each.state for each in await room.reports.partitions(paused.run)]
    assert done.count(PartitionState.DONE) == 1 and done.count(PartitionState.PENDING) == len(done) - 1
    assert await room.states(GROUPS, CUSTOMERS) == [INITIALIZING, INITIALIZING]
    assert await room.accounts() == set()
    assert await room.work.unfinished() == ()

    assert (await room.syncs.resume(paused.run, who="somebody")).state is RunState.RUNNING
    assert await room.work.unfinished() == (paused.run,)
    ended = await room.conduct(paused.run)
    assert ended.state is RunState.WITH_REFUSALS
    report = await room.reports.report(ended.run)
    assert is_sound(report) and counts(report, CUSTOMERS) == RowCounts(read=2, inserted=1, refused=1)
    assert [each.attempts for each in await room.reports.partitions(ended.run)] == [1] * len(done)
    said = [(what, result) for what, map, result in await room.what_happened() if map is None]
    assert said[-4:] == [
        ("start initial sync", "2 maps"),
        ("pause initial sync", "pausing"),
        ("resume initial sync", "running"),
        ("finish initial sync", "with refusals"),
    ]


async def test_a_run_that_has_not_begun_can_be_paused_and_resumed(room: SyncRoom) -> None:
    await room.finops(*some_rows())
    run = await room.start(CUSTOMERS)
    assert (await room.syncs.pause(run, who="me")).state is RunState.PAUSED
    await room.conductor.conduct(run)
    assert await room.reports.partitions(run) == ()
    await room.syncs.resume(run, who="me")
    assert (await room.conduct(run)).state is RunState.WITH_REFUSALS


async def test_a_cancelled_run_leaves_maps_as_they_were(room: SyncRoom) -> None:
    await room.finops(*some_rows())
    await room.run(GROUPS)
    await at_partition(room, 1, "cancel")
    cancelled = await room.run(GROUPS, CUSTOMERS)
    assert cancelled.state is RunState.CANCELLED and cancelled.finished_at is not None
    assert await room.states(GROUPS, CUSTOMERS) == [RUNNING, NOT_RUNNING]
    assert {each.state for each in await room.store.initial_syncs.maps(cancelled.run)} == {RunMapState.CANCELLED}
    await room.finops(customer("I9"), group("31"))
    assert await room.accounts() == set()
    assert len(await room.linked.rows("dataverse", "msdyn_customergroup", msdyn_groupid="31")) == 1
    with pytest.raises(NotAllowed, match="is cancelled and cannot resume"):
        await room.syncs.resume(cancelled.run, who="me")
    assert await room.work.carry_out(cancelled.run, 1, worker="late") is Carried.DONE
    assert await room.accounts() == set()


@pytest.mark.parametrize("state", [RunState.PLANNED, RunState.PAUSED, RunState.FAILED, RunState.AWAITING_DECISION])
async def test_a_run_at_rest_is_cancelled_at_once(room: SyncRoom, state: RunState) -> None:
    await room.finops(*some_rows())
    run = await room.start(CUSTOMERS, on_refusals=OnRefusals.WAIT)
    if state is RunState.PAUSED:
        await room.syncs.pause(run, who="me")
    if state is RunState.FAILED:
        await room.work.fail(run, "no answer")
    if state is RunState.AWAITING_DECISION:
        await room.conductor.conduct(run)
    assert (await room.reports.run(run)).state is state
    assert (await room.syncs.cancel(run, who="me")).state is RunState.CANCELLED
    assert await room.states(CUSTOMERS) == [NOT_RUNNING]
    await room.start(CUSTOMERS)


async def failing(room: SyncRoom, *names: str) -> RunId:
    """A run that failed at its second partition."""

    async def before(run: RunId, number: int) -> None:
        if number == 1:
            raise EnvironmentUnavailable("dataverse does not answer")

    room.conductor.before = before
    failed = await room.run(*names)
    room.conductor.before = at_once
    assert (failed.state, failed.message) == (RunState.FAILED, "dataverse does not answer")
    return failed.run


async def test_a_failed_run_says_where_and_why_and_is_taken_up_again(room: SyncRoom) -> None:
    await room.finops(*some_rows())
    run = await failing(room, GROUPS, CUSTOMERS)
    broken = [each for each in await room.reports.partitions(run) if each.state is PartitionState.FAILED]
    assert [(each.number, each.message) for each in broken] == [(1, "dataverse does not answer")]
    assert ("finish initial sync", None, "failed: dataverse does not answer") in await room.what_happened()
    assert (await room.syncs.resume(run, who="me")).message == ""
    assert (await room.conduct(run)).state is RunState.WITH_REFUSALS
    assert is_sound(await room.reports.report(run))


async def test_another_run_may_take_the_maps_of_a_failed_one(room: SyncRoom) -> None:
    await room.finops(*some_rows())
    run = await failing(room, GROUPS, CUSTOMERS)
    assert (await room.run(CUSTOMERS)).state is RunState.WITH_REFUSALS
    assert (await room.reports.run(run)).state is RunState.FAILED
    assert await room.states(GROUPS, CUSTOMERS) == [INITIALIZING, RUNNING]
    assert (await room.run(GROUPS)).state is RunState.COMPLETED
    given_up = await room.reports.run(run)
    assert (given_up.state, given_up.message) == (RunState.CANCELLED, "Its last maps are copied by another run.")


async def test_a_map_that_ran_before_the_run_that_failed_runs_when_the_next_one_is_cancelled(room: SyncRoom) -> None:
    await room.finops(*some_rows())
    await room.run(GROUPS)
    await failing(room, GROUPS, CUSTOMERS)
    await room.syncs.cancel(await room.start(GROUPS, CUSTOMERS), who="me")
    assert await room.states(GROUPS, CUSTOMERS) == [RUNNING, NOT_RUNNING]


async def test_running_maps_again_after_a_failure_is_enough(room: SyncRoom) -> None:
    await room.finops(*some_rows())
    await failing(room, GROUPS, CUSTOMERS)
    report = await room.lifecycle.run([GROUPS, CUSTOMERS])
    assert report.run.state is RunState.WITH_REFUSALS
    room.conductor.before = _no_answer
    with pytest.raises(NotAllowed, match=r"is failed\. dataverse does not answer Resume it, or cancel it"):
        await room.lifecycle.run([GROUPS, CUSTOMERS])


async def _no_answer(run: RunId, number: int) -> None:
    raise EnvironmentUnavailable("dataverse does not answer")


# --- maps stopped meanwhile -----------------------------------------------------------------------------------------


async def test_a_map_that_is_stopped_is_copied_no_further(room: SyncRoom) -> None:
    await room.finops(*some_rows())

    async def before(run: RunId, number: int) -> None:
        if number == 1:
            await room.lifecycle.stop([CUSTOMERS])

    room.conductor.before = before
    run = await room.run(GROUPS, CUSTOMERS)
    assert run.state is RunState.COMPLETED
    assert await room.states(GROUPS, CUSTOMERS) == [RUNNING, NOT_RUNNING]
    assert await room.accounts() == set()
    groups, customers = await room.store.initial_syncs.maps(run.run)
    assert (groups.state, customers.state) == (RunMapState.FINISHED, RunMapState.CANCELLED)
    await room.start(CUSTOMERS)


async def test_a_run_whose_maps_have_all_been_stopped_is_cancelled(room: SyncRoom) -> None:
    await room.finops(*some_rows())
    waiting = await room.run(CUSTOMERS, on_refusals=OnRefusals.WAIT)
    await room.lifecycle.stop([CUSTOMERS])
    stopped = await room.reports.run(waiting.run)
    assert (stopped.state, stopped.message) == (RunState.CANCELLED, "All of its maps have been stopped.")

    async def before(run: RunId, number: int) -> None:
        if number == 0:
            await room.lifecycle.stop([CUSTOMERS])

    room.conductor.before = before
    assert (await room.run(CUSTOMERS)).state is RunState.CANCELLED


# --- twice ----------------------------------------------------------------------------------------------------------


async def test_everything_can_be_called_again(room: SyncRoom) -> None:
    await room.finops(*some_rows(), customer("I5", InvoiceAccount="I6"), customer("I6", ContactPersonId="IP"))
    await room.finops(person("IP", "I5"))
    run = await room.start(GROUPS, CUSTOMERS, CONTACTS)
    waves = await room.work.prepare(run)
    assert await room.work.prepare(run) == waves
    numbers = [number for wave in waves for batch in wave for number in batch.partitions]
    assert numbers == list(range(len(await room.reports.partitions(run))))
    assert await room.work.carry_out(run, numbers[-1], worker="early") is Carried.NOT_DONE
    for number in numbers:
        carried = [room.work.carry_out(run, number, worker=f"w{each}") for each in range(2)]
        assert Carried.DONE in await asyncio.gather(*carried)
    assert await room.work.prepare(run) == ()
    assert await room.work.finish(run) is RunState.RUNNING
    again = await room.work.second_pass(run)
    assert again == await room.work.second_pass(run) != ()
    for number in [number for wave in again for batch in wave for number in batch.partitions]:
        for worker in ("one", "two"):
            assert await room.work.carry_out(run, number, worker=worker) is Carried.DONE
    assert await room.work.finish(run) is await room.work.finish(run) is RunState.WITH_REFUSALS
    report = await room.reports.report(run)
    assert is_sound(report)
    assert counts(report, CUSTOMERS) == RowCounts(read=4, inserted=3, refused=1)
    assert await room.refused() == ["R0"]
    assert (await room.linked.account("I5"))["msdyn_billingaccount"] == (await room.linked.account("I6"))["accountid"]


async def test_a_partition_that_was_committed_before_its_worker_died_is_not_done_again(room: SyncRoom) -> None:
    await room.finops(*some_rows())
    run = await room.start(CUSTOMERS)
    waves = await room.work.prepare(run)
    for number in [number for wave in waves for batch in wave for number in batch.partitions]:
        await room.work.carry_out(run, number, worker="one")
    before = await room.reports.report(run)
    async with room.store._transactions.begin() as connection:  # the store has not been told
        await connection.execute(text("DELETE FROM initial_sync_count"))
        await connection.execute(text("UPDATE initial_sync_partition SET state = 'running', finished_at = NULL"))
    assert (await room.conduct(run)).state is RunState.WITH_REFUSALS
    assert (await room.reports.report(run)).counts == before.counts
    assert await room.refused() == ["R0"]


async def test_outcomes_are_dropped_when_nobody_can_need_them(room: SyncRoom) -> None:
    await room.finops(*some_rows())
    first = await room.run(CUSTOMERS)

    async def kept() -> bool:
        async with room.linked.dataverse.copying() as session:
            await session.begin()
            return await session.outcome_of(first.run, 0) is not None

    await room.run(GROUPS)
    assert await kept()
    async with room.store._transactions.begin() as connection:
        await connection.execute(text("UPDATE initial_sync_run SET finished_at = now() - interval '2 days'"))
    await room.run(GROUPS)
    assert not await kept()
    assert await room.store.initial_syncs.with_outcomes("main", ended_for=timedelta(days=1)) == ()


async def test_rows_created_while_a_run_goes_on_are_live_syncs(room: SyncRoom) -> None:
    await room.finops(*some_rows())

    async def before(run: RunId, number: int) -> None:
        if number == 0:
            await room.finops(customer("L1"), change_customer("I1", SalesMemo="newer"))

    room.conductor.before = before
    run = await room.run(CUSTOMERS)
    report = await room.reports.report(run.run)
    assert is_sound(report)
    assert counts(report, CUSTOMERS).read == 2
    assert (await room.linked.account("I1"))["description"] == "newer"
    assert "L1" in await room.accounts()


# --- what people see ------------------------------------------------------------------------------------------------


async def test_progress_is_told_by_map_and_legal_entity(room: SyncRoom) -> None:
    await room.finops(*some_rows())
    await at_partition(room, 1, "pause")
    run = await room.run(GROUPS, CUSTOMERS)
    progress = await room.reports.progress(run.run)
    assert progress.run.state is RunState.PAUSED
    assert progress.total.rows_planned > progress.total.rows_done > 0
    assert progress.total.partitions_done == 1 and progress.total.remaining_s is None
    assert [(each.map.map, each.direction) for each in progress.maps][:1] == [(GROUPS, Direction.TO_DATAVERSE)]
    await room.syncs.resume(run.run, who="me")
    await room.conduct(run.run)
    ended = await room.reports.progress(run.run)
    assert ended.total.rows_done == ended.total.rows_planned
    assert ended.total.partitions_done == ended.total.partitions
    assert ended.total.counts == (await room.reports.report(run.run)).total
    entities = await room.reports.by_legal_entity(run.run, map=CUSTOMERS)
    assert {"usmf", "demf"} <= set(entities)
    assert entities["usmf"].counts.refused == 1 and entities["demf"].counts.inserted == 1


async def test_the_details_are_those_that_tools_know(room: SyncRoom) -> None:
    await room.finops(*some_rows())
    run = await room.run(CUSTOMERS)
    details = await room.reports.details(run.run)
    assert details["projectName"] == CUSTOMERS
    responses = details["projectExecutionResponses"]
    assert isinstance(responses, list)
    (usmf,) = [each for each in responses if each["legalEntityId"] == "usmf"]
    assert (usmf["executionStatus"], usmf["upsertCount"], usmf["errorCount"]) == ("CompletedWithErrors", 1, 1)
    assert usmf["initialSyncRequestId"] == str(run.run)
    (task,) = usmf["taskExecutionStatuses"]
    assert (task["name"], task["isRunning"]) == (CUSTOMERS, False)
    there = task["legs"][0]
    assert (there["displayName"], there["exportRecordCount"]) == ("to Dataverse", 2)
    assert (there["importRecordsInsertedCount"], there["importRecordsErrorCount"]) == (1, 1)
    (error,) = there["importErrors"]
    assert error["recordId"] == "R0" and "77" in error["errorMessage"]
    assert error["sourceField"] == (await room.reports.refused(run.run))[0].column
    assert there["exportFinished"] is not None and there["exportRangeInfo"]["end"] is not None


async def test_the_history_lists_runs_with_what_they_did(room: SyncRoom) -> None:
    with pytest.raises(NotAllowed, match="There has been no initial sync yet"):
        await room.reports.find()
    await room.finops(*some_rows())
    first = await room.run(CUSTOMERS)
    second = await room.rerun(first.run, RerunKind.ALL)
    latest, earlier = await room.reports.history()
    assert (latest.run.run, latest.run.parent, earlier.run.run) == (second.run, first.run, first.run)
    assert (earlier.total.inserted, latest.total.inserted, latest.total.refused) == (2, 0, 1)
    assert [each.map for each in latest.maps] == [CUSTOMERS]
    assert (await room.reports.find()).run == second.run
    assert (await room.reports.find(str(first.run)[:8])).run == first.run
    with pytest.raises(NotAllowed, match="No initial sync begins with 'zz'"):
        await room.reports.find("zz")


async def test_newer_edits_are_never_overwritten_by_a_run(room: SyncRoom) -> None:
    names = [f"C{number:03d}" for number in range(120)]
    await room.finops(*(customer(name, SalesMemo="old") for name in names))
    stop = asyncio.Event()
    edited: dict[str, str] = {}

    async def edit(side: str, chosen: list[str]) -> None:
        number = 0
        while not stop.is_set():
            name = chosen[number * 7 % len(chosen)]
            number += 1
            if side == "finops":
                await room.finops(change_customer(name, SalesMemo=f"{number}"))
            elif name in await room.accounts():
                await room.dataverse(change_account(name, description=f"{number}"))
            else:
                await asyncio.sleep(0)
                continue
            edited[name] = f"{number}"

    run = await room.start(CUSTOMERS)
    users = [asyncio.create_task(edit("finops", names[:60])), asyncio.create_task(edit("dataverse", names[60:]))]
    ended = await room.conduct(run)
    stop.set()
    await asyncio.gather(*users)
    assert ended.state is RunState.COMPLETED
    assert is_sound(await room.reports.report(run))
    assert len(edited) > 5
    for name, memo in edited.items():
        assert (await room.linked.customer(name))["SalesMemo"] == memo
        assert (await room.linked.account(name))["description"] == memo
    assert len(await room.accounts()) == len(names)


# --- clocks -----------------------------------------------------------------------------------------------------------


AHEAD = timedelta(hours=1)


class AheadSession:
    """A transaction in an environment whose clock is ahead."""

    def __init__(self, session: CopyParticipant) -> None:
        self._session = session

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    async def now(self) -> datetime:
        return await self._session.now() + AHEAD


class Ahead:
    """An environment whose clock is ahead."""

    def __init__(self, environment: HostedEnvironment) -> None:
        self._environment = environment

    def __getattr__(self, name: str) -> Any:
        return getattr(self._environment, name)

    @asynccontextmanager
    async def copying(self) -> AsyncIterator[AheadSession]:
        async with self._environment.copying() as session:
            yield AheadSession(session)


async def test_what_was_created_before_is_told_by_the_clock_of_the_environment(room: SyncRoom) -> None:
    await room.dataverse(account("I1"))
    async with room.linked.dataverse.copying() as session:
        await session.begin()
        assert isinstance(session, HostedCopyParticipant)
        relation = session.layouts.of("account").relation
        await session.connection.execute(f"UPDATE {relation} SET createdon = createdon + %s", [AHEAD])
        await session.commit()
    pair = Pair(room.linked.finops, cast(BulkEnvironment, Ahead(room.linked.dataverse)))
    room.conductor = InlineConductor(SyncWork(room.store, "main", pair, room.router))
    await room.run(CUSTOMERS)
    assert await customers(room.linked, "I1") == 1


async def test_a_run_that_was_paused_before_it_began_brings_what_came_meanwhile(room: SyncRoom) -> None:
    run = await room.start(CUSTOMERS)
    await room.syncs.pause(run, who="me")
    await unlinked(room.linked.dataverse, [account("I1")])
    await room.syncs.resume(run, who="me")
    await room.conduct(run)
    assert await customers(room.linked, "I1") == 1
