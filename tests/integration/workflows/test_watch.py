"""What nobody works on is found, and what is over is forgotten."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from taking_part import carried_out, new_workers, task

from dualwrite.store.initial_syncs import RunState
from dualwrite.workflows.ledger import Ledger
from dualwrite.workflows.limits import Limits
from dualwrite.workflows.liveness import Liveness
from dualwrite.workflows.watch import REMEMBER
from dualwrite.workflows.workers import Workers
from fakes.piecework import Piecework
from waiting import until

VERSION = "1"


@pytest.fixture
async def ledger(work: Piecework) -> AsyncIterator[Ledger]:
    ledger = await Ledger.open(work.conninfo, Limits(), version=VERSION)
    yield ledger
    await ledger.close()


def liveness(work: Piecework, executor: str, *, version: str = VERSION) -> Liveness:
    return Liveness(work.conninfo, executor=executor, version=version)


async def is_dead(asking: Liveness, executor: str) -> bool:
    async with asking.if_dead(executor) as dead:
        return dead


async def is_deserted(asking: Liveness, version: str) -> bool:
    async with asking.if_deserted(version) as deserted:
        return deserted


async def test_a_process_is_alive_until_its_session_ends(work: Piecework) -> None:
    one, other = liveness(work, "one"), liveness(work, "other", version="2")
    await one.beat()
    assert not await is_dead(other, "one") and await is_dead(other, "nobody")
    assert not await is_deserted(other, VERSION) and await is_deserted(other, "3")
    await one.close()
    # The server lets go of the locks of a session when it gets round to it.
    session = "SELECT 1 FROM pg_stat_activity WHERE application_name = 'dualwrite one'"
    await until(lambda: not work.query(session))
    assert await is_dead(other, "one") and await is_deserted(other, VERSION)
    await other.close()


async def test_a_process_whose_session_was_cut_is_alive_again_with_the_next_beat(work: Piecework) -> None:
    one, other = liveness(work, "one"), liveness(work, "other")
    await one.beat()
    with psycopg.connect(work.conninfo, autocommit=True) as connection:
        cut = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'dualwrite one'"
        assert connection.execute(cut).fetchall() == [(True,)]
    assert await is_dead(other, "one")
    await one.beat()
    assert not await is_dead(other, "one")
    await one.close()
    await other.close()


async def test_only_one_finds_a_process_dead_at_a_time(work: Piecework) -> None:
    one, other = liveness(work, "one"), liveness(work, "other")
    async with one.if_dead("gone") as first:
        assert first and not await is_dead(other, "gone")
    assert await is_dead(other, "gone")
    await one.close()
    await other.close()


async def test_a_run_that_was_started_and_never_conducted_is_taken_up(work: Piecework, workers: Workers) -> None:
    run = work.start([[[0, 1]]])
    await workers.join()
    await until(lambda: work.state(run) is RunState.COMPLETED)
    assert sorted(work.begun(run)) == [0, 1]


async def test_a_run_that_has_taken_too_many_processes_with_it_has_failed(
    work: Piecework, workers: Workers, ledger: Ledger
) -> None:
    run = work.start([[[0]]])
    await ledger.enqueue(task(run))
    given_up = "UPDATE dbos.workflow_status SET status = 'MAX_RECOVERY_ATTEMPTS_EXCEEDED', deduplication_id = NULL"
    work.query(given_up + " RETURNING 1")
    await workers.join()
    await until(lambda: work.state(run) is RunState.FAILED)
    assert "again and again" in work.message(run) and work.begun(run) == []
    work.set_state(run, RunState.PLANNED)
    assert await carried_out(workers, work, run) is RunState.COMPLETED


async def test_a_run_that_was_given_up_can_be_cancelled_all_the_same(
    work: Piecework, workers: Workers, ledger: Ledger
) -> None:
    run = work.start([[[0]]])
    await ledger.enqueue(task(run))
    given_up = "UPDATE dbos.workflow_status SET status = 'MAX_RECOVERY_ATTEMPTS_EXCEEDED', deduplication_id = NULL"
    work.query(given_up + " RETURNING 1")
    work.set_state(run, RunState.CANCELLING)
    await workers.join()
    await until(lambda: work.state(run) is RunState.CANCELLED)


async def test_runs_that_ended_long_ago_are_forgotten(work: Piecework, ledger: Ledger) -> None:
    workers = new_workers(work)
    assert await carried_out(workers, work, work.start([[[0], [1]], [[2]]])) is RunState.COMPLETED
    await workers.close()
    assert await ledger.forget(before=datetime.now(UTC) - REMEMBER) == 0
    ((kept,),) = work.query("SELECT count(*) FROM dbos.workflow_status")
    assert kept == 4
    assert await ledger.forget(before=datetime.now(UTC) + timedelta(seconds=1)) == 1
    assert work.query("SELECT 1 FROM dbos.workflow_status UNION ALL SELECT 1 FROM dbos.operation_outputs") == []


async def test_limits_hold_until_another_process_sets_its_own(work: Piecework, ledger: Ledger) -> None:
    other = await Ledger.open(work.conninfo, Limits(environment_concurrency=3), version=VERSION)
    limits = "SELECT partition_concurrency, worker_concurrency FROM dbos.queues WHERE name = 'batches'"
    assert work.query(limits) == [(8, 2)]
    await other.impose(Limits(worker_concurrency=4, environment_concurrency=3))
    assert work.query(limits) == [(3, 4)]
    await other.close()


async def test_processes_look_into_the_queues_often_only_while_there_is_a_run(
    work: Piecework, workers: Workers, ledger: Ledger
) -> None:
    seconds = "SELECT polling_interval_sec FROM dbos.queues"
    await workers.join()
    await until(lambda: work.query(seconds) == [(1.0,), (1.0,)])
    await ledger.enqueue(task(work.start([[[0]]])))
    assert max(work.query(seconds)) < (1.0,)
    await until(lambda: work.query(seconds) == [(1.0,), (1.0,)])
