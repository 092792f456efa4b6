"""A run over piecework: everything once, wave after wave, and what people can do with it meanwhile."""

from __future__ import annotations

import asyncio

import pytest
from taking_part import carried_out, conductor_of, new_workers, task

from dualwrite.metadata.schema import Side
from dualwrite.store.initial_syncs import RunState
from dualwrite.workflows.limits import Limits
from dualwrite.workflows.workers import Workers
from fakes.piecework import Piecework
from waiting import until


async def test_a_run_is_done_wave_after_wave_and_every_partition_once(work: Piecework, workers: Workers) -> None:
    run = work.start([[[0, 1], [2]], [[3]], [[4, 5]]])
    assert await carried_out(workers, work, run) is RunState.COMPLETED
    begun = work.begun(run)
    assert sorted(begun) == [0, 1, 2, 3, 4, 5]
    assert begun.index(3) == 3 and set(begun[4:]) == {4, 5}


async def test_one_run_follows_another(work: Piecework, workers: Workers) -> None:
    for _ in range(2):
        assert await carried_out(workers, work, work.start([[[0, 1]]])) is RunState.COMPLETED


async def test_a_house_can_be_left_and_entered_again(work: Piecework) -> None:
    for _ in range(3):
        workers = new_workers(work)
        assert await carried_out(workers, work, work.start([[[0]]])) is RunState.COMPLETED
        await workers.close()
    assert await asyncio.to_thread(lambda: "threads work") == "threads work"


async def test_one_process_takes_part_in_the_work_of_one_house(work: Piecework, workers: Workers) -> None:
    await workers.join()
    other = new_workers(work)
    with pytest.raises(RuntimeError, match="another house"):
        await other.join()
    await other.close()
    assert await carried_out(workers, work, work.start([[[0]]])) is RunState.COMPLETED


async def test_a_conducted_run_begins_when_somebody_takes_part(work: Piecework) -> None:
    run = work.start([[[0]]])
    outside = new_workers(work)
    await conductor_of(outside, work).conduct(run)
    await outside.close()
    assert work.begun(run) == []
    inside = new_workers(work)
    await inside.join()
    await until(lambda: work.state(run) is RunState.COMPLETED)
    await inside.close()


async def test_a_run_conducted_twice_has_one_coordinator(work: Piecework, workers: Workers) -> None:
    run = work.start([[[0, 1, 2]]], seconds=0.1)
    await asyncio.gather(*(workers.enqueue(task(run)) for _ in range(5)))
    assert await carried_out(workers, work, run) is RunState.COMPLETED
    assert sorted(work.begun(run)) == [0, 1, 2]


async def test_a_run_pauses_between_partitions_and_goes_on_where_it_was(work: Piecework, workers: Workers) -> None:
    run = work.start([[list(range(8))]], seconds=0.05)
    await workers.enqueue(task(run))
    await workers.join()
    await until(lambda: len(work.done(run)) >= 2)
    work.set_state(run, RunState.PAUSING)
    await until(lambda: work.state(run) is RunState.PAUSED)
    begun = work.begun(run)
    assert 2 <= len(begun) < 8 and work.done(run) == begun
    # The first coordinator may not have ended yet: the second must neither be missing nor beside it.
    work.set_state(run, RunState.RUNNING)
    assert await carried_out(workers, work, run) is RunState.COMPLETED
    assert sorted(work.begun(run)) == list(range(8))


async def test_a_long_run_pauses_soon(work: Piecework, workers: Workers) -> None:
    run = work.start([[[number] for number in range(2000)]], seconds=0.01)
    await workers.enqueue(task(run))
    await workers.join()
    await until(lambda: len(work.done(run)) >= 2)
    work.set_state(run, RunState.CANCELLING)
    await until(lambda: work.state(run) is RunState.CANCELLED)
    assert len(work.begun(run)) < 40


async def test_what_passes_by_itself_is_tried_again(work: Piecework, workers: Workers) -> None:
    run = work.start([[[0, 1]]], faults=1)
    assert await carried_out(workers, work, run) is RunState.COMPLETED
    assert sorted(work.begun(run)) == [0, 0, 1, 1]


async def test_what_goes_wrong_is_told_at_the_run(work: Piecework, workers: Workers) -> None:
    run = work.start([[[0, 1, 2]]])
    work.query("UPDATE piece SET target = 'nowhere' WHERE number = 1 RETURNING 1")
    assert await carried_out(workers, work, run) is RunState.FAILED
    assert "nowhere" in work.message(run)


async def test_a_partition_that_cannot_be_carried_out_ends_the_run(work: Piecework, workers: Workers) -> None:
    run = work.start([[[0, 1, 2]]])
    work.break_partition(run, 1)
    assert await carried_out(workers, work, run) is RunState.FAILED
    assert work.begun(run) == [0, 1]


async def test_an_environment_is_written_to_by_so_many_at_a_time(work: Piecework) -> None:
    workers = new_workers(work, Limits(worker_concurrency=8, environment_concurrency=1))
    await workers.join(impose_limits=True)
    run = work.start([[[0], [1], [2]]], seconds=0.1, target=Side.FINOPS)
    assert await carried_out(workers, work, run) is RunState.COMPLETED
    assert work.most_at_once(run) == 1
    await workers.close()


async def test_partitions_begin_at_the_rate_that_an_environment_allows(work: Piecework) -> None:
    workers = new_workers(work, Limits(partitions_per_minute=3))
    await workers.join(impose_limits=True)
    run = work.start([[[0, 1, 2, 3, 4]]])
    await workers.enqueue(task(run))
    await until(lambda: len(work.done(run)) == 3)
    await asyncio.sleep(0.5)
    assert len(work.begun(run)) == 3
    await workers.close()
