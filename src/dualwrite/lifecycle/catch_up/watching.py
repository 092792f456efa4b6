"""The watch over the queues: their limits, what stays behind of maps that do not run, and routings left half told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol, TypeAlias, assert_never

import structlog

from dualwrite.environments.bulk import BulkEnvironment
from dualwrite.environments.queue import QueueCount
from dualwrite.errors import EnvironmentUnavailable
from dualwrite.lifecycle.catch_up.limits import (
    QueueLimits,
    QueuePolicy,
    Waiting,
    limit_reached,
    refusal,
    waiting_by_map,
)
from dualwrite.lifecycle.transitions import is_live, is_queueing
from dualwrite.store.activity import Severity
from dualwrite.store.database import Store
from dualwrite.store.maps import TableMap
from dualwrite.sync.link import Pair
from dualwrite.sync.rounds import Pause, round_after_round
from dualwrite.sync.stored_router import StoredRouter

log = structlog.get_logger(__name__)

ROUND: Final = timedelta(seconds=3)
_BETWEEN: Final = 20
"""Great queues take a while to be counted: they are left alone for so many times as long."""
WHO: Final = "queue limits"

Clock = Callable[[], datetime]
_Routed: TypeAlias = tuple[object, ...]


class Stopping(Protocol):
    """What the watch does with maps; see :class:`dualwrite.lifecycle.maps.MapLifecycle`."""

    async def stop(self, names: Sequence[str], *, result: str = ...) -> None: ...

    async def give_up(self, names: Sequence[str]) -> int: ...


class QueueWatch:
    """Rounds over the queues of one connection, for as long as the program runs.

    Whatever it does is in the activity log, and no change is lost. Several processes may watch.
    """

    def __init__(
        self,
        store: Store,
        connection: str,
        pair: Pair,
        router: StoredRouter,
        *,
        lifecycle: Stopping,
        limits: QueueLimits,
        now: Clock,
        pause: Pause = asyncio.sleep,
    ) -> None:
        self._store = store
        self._connection = connection
        self._pair = pair
        self._router = router
        self._lifecycle = lifecycle
        self._limits = limits
        self._now = now
        self._pause = pause
        self._routed: _Routed | None = None
        self._took = timedelta()
        """What the last count took."""

    async def run(self) -> None:
        """Watches until it is cancelled. A round that fails, because a database is away, is made up for by the next."""
        await round_after_round(
            self.round,
            between_s=lambda: max(ROUND, _BETWEEN * self._took).total_seconds(),
            failing="queues not watched",
            pause=self._pause,
        )

    async def round(self) -> None:
        """The limits hold, and nothing waits for maps that do not run. Raises: EnvironmentUnavailable."""
        maps = {each.name: each for each in await self._store.maps.list(self._connection)}
        jobs = await self._store.integration_jobs.active_maps(self._connection)
        waiting = waiting_by_map(await self._counts())
        await self._see_to_routing(maps, jobs)
        for name, each in maps.items():
            if is_queueing(each.state) or (is_live(each.state) and name in jobs):
                await self._see_to(each, waiting.get(name))
        left = [name for name in waiting if name not in maps or not is_live(maps[name].state)]
        if left:
            await self._lifecycle.give_up(left)

    async def _see_to(self, table_map: TableMap, waiting: Waiting | None) -> None:
        reached = "" if waiting is None else limit_reached(waiting, self._limits, now=self._now())
        match self._limits.policy:
            case QueuePolicy.BLOCK:
                await self._block(table_map, reached)
            case QueuePolicy.STOP:
                await self._block(table_map, "")
                if reached:
                    await self._lifecycle.stop([table_map.name], result=f"a limit of the queue was reached: {reached}")
            case _:
                assert_never(self._limits.policy)

    async def _block(self, table_map: TableMap, reached: str) -> None:
        """Saves through the map are refused for that reason, or are not any more."""
        if bool(table_map.blocked) == bool(reached):
            return
        why = refusal(table_map.name, reached) if reached else ""
        async with self._store.transaction() as repositories:
            if not await repositories.maps.block(self._connection, table_map.name, why):
                return
            await repositories.activity.record(
                "block" if reached else "unblock",
                who=WHO,
                result=f"saves are refused: {reached}" if reached else "the queue is within its limits again",
                map=table_map.name,
                severity=Severity.ERROR if reached else Severity.INFO,
            )
        await self._router.renew()

    async def _see_to_routing(self, maps: Mapping[str, TableMap], jobs: Collection[str]) -> None:
        """Whoever changed maps may have died before telling the others: what nobody was told of is told now."""
        epochs = [await self._epoch(each) for each in (self._pair.finops, self._pair.dataverse)]
        standing = tuple(
            (each.name, each.active_version, each.state, each.held, each.blocked) for each in maps.values()
        )
        routed: _Routed = (standing, tuple(sorted(jobs)))
        before, self._routed = self._routed, (routed, epochs)
        if before is not None and before[0] != routed and before[1] == epochs:
            log.warning("maps have changed and nobody was told")
            await self._router.renew()

    async def _epoch(self, environment: BulkEnvironment) -> int | None:
        try:
            return await self._pair.availability(environment).ask(environment.epoch())
        except EnvironmentUnavailable:
            return None

    async def _counts(self) -> Sequence[QueueCount]:
        """What waits in the environments that answer; the queue of one that does not is as it was."""
        found: list[QueueCount] = []
        began = self._now()
        for environment in (self._pair.finops, self._pair.dataverse):
            try:
                found += await self._pair.availability(environment).ask(environment.queue_counts())
            except EnvironmentUnavailable as error:
                log.info("queue not counted", environment=environment.name, reason=error.message)
        self._took = self._now() - began
        return found
