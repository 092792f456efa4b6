"""This process's part in the work on runs: joined when it is first needed, left when the house closes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import uuid4

import structlog

from dualwrite.metadata.schema import Side
from dualwrite.workflows.limits import Limits
from dualwrite.workflows.liveness import Liveness
from dualwrite.workflows.shift import Doing, Listener, Shift
from dualwrite.workflows.work import Task, Works

if TYPE_CHECKING:
    from dualwrite.workflows.ledger import Ledger
    from dualwrite.workflows.runtime import Runtime

log = structlog.get_logger(__name__)


class Workers:
    """What this process has to do with workflows; nothing is loaded or connected before it is needed."""

    def __init__(
        self,
        conninfo: str,
        works: Works,
        limits: Limits,
        *,
        version: str,
        environments: Mapping[Side, str],
        now: Callable[[], datetime],
    ) -> None:
        self.name = f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:8]}"
        """Names this process, and no other at any time."""
        self._conninfo = conninfo
        self._works = works
        self._limits = limits
        self._version = version
        self._environments = environments
        self._now = now
        self._listeners: list[Listener] = []
        self._turn = asyncio.Lock()
        self._ledger: Ledger | None = None
        self._runtime: Runtime | None = None
        self._stack = AsyncExitStack()

    @property
    def doing(self) -> tuple[Doing, ...]:
        """What this process is carrying out."""
        return self._runtime.shift.doing if self._runtime is not None else ()

    def listen(self, listener: Listener) -> None:
        """The listener is told of every piece that this process has carried out, once it takes part."""
        self._listeners.append(listener)

    async def enqueue(self, task: Task) -> None:
        """The run is worked on by whoever takes part. Idempotency: by run."""
        async with self._turn:
            ledger = await self._opened()
        await ledger.enqueue(task)

    async def join(self, *, impose_limits: bool = False) -> None:
        """This process carries out workflows until it is closed, and takes over those of dead ones. Idempotent.

        ``impose_limits``: this process's limits of concurrency and rate are those of all from now on.

        Raises: RuntimeError, when this process takes part in the work of another house.
        """
        async with self._turn:
            ledger = await self._opened()
            if impose_limits:
                await ledger.impose(self._limits)
            if self._runtime is None:
                await self._launch(ledger)

    async def close(self, *, grace_s: float = 0) -> None:
        """This process takes no part any more. What was under way had so many seconds; the rest is for others."""
        async with self._turn:
            if self._runtime is not None:
                await self._runtime.shift.leave(grace_s=grace_s)
            await self._stack.aclose()
            self._runtime = self._ledger = None

    async def _opened(self) -> Ledger:
        if self._ledger is None:
            from dualwrite.workflows.ledger import Ledger

            self._ledger = await Ledger.open(self._conninfo, self._limits, version=self._version)
            self._stack.push_async_callback(self._ledger.close)
        return self._ledger

    async def _launch(self, ledger: Ledger) -> None:
        from dualwrite.workflows.runtime import launched
        from dualwrite.workflows.steps import AtWork
        from dualwrite.workflows.watch import Watch

        liveness = Liveness(self._conninfo, executor=self.name, version=self._version)
        self._stack.push_async_callback(liveness.close)
        await liveness.beat()
        shift = Shift(worker=self.name, listeners=self._listeners)
        at_work = AtWork(shift, self._works, self._environments, self._limits)
        watch = Watch(ledger, liveness, self._works, executor=self.name, version=self._version, now=self._now)
        self._runtime = await self._stack.enter_async_context(launched(ledger, at_work, version=self._version))
        await self._stack.enter_async_context(_kept_up(watch.run()))
        log.debug("takes part", worker=self.name)


@asynccontextmanager
async def _kept_up(rounds: Coroutine[object, object, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(rounds)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
