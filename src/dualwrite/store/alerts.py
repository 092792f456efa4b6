"""Alert settings, the events they have raised, and who has been told of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, Row, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from dualwrite.store import tables
from dualwrite.store.connector import Transactions, storable_text
from dualwrite.store.sync_errors import Category

_ADVISORY_LOCK = 7_306_812_440_118_226_009
"""One process at a time looks whether a setting's threshold is reached."""


class AlertAction(Enum):
    """What becomes of the map."""

    NONE = "none"
    PAUSE = "pause"
    STOP = "stop"


class WindowUnit(Enum):
    MINUTES = "minutes"
    HOURS = "hours"
    DAYS = "days"


@dataclass(frozen=True, slots=True)
class AlertWindow:
    """The time over which errors are counted; it ends now."""

    number: int
    unit: WindowUnit

    @property
    def length(self) -> timedelta:
        return timedelta(**{self.unit.value: self.number})

    def __str__(self) -> str:
        return f"{self.number} {self.unit.value}" if self.number > 1 else f"1 {self.unit.value[:-1]}"


@dataclass(frozen=True, slots=True)
class AlertRule:
    """When a setting raises an alert, and what follows; without ``maps`` it is about all of them.

    ``categories`` are the errors that count. ``webhooks`` are encrypted before they come here.
    """

    name: str
    categories: tuple[Category, ...]
    threshold: int
    window: AlertWindow
    maps: tuple[str, ...] | None = None
    action: AlertAction = AlertAction.NONE
    recipients: tuple[str, ...] = ()
    webhooks: tuple[str, ...] = field(default=(), repr=False)
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class AlertSetting:
    """A rule as it is kept."""

    id: int
    rule: AlertRule
    changed_by: str
    changed_at: datetime


class EventState(Enum):
    OPEN = "open"
    """The threshold has been reached, and the map has not been below it since."""
    CLEARED = "cleared"


class ClearedBecause(Enum):
    """Why an event is over."""

    BELOW_THRESHOLD = "below the threshold"
    MAP_RUNS = "the map runs again"
    """Errors from before do not count any more."""
    NOT_COVERED = "the setting is not about the map any more"
    DISABLED = "the setting has been disabled"
    REMOVED = "the setting has been removed"


class ActionState(Enum):
    NONE = "none"
    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"


class Channel(Enum):
    E_MAIL = "e-mail"
    WEBHOOK = "webhook"


class DeliveryState(Enum):
    PENDING = "pending"
    CLAIMED = "claimed"
    """Somebody is about to send it, and has not yet begun to."""
    SENDING = "sending"
    """Whether it has been received is not known while it is sent."""
    SENT = "sent"
    FAILED = "failed"
    IN_DOUBT = "in doubt"
    """Whoever sent it has not come back; it may have been received, and is not sent again."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """How one recipient is told of an event. ``shown`` names the destination without its secrets."""

    event: int
    number: int
    channel: Channel
    destination: str = field(repr=False)
    shown: str
    state: DeliveryState
    attempts: int
    due_at: datetime
    claim: UUID | None
    ended_at: datetime | None
    message: str


@dataclass(frozen=True, slots=True)
class Destination:
    """Where an event is told of."""

    channel: Channel
    destination: str = field(repr=False)
    shown: str


@dataclass(frozen=True, slots=True)
class AlertEvent:
    """A setting's threshold was reached by a map. ``setting`` is None when the setting has been removed since.

    ``condition`` says in words what was reached.
    """

    id: int
    setting: int | None
    name: str
    map: str
    at: datetime
    count: int
    condition: str
    state: EventState
    cleared_at: datetime | None
    cleared_because: ClearedBecause | None
    action: AlertAction
    action_state: ActionState
    action_result: str
    deliveries: tuple[Delivery, ...] = ()


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events are meant; what is None does not matter. ``name`` is the setting's."""

    name: str | None = None
    map: str | None = None
    state: EventState | None = None


