"""The pulse of an environment: a question that costs nothing, asked again and again, so that its absence is noticed."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

import structlog

from dualwrite.errors import DualwriteError
from dualwrite.sync.availability import Availability, Breaker, Sign

log = structlog.get_logger(__name__)

EVERY_S = 0.3
ANSWER_S = 0.5
_FORGET_AFTER = 10
"""So many beats after it was asked, a question without an answer is asked anew, on another connection."""
_OWN_DELAY_S = 0.1
"""When we come to look so much too late, we were held up ourselves, and the environment gets more time."""
_LINGER_S = 1.0


class HasPulse(Protocol):
    """What can be asked whether it is there."""

    async def pulse(self) -> None:
        """It has answered, on a connection of its own. Raises: EnvironmentUnavailable."""
        ...


async def answered_within(question: asyncio.Future[None], seconds: float) -> bool:
    """Whether the question comes to its end within the time; it is not cancelled if not.

    Time that this process was busy with something else does not count.
    """
    while not question.done():
        started = time.monotonic()
        await asyncio.wait({question}, timeout=seconds)
        if time.monotonic() - started < seconds + _OWN_DELAY_S:
            break
    return question.done()


async def pause_or_doubt(availability: Availability, seconds: float) -> None:
    """The time is over, or somebody has doubts about the environment."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await availability.doubted.wait()


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often is asked, how long an answer may take, and how that time passes."""

    every_s: float = EVERY_S
    answer_s: float = ANSWER_S
    answered_within: Callable[[asyncio.Future[None], float], Awaitable[bool]] = answered_within
    pause: Callable[[Availability, float], Awaitable[None]] = pause_or_doubt


class Pulse:
    """Feels the pulse of one environment, and tells its availability."""

    def __init__(self, environment: HasPulse, availability: Availability, *, rhythm: Rhythm | None = None) -> None:
        self._environment = environment
        self.availability = availability
        self._rhythm = rhythm or Rhythm()
        self._question: asyncio.Future[None] | None = None
        self._beats_open = 0
        self._given_up: set[asyncio.Future[None]] = set()

    async def run(self) -> None:
        """Asks until it is cancelled."""
        try:
            while True:
                self.availability.doubted.clear()
                await self.beat()
                await self._rhythm.pause(self.availability, self._rhythm.every_s)
        finally:
            await self._end()

    async def beat(self) -> None:
        """A question has been asked, and the availability knows whether it was answered in time.

        While an earlier one is still open, its answer is waited for instead: it comes too late to count, and the next
        question is asked at once.
        """
        limit = self._rhythm.answer_s
        if self._question is not None:
            if not await self._rhythm.answered_within(self._question, limit):
                self._still_open()
                return
            self._answer(self._question)
        self._question = asyncio.ensure_future(self._environment.pulse())
        self._beats_open = 0
        if not await self._rhythm.answered_within(self._question, limit):
            self.availability.tell(Sign.UNANSWERED, f"no answer within {limit:g} s")
            return
        reason = self._answer(self._question)
        if reason is None:
            self.availability.tell(Sign.ANSWERED)
        else:
            self.availability.tell(Sign.UNANSWERED, reason)

    def _still_open(self) -> None:
        self.availability.tell(Sign.UNANSWERED, f"no answer within {self._rhythm.answer_s:g} s")
        self._beats_open += 1
        if self._beats_open >= _FORGET_AFTER and self._question is not None:
            self._give_up(self._question)

    def _answer(self, question: asyncio.Future[None]) -> str | None:
        """None for an answer, else why there is none. The question is closed."""
        self._question = None
        error = None if question.cancelled() else question.exception()
        if error is None:
            return None
        if isinstance(error, DualwriteError):
            return error.message
        # The named supervisor of the pulse: whatever went wrong, there was no answer.
        log.error("feeling the pulse failed", environment=self.availability.environment, exc_info=error)
        return str(error)

    def _give_up(self, question: asyncio.Future[None]) -> None:
        self._question = None
        question.cancel()
        self._given_up.add(question)
        question.add_done_callback(self._forget)

    def _forget(self, question: asyncio.Future[None]) -> None:
        self._given_up.discard(question)
        if not question.cancelled():
            question.exception()

    async def _end(self) -> None:
        """No question of ours is open any longer, unless its connection hangs."""
        if self._question is not None:
            self._give_up(self._question)
        if self._given_up:
            await asyncio.wait(set(self._given_up), timeout=_LINGER_S)


@asynccontextmanager
async def feeling_pulses(pulses: Sequence[Pulse], *, returned: Callable[[], Awaitable[object]]) -> AsyncIterator[None]:
    """Inside, the pulses are felt; when an environment has come back, ``returned`` settles what was left behind."""
    settling: set[asyncio.Task[None]] = set()

    async def settle() -> None:
        try:
            await returned()
        except DualwriteError as error:
            log.warning("settling after an absence waits", code=error.code, reason=error.message)

    def told(availability: Availability) -> None:
        if availability.state is Breaker.CLOSED:
            task = asyncio.ensure_future(settle())
            settling.add(task)
            task.add_done_callback(settling.discard)

    for each in pulses:
        each.availability.listen(told)
    tasks = [asyncio.ensure_future(each.run()) for each in pulses]
    try:
        yield
    finally:
        for task in (*tasks, *settling):
            task.cancel()
        await asyncio.gather(*tasks, *settling, return_exceptions=True)
