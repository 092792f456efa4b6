"""The watch: looks at the errors every second, raises and clears alerts, takes their actions, and has people told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Protocol, TypeAlias

import structlog

from dualwrite.errors import Disposition, DualwriteError
from dualwrite.monitoring.alerts.deliveries import Deliveries
from dualwrite.monitoring.alerts.desk import AlertDesk
from dualwrite.monitoring.alerts.look import Counting, Look
from dualwrite.security.clock import Clock
from dualwrite.store.activity import Severity
from dualwrite.store.alerts import ActionState, AlertAction, AlertEvent
from dualwrite.store.database import Store

log = structlog.get_logger(__name__)

Pause: TypeAlias = Callable[[float], Awaitable[None]]

ROUND = timedelta(seconds=1)
ACTION_LEASE = timedelta(minutes=2)
ACTION_WAIT = timedelta(seconds=5)


class MapActions(Protocol):
    """What an alert does to maps (``lifecycle.maps``)."""

    async def pause(self, names: Sequence[str]) -> object: ...

    async def stop(self, names: Sequence[str]) -> object: ...


Acting: TypeAlias = Callable[[str], MapActions]
"""The actions on maps, in the name of somebody."""


class AlertWatch:
    """The alerts of one connection. Any number of processes may watch at the same time."""

    def __init__(
        self,
        store: Store,
        connection: str,
        desk: AlertDesk,
        deliveries: Deliveries,
        *,
        counting: Counting,
        acting: Acting,
        now: Clock,
        pause: Pause = asyncio.sleep,
    ) -> None:
        self._store = store
        self._connection = connection
        self._desk = desk
        self._deliveries = deliveries
        self._counting = counting
        self._acting = acting
        self._now = now
        self._pause = pause

    async def run(self) -> None:
        """Watches until it is cancelled. No step waits for another: a mail server that hangs delays no pause."""
        async with asyncio.TaskGroup() as group:
            for step in (self.look, self.act, self._deliveries.make):
                group.create_task(self._again_and_again(step))

    async def look(self) -> int:
        """Alerts are raised and cleared as the errors are now; gives how many changed. Raises: EnvironmentUnavailable.

        Atomicity: all of them, with their activities, or none. Ordering: one process at a time.
        """
        async with self._store.transaction() as repositories:
            if not await repositories.alerts.try_lock():
                return 0
            look = Look(repositories, self._connection, self._desk, counting=self._counting, now=self._now())
            return await look.take()

    async def act(self) -> int:
        """No action is waiting that can be taken; gives how many were tried. Raises: EnvironmentUnavailable."""
        tried = 0
        while True:
            now = self._now()
            event = await self._store.alerts.claim_action(self._connection, now=now, until=now + ACTION_LEASE)
            if event is None:
                return tried
            tried += 1
            await self._take(event)

    async def _take(self, event: AlertEvent) -> None:
        actions = self._acting(f"alert {event.name}")
        try:
            if event.action is AlertAction.PAUSE:
                await actions.pause([event.map])
            else:
                await actions.stop([event.map])
        except DualwriteError as error:
            if error.disposition is Disposition.TERMINAL:
                await self._end(event, ActionState.FAILED, error.message)
            else:
                due_at = self._now() + ACTION_WAIT
                await self._store.alerts.put_back_action(event.id, due_at=due_at, result=error.message)
            return
        await self._end(event, ActionState.DONE, "")

    async def _end(self, event: AlertEvent, state: ActionState, result: str) -> None:
        async with self._store.transaction() as repositories:
            await repositories.alerts.end_action(event.id, state, result=result)
            if state is ActionState.FAILED:
                await repositories.activity.record(
                    event.action.value,
                    who=f"alert {event.name}",
                    map=event.map,
                    result=f"not done: {result}",
                    severity=Severity.ERROR,
                    details={"event": event.id},
                )

    async def _again_and_again(self, step: Callable[[], Awaitable[int]]) -> None:
        while True:
            try:
                await step()
            except DualwriteError as error:
                log.warning("alerts cannot be watched", code=error.code, reason=error.message)
            except Exception:
                # The named supervisor of this loop: whatever went wrong is told, and the next round goes on.
                log.exception("alerts cannot be watched")
            await self._pause(ROUND.total_seconds())