class AlertRepository:
    """Alert settings and events."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def try_lock(self) -> bool:
        """Nobody else looks for alerts until the transaction ends; False when somebody does."""
        async with self._transactions.begin() as connection:
            taken = await connection.scalar(select(func.pg_try_advisory_xact_lock(_ADVISORY_LOCK)))
            return bool(taken)

    # --- settings ---------------------------------------------------------------------------------------------------

    async def settings(self, connection_name: str) -> tuple[AlertSetting, ...]:
        """The settings of a connection, by name."""
        t = tables.alert_setting
        async with self._transactions.begin() as connection:
            found = await connection.execute(select(t).where(t.c.connection == connection_name).order_by(t.c.name))
            return tuple(_setting(row) for row in found)

    async def setting(self, connection_name: str, name: str) -> AlertSetting | None:
        """The setting of this name, None when there is none."""
        t = tables.alert_setting
        query = select(t).where(t.c.connection == connection_name, t.c.name == name)
        async with self._transactions.begin() as connection:
            row = (await connection.execute(query)).one_or_none()
            return None if row is None else _setting(row)

    async def save_setting(self, connection_name: str, rule: AlertRule, *, who: str) -> AlertSetting:
        """The setting of this name is as ``rule`` says. Idempotent."""
        facts: dict[str, object] = {
            "enabled": rule.enabled,
            "categories": [each.value for each in rule.categories],
            "maps": None if rule.maps is None else list(rule.maps),
            "threshold": rule.threshold,
            "window_number": rule.window.number,
            "window_unit": rule.window.unit.value,
            "action": rule.action.value,
            "recipients": list(rule.recipients),
            "webhooks": list(rule.webhooks),
            "changed_by": storable_text(who),
            "changed_at": func.now(),
        }
        t = tables.alert_setting
        statement = insert(t).values(connection=connection_name, name=rule.name, **facts)
        statement = statement.on_conflict_do_update(index_elements=["connection", "name"], set_=facts)
        async with self._transactions.begin() as connection:
            return _setting((await connection.execute(statement.returning(*t.c))).one())

    async def remove_setting(self, connection_name: str, name: str) -> bool:
        """There is no such setting, and its events are over; False when there was none."""
        t, e = tables.alert_setting, tables.alert_event
        own = select(t.c.id).where(t.c.connection == connection_name, t.c.name == name).scalar_subquery()
        over = update(e).where(e.c.setting == own, e.c.state == EventState.OPEN.value)
        async with self._transactions.begin() as connection:
            await connection.execute(over.values(**_cleared(func.now(), ClearedBecause.REMOVED)))
            gone = await connection.execute(delete(t).where(t.c.connection == connection_name, t.c.name == name))
            return gone.rowcount > 0

    # --- events -----------------------------------------------------------------------------------------------------

    async def open_events(self, connection_name: str) -> tuple[AlertEvent, ...]:
        """The events that are not over, the earliest first."""
        t = tables.alert_event
        query = select(t).where(t.c.connection == connection_name, t.c.state == EventState.OPEN.value)
        async with self._transactions.begin() as connection:
            return tuple(_event(row) for row in await connection.execute(query.order_by(t.c.id)))

    async def raise_event(
        self,
        connection_name: str,
        setting: AlertSetting,
        *,
        map: str,
        at: datetime,
        count: int,
        condition: str,
        told: Sequence[Destination],
    ) -> AlertEvent:
        """The event is open; its action is to be taken, and the destinations are to be told."""
        action = setting.rule.action
        facts = {
            "connection": connection_name,
            "setting": setting.id,
            "name": setting.rule.name,
            "map": map,
            "at": at,
            "count": count,
            "condition": condition,
            "action": action.value,
            "action_state": (ActionState.NONE if action is AlertAction.NONE else ActionState.PENDING).value,
        }
        t = tables.alert_event
        async with self._transactions.begin() as connection:
            row = (await connection.execute(insert(t).values(**facts).returning(*t.c))).one()
            if told:
                await connection.execute(
                    insert(tables.alert_delivery),
                    [_delivery_facts(row.id, number, each, at) for number, each in enumerate(told, 1)],
                )
            return _event(row)

    async def clear(self, events: Sequence[int], *, at: datetime, because: ClearedBecause) -> None:
        """The events are over."""
        t = tables.alert_event
        statement = update(t).where(t.c.id.in_(events), t.c.state == EventState.OPEN.value)
        async with self._transactions.begin() as connection:
            await connection.execute(statement.values(**_cleared(at, because)))

    async def restarts(self, connection_name: str, *, since: datetime) -> dict[tuple[int, str], datetime]:
        """By setting and map, since when errors count because the map ran again then; none from before ``since``."""
        t = tables.alert_event
        query = (
            select(t.c.setting, t.c.map, func.max(t.c.cleared_at).label("at"))
            .where(t.c.connection == connection_name, t.c.setting.is_not(None), t.c.cleared_at >= since)
            .where(t.c.cleared_because == ClearedBecause.MAP_RUNS.value)
            .group_by(t.c.setting, t.c.map)
        )
        async with self._transactions.begin() as connection:
            return {(row.setting, row.map): row.at for row in await connection.execute(query)}

    async def events(
        self,
        connection_name: str,
        which: EventFilter | None = None,
        *,
        before: int | None = None,
        limit_rows: int = 100,
    ) -> tuple[AlertEvent, ...]:
        """The latest events first, with their deliveries; ``before`` (an event's number) pages on to older ones."""
        t = tables.alert_event
        conditions: list[ColumnElement[bool]] = [t.c.connection == connection_name]
        if which is not None and which.name is not None:
            conditions.append(t.c.name == which.name)
        if which is not None and which.map is not None:
            conditions.append(t.c.map == which.map)
        if which is not None and which.state is not None:
            conditions.append(t.c.state == which.state.value)
        if before is not None:
            conditions.append(t.c.id < before)
        query = select(t).where(*conditions).order_by(t.c.id.desc()).limit(limit_rows)
        async with self._transactions.begin() as connection:
            rows = (await connection.execute(query)).all()
            told = await _deliveries(connection, [row.id for row in rows])
        return tuple(_event(row, told.get(row.id, ())) for row in rows)

    async def event(self, connection_name: str, number: int) -> AlertEvent | None:
        """The event with its deliveries, None when there is none."""
        found = await self.events(connection_name, before=number + 1, limit_rows=1)
        return found[0] if found and found[0].id == number else None

    async def forget(self, before: datetime) -> int:
        """No event is kept that was over before ``before``; gives how many were."""
        t = tables.alert_event
        async with self._transactions.begin() as connection:
            return (await connection.execute(delete(t).where(t.c.cleared_at < before))).rowcount

    # --- actions ----------------------------------------------------------------------------------------------------

    async def claim_action(self, connection_name: str, *, now: datetime, until: datetime) -> AlertEvent | None:
        """The event whose action the caller is to take before ``until``, None when there is none to be taken."""
        t = tables.alert_event
        free = t.c.action_claimed_until.is_(None) | (t.c.action_claimed_until <= now)
        query = select(t.c.id).where(
            t.c.connection == connection_name, t.c.action_state == ActionState.PENDING.value, free
        )
        next_one = query.order_by(t.c.id).limit(1).with_for_update(skip_locked=True).scalar_subquery()
        statement = update(t).where(t.c.id == next_one).values(action_claimed_until=until).returning(*t.c)
        async with self._transactions.begin() as connection:
            row = (await connection.execute(statement)).one_or_none()
            return None if row is None else _event(row)

    async def end_action(self, event: int, state: ActionState, *, result: str) -> None:
        """The action has ended so."""
        await self._set_action(event, {"action_state": state.value, "action_result": storable_text(result)})

    async def put_back_action(self, event: int, *, due_at: datetime, result: str) -> None:
        """The action has not been taken, and may be at ``due_at``."""
        await self._set_action(event, {"action_claimed_until": due_at, "action_result": storable_text(result)})

    async def _set_action(self, event: int, values: dict[str, Any]) -> None:
        t = tables.alert_event
        statement = update(t).where(t.c.id == event, t.c.action_state == ActionState.PENDING.value)
        async with self._transactions.begin() as connection:
            await connection.execute(statement.values(**values))

    # --- deliveries -------------------------------------------------------------------------------------------------

    async def claim_delivery(
        self, connection_name: str, *, now: datetime, until: datetime, patience: timedelta
    ) -> Delivery | None:
        """The delivery that the caller is to make before ``until``, None when none is due.

        One whose claim has run out before it was begun is due again. An event's action is given ``patience``, so that
        people are told what has become of the map.
        """
        t, e = tables.alert_delivery, tables.alert_event
        waiting = t.c.state.in_([DeliveryState.PENDING.value, DeliveryState.CLAIMED.value])
        acted = (e.c.action_state != ActionState.PENDING.value) | (e.c.at <= now - patience)
        query = (
            select(t.c.event, t.c.number)
            .join(e, e.c.id == t.c.event)
            .where(waiting, t.c.due_at <= now, e.c.connection == connection_name, acted)
            .order_by(t.c.due_at)
            .limit(1)
            .with_for_update(skip_locked=True, of=t)
        )
        claimed = {
            "state": DeliveryState.CLAIMED.value,
            "claim": uuid4(),
            "due_at": until,
            "attempts": t.c.attempts + 1,
        }
        async with self._transactions.begin() as connection:
            found = (await connection.execute(query)).one_or_none()
            if found is None:
                return None
            own = t.c.event == found.event, t.c.number == found.number
            return _delivery((await connection.execute(update(t).where(*own).values(**claimed).returning(*t.c))).one())

    async def begin_sending(self, delivery: Delivery) -> bool:
        """From here on the delivery is not repeated; False when somebody else has claimed it meanwhile."""
        return await self._move(delivery, DeliveryState.CLAIMED, {"state": DeliveryState.SENDING.value})

    async def end_delivery(self, delivery: Delivery, state: DeliveryState, *, at: datetime, message: str) -> None:
        """The delivery has ended so."""
        await self._move(delivery, None, {"state": state.value, "ended_at": at, "message": storable_text(message)})

    async def put_back(self, delivery: Delivery, *, due_at: datetime, message: str) -> None:
        """The delivery has surely not been made, and is due again at ``due_at``."""
        again = {"state": DeliveryState.PENDING.value, "due_at": due_at, "message": storable_text(message)}
        await self._move(delivery, None, {**again, "claim": None})

    async def lose_sight(self, connection_name: str, *, now: datetime, message: str) -> Sequence[Delivery]:
        """Deliveries that have been under way for too long are in doubt; gives them."""
        t, e = tables.alert_delivery, tables.alert_event
        own = select(e.c.id).where(e.c.connection == connection_name)
        late = t.c.state == DeliveryState.SENDING.value, t.c.due_at <= now, t.c.event.in_(own)
        values = {"state": DeliveryState.IN_DOUBT.value, "ended_at": now, "message": storable_text(message)}
        async with self._transactions.begin() as connection:
            found = await connection.execute(update(t).where(*late).values(**values).returning(*t.c))
            return [_delivery(row) for row in found]

    async def _move(self, delivery: Delivery, expected: DeliveryState | None, values: dict[str, Any]) -> bool:
        t = tables.alert_delivery
        own = t.c.event == delivery.event, t.c.number == delivery.number, t.c.claim == delivery.claim
        statement = update(t).where(*own)
        if expected is not None:
            statement = statement.where(t.c.state == expected.value)
        async with self._transactions.begin() as connection:
            return (await connection.execute(statement.values(**values))).rowcount > 0


def _cleared(at: object, because: ClearedBecause) -> dict[str, object]:
    return {"state": EventState.CLEARED.value, "cleared_at": at, "cleared_because": because.value}


async def _deliveries(connection: AsyncConnection, events: Sequence[int]) -> dict[int, tuple[Delivery, ...]]:
    t = tables.alert_delivery
    found: dict[int, tuple[Delivery, ...]] = {}
    for row in await connection.execute(select(t).where(t.c.event.in_(events)).order_by(t.c.event, t.c.number)):
        found[row.event] = (*found.get(row.event, ()), _delivery(row))
    return found


def _delivery_facts(event: int, number: int, each: Destination, at: datetime) -> dict[str, object]:
    return {
        "event": event,
        "number": number,
        "channel": each.channel.value,
        "destination": each.destination,
        "shown": each.shown,
        "due_at": at,
    }


def _setting(row: Row[*tuple[Any, ...]]) -> AlertSetting:
    rule = AlertRule(
        name=row.name,
        categories=tuple(map(Category, row.categories)),
        threshold=row.threshold,
        window=AlertWindow(row.window_number, WindowUnit(row.window_unit)),
        maps=None if row.maps is None else tuple(row.maps),
        action=AlertAction(row.action),
        recipients=tuple(row.recipients),
        webhooks=tuple(row.webhooks),
        enabled=row.enabled,
    )
    return AlertSetting(row.id, rule, row.changed_by, row.changed_at)


def _event(row: Row[*tuple[Any, ...]], deliveries: tuple[Delivery, ...] = ()) -> AlertEvent:
    return AlertEvent(
        id=row.id,
        setting=row.setting,
        name=row.name,
        map=row.map,
        at=row.at,
        count=row._mapping["count"],
        condition=row.condition,
        state=EventState(row.state),
        cleared_at=row.cleared_at,
        cleared_because=ClearedBecause(row.cleared_because) if row.cleared_because else None,
        action=AlertAction(row.action),
        action_state=ActionState(row.action_state),
        action_result=row.action_result,
        deliveries=deliveries,
    )


def _delivery(row: Row[*tuple[Any, ...]]) -> Delivery:
    return Delivery(
        event=row.event,
        number=row.number,
        channel=Channel(row.channel),
        destination=row.destination,
        shown=row.shown,
        state=DeliveryState(row.state),
        attempts=row.attempts,
        due_at=row.due_at,
        claim=row.claim,
        ended_at=row.ended_at,
        message=row.message,
    )
