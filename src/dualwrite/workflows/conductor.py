"""The conductor: a run's coordinator is put into the queue, and whoever waits for a run takes part in it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar
from uuid import UUID

from dualwrite.workflows.work import Kind, Task
from dualwrite.workflows.workers import Workers

_LOOK_EVERY_S = 0.1

Run = TypeVar("Run", bound=UUID, contravariant=True)
Pause = Callable[[float], Awaitable[None]]


class DurableConductor(Generic[Run]):
    """Implements :class:`dualwrite.lifecycle.conductor.Conductor` for runs of one kind."""

    def __init__(
        self,
        workers: Workers,
        kind: Kind,
        *,
        is_at_rest: Callable[[Run], Awaitable[bool]],
        pause: Pause = asyncio.sleep,
    ) -> None:
        self._workers = workers
        self._kind = kind
        self._is_at_rest = is_at_rest
        self._pause = pause

    async def conduct(self, run: Run) -> None:
        """See the port. This process need not take part; a run begins when one that does is there."""
        await self._workers.enqueue(Task(self._kind, run))

    async def ended(self, run: Run) -> None:
        """See the port. This process takes part, unless there is nothing to wait for."""
        if await self._is_at_rest(run):
            return
        await self._workers.join()
        while not await self._is_at_rest(run):
            await self._pause(_LOOK_EVERY_S)
