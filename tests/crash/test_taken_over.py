"""Processes that take part in a run are killed: the others go on where they were, and nothing is done twice."""

from __future__ import annotations

import os
import random
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator

import psycopg
import pytest
from shifts import Nursery, Shifts, nursery

from dualwrite.store.initial_syncs import RunId, RunState
from dualwrite.workflows.ledger import Ledger
from dualwrite.workflows.limits import Limits
from dualwrite.workflows.work import Kind, Task
from fakes.piecework import Piecework
from waiting import until

pytestmark = pytest.mark.crash

VERSION = "1"
KILLS = 6
Begin = Callable[[RunId], Awaitable[None]]


@pytest.fixture
def work(database: str) -> Piecework:
    return Piecework(database)


@pytest.fixture
async def begin(work: Piecework) -> Begin:
    """Puts a run into the queue, as a process that takes no part does."""

    async def begin(run: RunId) -> None:
        ledger = await Ledger.open(work.conninfo, Limits(), version=VERSION)
        await ledger.enqueue(Task(Kind.INITIAL_SYNC, run))
        await ledger.close()

    return begin


@pytest.fixture(scope="module")
def births(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    with nursery(tmp_path_factory.mktemp("workers")) as births:
        yield births


@pytest.fixture
def shifts(work: Piecework, births: Nursery) -> Callable[..., Shifts]:
    def shifts(number: int, *, version: str = VERSION) -> Shifts:
        return Shifts(births, number, ["piecework", work.conninfo, version])

    return shifts


def coordinator(work: Piecework) -> str:
    """The worker that coordinates the run under way; empty when none does."""
    found = work.query(
        "SELECT executor_id FROM dbos.workflow_status WHERE name = %s AND status = 'PENDING'", Kind.INITIAL_SYNC.value
    )
    return str(found[0][0]) if found else ""


async def test_two_workers_share_a_run(work: Piecework, begin: Begin, shifts: Callable[..., Shifts]) -> None:
    run = work.start([[[number] for number in range(24)]], seconds=0.1)
    with shifts(2):
        await begin(run)
        await until(lambda: work.state(run) is RunState.COMPLETED)
    shares = Counter(worker for (worker,) in work.query("SELECT worker FROM done"))
    assert len(shares) == 2 and min(shares.values()) >= 6


async def test_a_killed_coordinator_is_followed_by_another(
    work: Piecework, begin: Begin, shifts: Callable[..., Shifts]
) -> None:
    run = work.start([[[0], [1]], [[2], [3]], [[4], [5]]], seconds=0.3)
    with shifts(2) as workers:
        for wave in (0, 2):
            if not wave:
                await begin(run)
            await until(lambda wave=wave: wave in work.begun(run) and coordinator(work) != "")  # type: ignore[misc]
            workers.kill(workers.worker(coordinator(work)))
        await until(lambda: work.state(run) is RunState.COMPLETED)
    assert work.done(run) == list(range(6)) and work.finished(run) == 1


async def test_killing_at_random_loses_and_doubles_nothing(
    work: Piecework, begin: Begin, shifts: Callable[..., Shifts]
) -> None:
    waves = [[[batch * 3, batch * 3 + 1, batch * 3 + 2] for batch in range(wave, wave + 10)] for wave in (0, 10, 20)]
    run = work.start(waves, seconds=0.3)
    with shifts(4) as workers:
        await begin(run)
        await until(lambda: len(work.begun(run)) > 0)
        await workers.kill_some(lambda: work.goes_on(run), times=KILLS, chance=random.Random(20201103))
        await until(lambda: work.state(run) is RunState.COMPLETED)
    assert workers.kills == KILLS
    assert work.done(run) == list(range(90)) and work.finished(run) == 1
    # Only what was under way when a worker died was begun again.
    assert len(work.begun(run)) <= 90 + workers.kills * 2


async def test_a_worker_that_is_told_to_stop_ends_what_it_has_begun(
    work: Piecework, begin: Begin, shifts: Callable[..., Shifts]
) -> None:
    run = work.start([[[0, 1, 2], [3, 4, 5]]], seconds=0.4)
    with shifts(1) as workers:
        await begin(run)
        await until(lambda: len(work.begun(run)) >= 2)
        assert workers.stop(workers.workers[0]) == 0
    begun = work.begun(run)
    assert work.done(run) == sorted(begun) and len(begun) < 6
    with shifts(1):
        await until(lambda: work.state(run) is RunState.COMPLETED)
    assert sorted(work.begun(run)) == list(range(6))


async def test_a_worker_that_was_thought_dead_does_no_harm(
    work: Piecework, begin: Begin, shifts: Callable[..., Shifts]
) -> None:
    run = work.start([[[0, 1], [2, 3]], [[4, 5], [6, 7]]], seconds=0.4)
    with shifts(2) as workers:
        await begin(run)
        await until(lambda: coordinator(work) != "" and len(work.begun(run)) >= 4)
        sleeper = workers.worker(coordinator(work))
        os.kill(sleeper.pid, signal.SIGSTOP)
        # As the server does by itself when a process has been silent for too long.
        with psycopg.connect(work.conninfo, autocommit=True) as connection:
            ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE %s"
            connection.execute(ended, (f"dualwrite %-{sleeper.pid}-%",))
        await until(
            lambda: coordinator(work) not in ("", *(each for each in [coordinator(work)] if f"-{sleeper.pid}-" in each))
        )
        os.kill(sleeper.pid, signal.SIGCONT)
        await until(lambda: work.state(run) is RunState.COMPLETED)
    assert work.done(run) == list(range(8)) and work.finished(run) == 1


async def test_another_version_of_the_program_takes_over_when_none_of_the_former_is_alive(
    work: Piecework, begin: Begin, shifts: Callable[..., Shifts]
) -> None:
    run = work.start([[[0, 1, 2, 3]]], seconds=0.3)
    with shifts(1):
        await begin(run)
        await until(lambda: len(work.done(run)) >= 1)
    with shifts(1, version="2"):
        await until(lambda: work.state(run) is RunState.COMPLETED)
    assert work.done(run) == [0, 1, 2, 3]
    assert sorted(set(work.begun(run))) == [0, 1, 2, 3] and len(work.begun(run)) <= 5
