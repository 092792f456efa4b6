"""A conductor that does everything at once, in this process: the runs of tests need no workflows."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from dualwrite.errors import DualwriteError
from dualwrite.lifecycle.initial_sync.work import Batch, Carried, SyncWork
from dualwrite.store.initial_syncs import RunId, RunState

Before = Callable[[RunId, int], Awaitable[None]]


async def at_once(run: RunId, number: int) -> None:
    """Nothing happens before a partition."""


class InlineConductor:
    """Implements ``Conductor``. ``before`` is awaited before each partition, with its run and number."""

    def __init__(self, work: SyncWork, *, at_a_time: int = 2, before: Before = at_once) -> None:
        self._work = work
        self._at_a_time = at_a_time
        self.before = before

    async def conduct(self, run: RunId) -> None:
        try:
            if await self._through(run, await self._work.prepare(run)) and await self._through(
                run, await self._work.second_pass(run)
            ):
                await self._work.finish(run)
            else:
                await self._work.settle(run)
        except DualwriteError as error:
            await self._work.fail(run, error.message)

    async def ended(self, run: RunId) -> None:
        """The run is at rest when it has been conducted."""

    async def _through(self, run: RunId, waves: tuple[tuple[Batch, ...], ...]) -> bool:
        for wave in waves:
            free = asyncio.Semaphore(self._at_a_time)
            await asyncio.gather(*(self._batch(run, each, free) for each in wave))
            if await self._work.settle(run) is not RunState.RUNNING:
                return False
        return True

    async def _batch(self, run: RunId, batch: Batch, free: asyncio.Semaphore) -> None:
        async with free:
            for number in batch.partitions:
                try:
                    await self.before(run, number)
                    carried = await self._work.carry_out(run, number, worker="tests")
                except DualwriteError as error:
                    await self._work.fail(run, error.message, number=number)
                    return
                if carried is not Carried.DONE:
                    return
