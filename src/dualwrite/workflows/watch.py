"""What others left behind: workflows of dead processes are taken over, runs without a coordinator get one, and
workflows that ended long ago are forgotten.

Every process that takes part watches. Whatever one finds, others may find at the same moment: each deed is done once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog
from dbos import DBOS

from dualwrite.workflows.ledger import Ledger
from dualwrite.workflows.liveness import Liveness
from dualwrite.workflows.work import Task, Works

log = structlog.get_logger(__name__)

Clock = Callable[[], datetime]
Pause = Callable[[float], Awaitable[None]]

ROUND_S = 1.0
ROUNDS_AT_REST = 10
"""Where no run is to go on, the workflows are looked through once in so many rounds."""
FORGET_EVERY = timedelta(hours=1)
REMEMBER = timedelta(days=7)


class Watch:
    """Rounds, for as long as this process takes part."""

    def __init__(
        self,
        ledger: Ledger,
        liveness: Liveness,
        works: Works,
        *,
        executor: str,
        version: str,
        now: Clock,
        pause: Pause = asyncio.sleep,
    ) -> None:
        self._ledger = ledger
        self._liveness = liveness
        self._works = works
        self._executor = executor
        self._version = version
        self._now = now
        self._pause = pause
        self._unattended: frozenset[Task] = frozenset()
        self._at_rest = 0
        """Rounds since a run was to go on."""
        self._forgotten_at: datetime | None = None

    async def run(self) -> None:
        """Watches until it is cancelled. A round that fails is made up for by the next."""
        failed = False
        while True:
            try:
                await self.round()
                failed = False
            except Exception as error:
                # The named supervisor of this loop: whatever went wrong is told once, and the next round goes on.
                if not failed:
                    log.warning("the work of other processes cannot be watched", reason=str(error).strip())
                failed = True
            await self._pause(ROUND_S)

    async def round(self) -> None:
        """This process is known to be alive, and has taken over what nobody else will do."""
        await self._liveness.beat()
        unfinished = await self._works.unfinished()
        if unfinished or self._at_rest % ROUNDS_AT_REST == 0:
            await self._ledger.look_often(often=bool(unfinished))
            await self._take_over()
            await self._attend(unfinished)
            await self._forget()
        self._at_rest = 0 if unfinished else self._at_rest + 1

    async def _take_over(self) -> None:
        for executor in await self._ledger.at_work() - {self._executor}:
            async with self._liveness.if_dead(executor) as is_dead:
                if is_dead:
                    taken = await asyncio.to_thread(DBOS._recover_pending_workflows, [executor])
                    log.info("took over", executor=executor, workflows=len(taken))

    async def _attend(self, unfinished: frozenset[Task]) -> None:
        """Runs that are nobody's have a coordinator again.

        A run may be nobody's for a moment, between its change of state and its coordinator: it is looked at twice.
        """
        attended = set()
        for each in await self._ledger.coordinations():
            if each.version != self._version and await self._is_deserted(each.version):
                await self._ledger.call_off(each)
            else:
                attended.add(each.task)
        unattended = unfinished - attended
        for task in unattended & self._unattended:
            if await self._ledger.has_been_given_up(task) and await self._has_failed(task):
                continue
            log.info("resumes", kind=task.kind.value, run=str(task.run))
            await self._ledger.enqueue(task)
        self._unattended = unattended

    async def _has_failed(self, task: Task) -> bool:
        """Whether the run is given up; one that is being cancelled is brought to its end all the same."""
        message = "The work on this run broke off again and again; see the program's log."
        return await self._works.fail(task, message)

    async def _is_deserted(self, version: str) -> bool:
        async with self._liveness.if_deserted(version) as is_deserted:
            return is_deserted

    async def _forget(self) -> None:
        now = self._now()
        if self._forgotten_at is not None and now - self._forgotten_at < FORGET_EVERY:
            return
        await self._ledger.forget(before=now - REMEMBER)
        self._forgotten_at = now
