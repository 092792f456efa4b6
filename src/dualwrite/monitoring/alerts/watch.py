"""The watch: looks at the errors every second, raises and clears alerts, takes their actions, and has people told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Protocol, TypeAlias

from dualwrite.errors import Disposition, DualwriteError
from dualwrite.monitoring.alerts.deliveries import Deliveries
from dualwrite.monitoring.alerts.desk import AlertDesk
from dualwrite.monitoring.alerts.look import Counting, Look
from dualwrite.security.clock import Clock
from dualwrite.store.alerts import ActionState, AlertAction, AlertEvent
from dualwrite.store.database import Store
from dualwrite.store.maps import MapState
from dualwrite.sync.rounds import Pause, round_after_round

ROUND = timedelta(seconds=1)
ACTION_LEASE = timedelta(minutes=2)
ACTION_WAIT = timedelta(seconds=10)

_WANTED: Mapping[AlertAction, MapState] = {
    AlertAction.PAUSE: MapState.PAUSED,
    AlertAction.STOP: MapState.NOT_RUNNING,
}


class MapActions(Protocol):
    """What an alert does to maps (``lifecycle.maps``)."""

    async def pause(self, names: Sequence[str], *, result: str) -> None: ...

    async def stop(self, names: Sequence[str], *, result: str) -> None: ...


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
        try:
            async with asyncio.TaskGroup() as group:
                for step in (self.look, self.act, self._deliveries.start):
                    group.create_task(self._again_and_again(step))
        finally:
            await self._deliveries.close()

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
        """The action has been taken, refused, or put back until what it needs answers again."""
        actions = self._acting(f"alert {event.name}")
        take = actions.pause if event.action is AlertAction.PAUSE else actions.stop
        try:
            await take([event.map], result=f"completed: {event.condition}")
        except DualwriteError as error:
            if error.disposition is not Disposition.TERMINAL:
                due_at = self._now() + ACTION_WAIT
                await self._store.alerts.put_back_action(event.id, due_at=due_at, result=error.message)
            elif await self._is_done(event):
                await self._store.alerts.end_action(event.id, ActionState.DONE, result="It was already.")
            else:
                await self._store.alerts.end_action(event.id, ActionState.FAILED, result=error.message)
            return
        await self._store.alerts.end_action(event.id, ActionState.DONE, result="")

    async def _is_done(self, event: AlertEvent) -> bool:
        """Whether the map stands where the action leads: somebody was quicker, or died before saying so."""
        states = {each.name: each.state for each in await self._store.maps.list(self._connection)}
        return states.get(event.map) is _WANTED.get(event.action)

    async def _again_and_again(self, step: Callable[[], Awaitable[int]]) -> None:
        await round_after_round(
            step, between_s=ROUND.total_seconds, failing="alerts cannot be watched", pause=self._pause
        )
