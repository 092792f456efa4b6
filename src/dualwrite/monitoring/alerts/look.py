"""One look at the errors: what each setting makes of them, written down in one transaction."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import TypeAlias

from dualwrite.monitoring.alerts.desk import AlertDesk
from dualwrite.monitoring.alerts.evaluation import Counts, covers, judge
from dualwrite.monitoring.alerts.notices import condition_of
from dualwrite.store.activity import Severity
from dualwrite.store.alerts import ActionState, AlertEvent, AlertSetting, ClearedBecause
from dualwrite.store.database import Repositories
from dualwrite.store.maps import MapState

Counting: TypeAlias = Callable[[Repositories, datetime, datetime], Awaitable[Counts]]
"""Counts the records that failed since the first moment and before the second."""

_RUNNING = frozenset({MapState.INITIALIZING, MapState.RUNNING})


class Look:
    """A look of one moment, as part of a transaction that nobody else looks in."""

    def __init__(
        self, repositories: Repositories, connection: str, desk: AlertDesk, *, counting: Counting, now: datetime
    ) -> None:
        self._repositories = repositories
        self._connection = connection
        self._desk = desk
        self._counting = counting
        self._now = now
        self._counted: dict[datetime, Counts] = {}
        self._changed = 0

    async def take(self) -> int:
        """Events are raised and cleared; gives how many."""
        settings = await self._repositories.alerts.settings(self._connection)
        events = await self._repositories.alerts.open_events(self._connection)
        enabled = {each.id: each for each in settings if each.rule.enabled}
        if not enabled and not events:
            return 0
        states = {each.name: each.state for each in await self._repositories.maps.list(self._connection)}
        left = [each for each in events if not await self._is_over(each, enabled, states)]
        for setting in enabled.values():
            await self._judge(setting, {each.map: each for each in left if each.setting == setting.id})
        return self._changed

    async def _is_over(
        self, event: AlertEvent, enabled: Mapping[int, AlertSetting], states: Mapping[str, MapState]
    ) -> bool:
        """Whether the event is over, whatever the errors are; then it has been cleared."""
        setting = enabled.get(event.setting) if event.setting is not None else None
        if setting is None:
            await self._clear(event, ClearedBecause.DISABLED)
        elif not covers(setting.rule, event.map):
            await self._clear(event, ClearedBecause.NOT_COVERED)
        elif event.action_state is ActionState.DONE and states.get(event.map) in _RUNNING:
            await self._clear(event, ClearedBecause.MAP_RUNS)
        else:
            return False
        return True

    async def _judge(self, setting: AlertSetting, alerting: Mapping[str, AlertEvent]) -> None:
        verdict = judge(setting.rule, await self._counts(setting), alerting=alerting)
        for name in verdict.cleared:
            await self._clear(alerting[name], ClearedBecause.BELOW_THRESHOLD)
        for name, count in verdict.raised.items():
            await self._raise(setting, name, count)

    async def _counts(self, setting: AlertSetting) -> Counts:
        """What failed within the window; of maps that were run again within it, what failed since."""
        since = self._now - setting.rule.window.length
        restarts = await self._repositories.alerts.restarts(self._connection, since=since)
        own = {name: at for (number, name), at in restarts.items() if number == setting.id}
        counts = {key: count for key, count in (await self._failed(since)).items() if key[0] not in own}
        for name, at in own.items():
            counts |= {key: count for key, count in (await self._failed(at)).items() if key[0] == name}
        return counts

    async def _failed(self, since: datetime) -> Counts:
        if since not in self._counted:
            self._counted[since] = await self._counting(self._repositories, since, self._now)
        return self._counted[since]

    async def _raise(self, setting: AlertSetting, map: str, count: int) -> None:
        condition = condition_of(setting.rule, count)
        event = await self._repositories.alerts.raise_event(
            self._connection,
            setting,
            map=map,
            at=self._now,
            count=count,
            condition=condition,
            told=self._desk.destinations(setting),
        )
        await self._record(event, condition, severity=Severity.WARNING)

    async def _clear(self, event: AlertEvent, because: ClearedBecause) -> None:
        await self._repositories.alerts.clear([event.id], at=self._now, because=because)
        await self._record(event, f"over: {because.value}", severity=Severity.INFO)

    async def _record(self, event: AlertEvent, result: str, *, severity: Severity) -> None:
        self._changed += 1
        await self._repositories.activity.record(
            "alert",
            who=f"alert {event.name}",
            map=event.map,
            result=result,
            severity=severity,
            details={"event": event.id, "count": event.count, "action": event.action.value},
        )
