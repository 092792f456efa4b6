"""What this process is carrying out at the moment, and how it leaves."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar
from uuid import UUID

T = TypeVar("T")


class Piece(Enum):
    """What runs consist of: those of the initial sync, catch-ups, and all of them."""

    PREPARE = "prepare"
    PARTITION = "partition"
    SETTLE = "settle"
    SECOND_PASS = "second pass"
    FINISH = "finish"

    PLAN = "plan"
    GROUP = "group"
    HAND_OVER = "hand over"

    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Doing:
    """A piece of a run that is being carried out; ``number`` is the partition's or group's."""

    run: UUID
    piece: Piece
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """A piece that has come to its end here; it may have failed."""

    doing: Doing
    seconds: float


Listener = Callable[[Done], None]


class Shift:
    """One process's time at work: pieces are begun until it leaves; those under way may come to their end."""

    def __init__(self, *, worker: str, listeners: Sequence[Listener] = ()) -> None:
        self.worker = worker
        self._workflows: set[asyncio.Task[object]] = set()
        self._resting: set[asyncio.Task[object]] = set()
        self._doing: list[Doing] = []
        self._listeners = listeners
        self._leaving = False
        self._quiet = asyncio.Event()
        self._quiet.set()

    @property
    def doing(self) -> tuple[Doing, ...]:
        """What is being carried out, the longest first."""
        return tuple(self._doing)

    def enter(self) -> None:
        """The workflow that calls this belongs to the shift, and is given up when the process leaves."""
        task = _current_task()
        self._workflows.add(task)
        task.add_done_callback(self._gone)
        self._update()

    async def carry_out(self, doing: Doing, piece: Callable[[], Awaitable[T]]) -> T:
        """What the piece gives. A process that is leaving begins none: the workflow waits to be given up."""
        if self._leaving:
            await self._give_up()
        self._doing.append(doing)
        began = time.monotonic()
        try:
            return await piece()
        finally:
            self._doing.remove(doing)
            for listener in self._listeners:
                listener(Done(doing, time.monotonic() - began))

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """The workflow waits for others meanwhile, and can be given up at any moment."""
        task = _current_task()
        self._resting.add(task)
        self._update()
        try:
            yield
        finally:
            self._resting.discard(task)
            self._update()

    async def leave(self, *, grace_s: float) -> None:
        """Nothing is under way: pieces that took longer than the grace have been broken off. Safe to be called again.

        Workflows that have not ended stay pending for whoever takes over.
        """
        self._leaving = True
        with suppress(TimeoutError):
            await asyncio.wait_for(self._quiet.wait(), grace_s)
        while self._workflows:
            for task in self._workflows:
                task.cancel()
            await asyncio.wait(self._workflows)

    async def _give_up(self) -> None:
        with self.waiting():
            await asyncio.get_running_loop().create_future()

    def _gone(self, task: asyncio.Task[object]) -> None:
        self._workflows.discard(task)
        self._resting.discard(task)
        self._update()

    def _update(self) -> None:
        if self._workflows <= self._resting:
            self._quiet.set()
        else:
            self._quiet.clear()


def _current_task() -> asyncio.Task[object]:
    task = asyncio.current_task()
    assert task is not None
    return task
