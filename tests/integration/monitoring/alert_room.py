"""A store with maps that fail on demand, and everything that watches them; the clock only goes when it is told to."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dualwrite.errors import DualwriteError, NotAllowed
from dualwrite.monitoring.alerts.deliveries import Deliveries
from dualwrite.monitoring.alerts.desk import AlertDesk, AlertDraft
from dualwrite.monitoring.alerts.evaluation import Counts
from dualwrite.monitoring.alerts.watch import AlertWatch
from dualwrite.monitoring.notify.channel import Begin, Notice, Notifier, Outcome, Told
from dualwrite.security.secrets_file import SecretsFile
from dualwrite.store import Store
from dualwrite.store.activity import ActivityFilter
from dualwrite.store.alerts import AlertAction, AlertEvent, AlertWindow, Channel, WindowUnit
from dualwrite.store.database import Repositories
from dualwrite.store.maps import MapState
from dualwrite.store.sync_errors import Category

CUSTOMERS, GROUPS = "Customers V3 (accounts)", "Customer groups (msdyn_customergroups)"
START = datetime(2026, 3, 4, 12, tzinfo=UTC)


@dataclass
class Clock:
    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def goes(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass
class Pigeon:
    """A :class:`Notifier` that keeps what it is given. ``answers`` come one after the other, then it is sent.

    An exception among them is raised after the first byte has left, as if the process had died then; ``dies_before``
    raises before that.
    """

    sent: list[tuple[str, Notice]] = field(default_factory=list)
    answers: list[Told | BaseException] = field(default_factory=list)
    dies_before: bool = False

    async def send(self, destination: str, notice: Notice, begin: Begin) -> Told:
        if self.dies_before:
            raise Killed
        if not await begin():
            return Told(Outcome.UNKNOWN, "left")
        answer = self.answers.pop(0) if self.answers else Told(Outcome.SENT)
        if isinstance(answer, BaseException):
            raise answer
        if answer.outcome is Outcome.SENT:
            self.sent.append((destination, notice))
        return answer


class Killed(BaseException):
    """The process has died here."""


@dataclass
class FakeMaps:
    """Pauses and stops maps in the store, and nothing else. ``errors`` are raised one after the other."""

    store: Store
    done: list[tuple[str, str, str]] = field(default_factory=list)
    errors: list[DualwriteError] = field(default_factory=list)

    def acting(self, who: str) -> _Actor:
        return _Actor(self, who)


@dataclass
class _Actor:
    maps: FakeMaps
    who: str

    async def pause(self, names: Sequence[str], *, result: str) -> None:
        await self._move("pause", names, MapState.PAUSED)

    async def stop(self, names: Sequence[str], *, result: str) -> None:
        await self._move("stop", names, MapState.NOT_RUNNING)

    async def _move(self, what: str, names: Sequence[str], to: MapState) -> None:
        if self.maps.errors:
            raise self.maps.errors.pop(0)
        for name in names:
            await self.maps.store.maps.set_state("main", name, to, expected=frozenset({MapState.RUNNING}))
            self.maps.done.append((self.who, what, name))


@dataclass
class AlertRoom:
    """The connection ``main`` with two running maps."""

    store: Store
    folder: Path
    clock: Clock = field(default_factory=Clock)
    mails: Pigeon = field(default_factory=Pigeon)
    cards: Pigeon = field(default_factory=Pigeon)
    failed: list[tuple[datetime, str, Category]] = field(default_factory=list)
    broken: list[Exception] = field(default_factory=list)
    """What counting the errors raises, one after the other, before it works."""
    notifiers: dict[Channel, Notifier] = field(init=False)
    maps: FakeMaps = field(init=False)

    def __post_init__(self) -> None:
        self.notifiers = {Channel.E_MAIL: self.mails, Channel.WEBHOOK: self.cards}
        self.maps = FakeMaps(self.store)

    @property
    def desk(self) -> AlertDesk:
        seal = SecretsFile.open(self.folder)
        return AlertDesk(self.store, "main", seal=seal, notifiers=self.notifiers, now=self.clock)

    @property
    def deliveries(self) -> Deliveries:
        return Deliveries(self.store, "main", self.desk, notifiers=self.notifiers, now=self.clock)

    @property
    def watch(self) -> AlertWatch:
        return AlertWatch(
            self.store,
            "main",
            self.desk,
            self.deliveries,
            counting=self._count,
            acting=self.maps.acting,
            now=self.clock,
            pause=lambda _: asyncio.sleep(0),
        )

    async def set(self, **said: object) -> None:
        """The alert "too many": three errors of any type within five minutes pause the map, and ops is told."""
        facts: dict[str, object] = {
            "name": "too many",
            "categories": frozenset(Category),
            "threshold": 3,
            "window": AlertWindow(5, WindowUnit.MINUTES),
            "action": AlertAction.PAUSE,
            "recipients": ("ops@example.com",),
        }
        await self.desk.set(AlertDraft(**{**facts, **said}), who="anna")  # type: ignore[arg-type]

    def fails(self, map: str = CUSTOMERS, times: int = 1, category: Category = Category.SYSTEM) -> None:
        """Records of the map have failed just now."""
        self.failed += [(self.clock.now, map, category)] * times
        self.clock.goes(seconds=1)

    async def round(self) -> None:
        """What the watch does every second."""
        watch = self.watch
        await watch.look()
        await watch.act()
        await self.deliveries.make()

    async def events(self) -> tuple[AlertEvent, ...]:
        return await self.desk.events()

    async def state(self, map: str = CUSTOMERS) -> MapState:
        return {each.name: each.state for each in await self.store.maps.list("main")}[map]

    async def log(self, what: str) -> list[tuple[str, str]]:
        """Who has done it with what result, the earliest first."""
        found = await self.store.activity.list(ActivityFilter(what=what))
        return [(each.who, each.result) for each in reversed(found)]

    async def _count(self, _: Repositories, since: datetime, until: datetime) -> Counts:
        if self.broken:
            raise self.broken.pop(0)
        return Counter((name, kind) for at, name, kind in self.failed if since <= at < until)


def told(pigeon: Pigeon) -> list[tuple[str, str]]:
    """To whom, and about which map."""
    return [(destination, dict(notice.facts)["Map"]) for destination, notice in pigeon.sent]


def not_allowed() -> NotAllowed:
    return NotAllowed("Customers V3 (accounts) is not running.")
