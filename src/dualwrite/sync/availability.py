"""Whether an environment answers: a circuit breaker, so that nobody waits for one that is away.

One :class:`Availability` per environment in a process. A watch (see ``pulse.py``) tells it every moment whether the
environment has answered; live sync has it carry whatever it does there. While the breaker is open nothing is begun, and
what was under way is given up by those who wait for it: the work itself is left to end in the background, because a
database that hangs does not even answer that a statement is to be given up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Final, TypeVar

import structlog

from dualwrite.environments.port import EnvironmentName
from dualwrite.errors import DualwriteError, EnvironmentUnavailable

log = structlog.get_logger(__name__)

T = TypeVar("T")
Clock = Callable[[], datetime]

MOST_FAILURES: Final = 5
"""So many changes in a row that fail for want of an answer open the breaker, whatever the pulse says."""
_LAST_WORDS_S = 0.05
"""How long what is given up has to end in order before it is left to itself."""


class Breaker(Enum):
    """What is let through to an environment."""

    CLOSED = "closed"
    """Everything: the environment answers."""
    OPEN = "open"
    """Nothing: the environment is away, or too slow."""
    HALF_OPEN = "half-open"
    """One change at a time: the environment answers again, and it is seen whether it lasts."""


class Sign(Enum):
    """What tells how an environment is."""

    ANSWERED = "it has answered a question in time"
    UNANSWERED = "it has not answered a question in time"
    CARRIED = "a change has got through"
    FAILING = "changes fail, one after the other"


TRANSITIONS: Final[Mapping[Breaker, Mapping[Sign, Breaker]]] = {
    Breaker.CLOSED: {
        Sign.ANSWERED: Breaker.CLOSED,
        Sign.UNANSWERED: Breaker.OPEN,
        Sign.CARRIED: Breaker.CLOSED,
        Sign.FAILING: Breaker.OPEN,
    },
    Breaker.OPEN: {
        Sign.ANSWERED: Breaker.HALF_OPEN,
        Sign.UNANSWERED: Breaker.OPEN,
        # What was begun before it opened may still come through; it says nothing about what is begun now.
        Sign.CARRIED: Breaker.OPEN,
        Sign.FAILING: Breaker.OPEN,
    },
    Breaker.HALF_OPEN: {
        Sign.ANSWERED: Breaker.CLOSED,
        Sign.UNANSWERED: Breaker.OPEN,
        Sign.CARRIED: Breaker.CLOSED,
        Sign.FAILING: Breaker.OPEN,
    },
}


def utc_now() -> datetime:
    """This moment, aware."""
    return datetime.now(UTC)


class Availability:
    """The breaker of one environment. Without a watch it stays closed, and only passes on what is said to it."""

    def __init__(self, environment: EnvironmentName, *, now: Clock = utc_now) -> None:
        self.environment = environment
        self.state = Breaker.CLOSED
        self.since = now()
        """When it has come into this state; for an open breaker, when the environment went away."""
        self.reason = ""
        """Why it is not closed."""
        self.opened = 0
        """How often it has opened."""
        self.doubted = asyncio.Event()
        """Set by a change that failed for want of an answer: the next question is to be asked at once."""
        self._now = now
        self._failures = 0
        self._last_failure = ""
        self._trial: asyncio.Task[Any] | None = None
        self._waiting: set[asyncio.Future[None]] = set()
        self._left: set[asyncio.Task[Any]] = set()
        self._listeners: list[Callable[[Availability], None]] = []

    def listen(self, listener: Callable[[Availability], None]) -> None:
        """From now on ``listener`` is told of every change of the state."""
        self._listeners.append(listener)

    @property
    def left_behind(self) -> int:
        """How much work that nobody waits for has not come to its end."""
        return len(self._left)

    def tell(self, sign: Sign, reason: str = "") -> None:
        """The state follows from the sign; when the breaker opens, nobody waits for the environment any longer."""
        if sign is Sign.ANSWERED and self._failures >= MOST_FAILURES:
            sign, reason = Sign.FAILING, self._last_failure
        before, after = self.state, TRANSITIONS[self.state][sign]
        if after is before:
            return
        self.state = after
        self._failures = 0
        if after is Breaker.OPEN:
            self._open(before, reason)
        elif after is Breaker.CLOSED:
            log.info("environment is back", environment=self.environment, away_since=self.since.isoformat())
            self.since, self.reason = self._now(), ""
        for listener in self._listeners:
            listener(self)

    def _open(self, before: Breaker, reason: str) -> None:
        self.reason = reason
        if before is Breaker.CLOSED:
            self.since = self._now()
            self.opened += 1
            log.warning("environment is away", environment=self.environment, reason=reason)
        self._trial = None
        for each in self._waiting:
            if not each.done():
                each.set_result(None)

    def refusal(self) -> EnvironmentUnavailable:
        """What somebody is told who wants something of the environment while it is away."""
        absence = f"not since {self.since:%H:%M:%S} UTC: {self.reason or 'it was away'}"
        return EnvironmentUnavailable(
            f"environment {self.environment} does not answer, {absence}", environment=self.environment, absence=absence
        )

    async def carry(self, work: Coroutine[Any, Any, T]) -> T:
        """What a change's ``work`` gives. Once the environment is away it is cancelled, and cleans up on its own.

        While the breaker is half-open one change at a time is let through, and its end is a sign.

        Raises: EnvironmentUnavailable, at once while the breaker is open; whatever ``work`` raises.
        """
        if self.state is Breaker.HALF_OPEN and self._trial is not None:
            work.close()
            raise self.refusal()
        task = self._begun(work)
        if self.state is Breaker.HALF_OPEN:
            self._trial = task
        try:
            await self._waited_for(task)
        finally:
            self._judge(task)
        return task.result()

    async def ask(self, work: Coroutine[Any, Any, T]) -> T:
        """What ``work`` gives, which is no change: it is let through unless the breaker is open.

        Raises: like :meth:`carry`.
        """
        task = self._begun(work)
        await self._waited_for(task)
        return task.result()

    async def see_to(self, work: Coroutine[Any, Any, None]) -> None:
        """``work`` is done; while the environment is away it goes on in the background instead."""
        task = asyncio.ensure_future(work)
        self._leave(task)
        if self.state is not Breaker.OPEN:
            await self._ended_or_away(task)
        if task.done():
            task.result()

    def _begun(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        if self.state is Breaker.OPEN:
            work.close()
            raise self.refusal()
        return asyncio.ensure_future(work)

    async def _waited_for(self, task: asyncio.Task[Any]) -> None:
        """The task has ended. Raises: EnvironmentUnavailable, when it is not worth waiting for any longer."""
        try:
            await self._ended_or_away(task)
        except asyncio.CancelledError:
            task.cancel()
            self._leave(task)
            await self._ended_or_away(task)
            raise
        if not task.done():
            task.cancel()
            self._leave(task)
            await asyncio.wait({task}, timeout=_LAST_WORDS_S)
            raise self.refusal()

    def _judge(self, task: asyncio.Task[Any]) -> None:
        """What has become of a change is a sign of how the environment is."""
        was_trial, self._trial = self._trial is task, None if self._trial is task else self._trial
        if not task.done() or task.cancelled():
            return
        error = task.exception()
        if isinstance(error, EnvironmentUnavailable):
            self._failures += 1
            self._last_failure = error.message
            self.doubted.set()
            if was_trial:
                self.tell(Sign.FAILING, error.message)
        elif error is None or isinstance(error, DualwriteError):
            # A refusal is an answer, too.
            self._failures = 0
            if was_trial:
                self.tell(Sign.CARRIED)

    async def _ended_or_away(self, task: asyncio.Task[Any]) -> None:
        """The task has ended, or the environment is away."""
        if task.done() or self.state is Breaker.OPEN:
            return
        woken = asyncio.get_running_loop().create_future()
        self._waiting.add(woken)

        def wake(_: asyncio.Task[Any]) -> None:
            if not woken.done():
                woken.set_result(None)

        task.add_done_callback(wake)
        try:
            await woken
        finally:
            self._waiting.discard(woken)
            task.remove_done_callback(wake)

    def _leave(self, task: asyncio.Task[Any]) -> None:
        """The task ends when it can; what comes of it is nobody's business but recovery's."""
        self._left.add(task)
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._left.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.info("work that was given up has ended", environment=self.environment, reason=str(error))


class Availabilities:
    """The breakers of all environments that this process deals with."""

    def __init__(self, *, now: Clock = utc_now) -> None:
        self._now = now
        self._known: dict[EnvironmentName, Availability] = {}

    def of(self, environment: EnvironmentName) -> Availability:
        """The breaker of the environment of this name."""
        if environment not in self._known:
            self._known[environment] = Availability(environment, now=self._now)
        return self._known[environment]
