"""A run over piecework: everything once, wave after wave, and what people can do with it meanwhile."""

from __future__ import annotations

from conftest import new_workers

from dualwrite.store.initial_syncs import RunState
from dualwrite.workflows.conductor import DurableConductor
from dualwrite.workflows.workers import Workers
from fakes.piecework import Piecework


def conductor(workers: Workers, work: Piecework) -> DurableConductor:
    async def standing(run):
        return work.state(run)

    return DurableConductor(workers, standing=standing)


async def test_a_run_is_done_wave_after_wave_and_every_partition_once(work: Piecework, workers: Workers) -> None:
    import time
    t=time.perf_counter()
    run = work.start([[[0, 1], [2]], [[3]], [[4, 5]]])
    conducting = conductor(workers, work)
    await conducting.conduct(run)
    print("conduct", time.perf_counter()-t)
    await conducting.ended(run)
    print("ended", time.perf_counter()-t)
    assert work.state(run) is RunState.COMPLETED
    assert sorted(work.begun(run)) == [0, 1, 2, 3, 4, 5]
    t=time.perf_counter()
    run = work.start([[list(range(19))]])
    await conducting.conduct(run)
    print("conduct", time.perf_counter()-t)
    await conducting.ended(run)
    print("ended", time.perf_counter()-t)
    await workers.close()
    print("closed", time.perf_counter()-t)
