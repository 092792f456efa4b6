"""The runs' conductor: a run's coordinator is put into the queue, and whoever waits for a run takes part in it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from dualwrite.store.initial_syncs import RunId, RunState
from dualwrite.workflows.workers import Workers

_LOOK_EVERY_S = 0.1

Standing = Callable[[RunId], Awaitable[RunState]]
Pause = Callable[[float], Awaitable[None]]


class DurableConductor:
    """Implements :class:`dualwrite.lifecycle.initial_sync.conductor.Conductor`."""

    def __init__(self, workers: Workers, *, standing: Standing, pause: Pause = asyncio.sleep) -> None:
        self._workers = workers
        self._standing = standing
        self._pause = pause

    async def conduct(self, run: RunId) -> None:
        """See the port. This process need not take part; a run begins when one that does is there."""
        await self._workers.enqueue(run)

    async def ended(self, run: RunId) -> None:
        """See the port. This process takes part, unless there is nothing to wait for."""
        if (await self._standing(run)).is_at_rest:
            return
        await self._workers.join()
        while not (await self._standing(run)).is_at_rest:
            await self._pause(_LOOK_EVERY_S)
