"""Telling people of events: each of them once, whichever process does it and whenever it dies.

A delivery is claimed before anything is done for it, and marked right before its first byte leaves. One that was
claimed and never begun is made by somebody else; one that was begun and never ended is in doubt and not repeated.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta

import structlog

from dualwrite.errors import DualwriteError
from dualwrite.monitoring.alerts.desk import AlertDesk
from dualwrite.monitoring.alerts.notices import notice_of
from dualwrite.monitoring.notify.channel import Notice, Notifier, Outcome, Told
from dualwrite.security.clock import Clock
from dualwrite.store.activity import Severity
from dualwrite.store.alerts import Channel, Delivery, DeliveryState
from dualwrite.store.database import Store

log = structlog.get_logger(__name__)

WHO = "alerts"
LEASE = timedelta(minutes=3)
"""A claim lasts so long; sending takes less, or is given up."""
LONGEST_SENDING_S = 90
GRACE_S = 5
_AT_ONCE = 8
PATIENCE = timedelta(seconds=5)
"""So long people are not told of a map that is still to be paused or stopped."""
MOST_ATTEMPTS = 30
_FIRST_WAIT = timedelta(seconds=5)
_LONGEST_WAIT = timedelta(minutes=15)
_NOT_BACK = "Whoever sent it has not come back; it may have arrived, and is not sent again."

_ENDINGS: Mapping[Outcome, DeliveryState] = {
    Outcome.SENT: DeliveryState.SENT,
    Outcome.REFUSED: DeliveryState.FAILED,
    Outcome.NOT_YET: DeliveryState.FAILED,
    Outcome.UNKNOWN: DeliveryState.IN_DOUBT,
}
"""How a delivery ends; what could not be sent yet only ends so after many attempts."""


class Deliveries:
    """The deliveries of one connection's events. Any number of processes may make them at the same time."""

    def __init__(
        self, store: Store, connection: str, desk: AlertDesk, *, notifiers: Mapping[Channel, Notifier], now: Clock
    ) -> None:
        self._store = store
        self._connection = connection
        self._desk = desk
        self._notifiers = notifiers
        self._now = now
        self._under_way: set[asyncio.Task[None]] = set()

    async def start(self) -> int:
        """What is due is being told, unless many are under way; gives how many. Raises: EnvironmentUnavailable."""
        for lost in await self._store.alerts.lose_sight(self._connection, now=self._now(), message=_NOT_BACK):
            await self._tell(lost, Told(Outcome.UNKNOWN, _NOT_BACK))
        began = 0
        while len(self._under_way) < _AT_ONCE and (delivery := await self._claimed()):
            making = asyncio.create_task(self._make(delivery))
            self._under_way.add(making)
            making.add_done_callback(self._ended)
            began += 1
        return began

    async def make(self) -> int:
        """Nothing is due any more; gives how many deliveries were tried. Raises: EnvironmentUnavailable."""
        tried = 0
        while began := await self.start():
            await asyncio.gather(*self._under_way)
            tried += began
        return tried

    async def close(self) -> None:
        """Nothing is under way; what ends within a moment is not left in doubt."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=GRACE_S)
        for each in self._under_way:
            each.cancel()

    def _ended(self, making: asyncio.Task[None]) -> None:
        self._under_way.discard(making)
        if not making.cancelled() and (error := making.exception()) is not None:
            # Its claim runs out, and it is made again or in doubt.
            log.warning("somebody could not be told of an alert", error=str(error))

    async def _claimed(self) -> Delivery | None:
        now = self._now()
        return await self._store.alerts.claim_delivery(self._connection, now=now, until=now + LEASE, patience=PATIENCE)

    async def _make(self, delivery: Delivery) -> None:
        event = await self._store.alerts.event(self._connection, delivery.event)
        assert event is not None
        told = await self._send(delivery, notice_of(event, delivery, connection=self._connection))
        if told is None:
            return
        if told.outcome is Outcome.NOT_YET and delivery.attempts < MOST_ATTEMPTS:
            due_at = self._now() + wait_after(delivery.attempts)
            await self._store.alerts.put_back(delivery, due_at=due_at, message=told.message)
            return
        ending = _ENDINGS[told.outcome]
        await self._store.alerts.end_delivery(delivery, ending, at=self._now(), message=told.message)
        await self._tell(delivery, told, map=event.map)

    async def _send(self, delivery: Delivery, notice: Notice) -> Told | None:
        """What became of the notice; None when somebody else has taken the delivery over."""
        began: list[bool] = []

        async def begin() -> bool:
            began.append(await self._store.alerts.begin_sending(delivery))
            return began[-1]

        try:
            async with asyncio.timeout(LONGEST_SENDING_S):
                address = self._desk.address(delivery)
                told = await self._notifiers[delivery.channel].send(address, notice, begin)
        except (DualwriteError, TimeoutError) as error:
            told = Told(Outcome.UNKNOWN if True in began else Outcome.NOT_YET, str(error) or "It took too long.")
        return None if False in began else told

    async def _tell(self, delivery: Delivery, told: Told, *, map: str | None = None) -> None:
        sent = told.outcome is Outcome.SENT
        words = {Outcome.SENT: "told", Outcome.UNKNOWN: "may have told"}.get(told.outcome, "could not tell")
        result = f"{words} {delivery.shown}" + (f": {told.message}" if told.message else "")
        await self._store.activity.record(
            "notify",
            who=WHO,
            result=result,
            map=map,
            severity=Severity.INFO if sent else Severity.ERROR,
            details={"event": delivery.event, "channel": delivery.channel.value, "attempts": delivery.attempts},
        )


def wait_after(attempts: int) -> timedelta:
    """How long to wait before another attempt: twice as long each time, up to a quarter of an hour."""
    return min(_FIRST_WAIT * (1 << min(attempts - 1, 16)), _LONGEST_WAIT)
