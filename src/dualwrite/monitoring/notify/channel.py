"""What is told, and the port through which it leaves the house."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Protocol, TypeAlias


@dataclass(frozen=True, slots=True)
class Notice:
    """What people are told. ``key`` is the same whenever the same thing is told to the same recipient."""

    key: str
    at: datetime
    subject: str
    text: str
    facts: tuple[tuple[str, str], ...] = ()


class Outcome(Enum):
    """What has become of a notice."""

    SENT = "sent"
    NOT_YET = "not yet"
    """It has surely not been received; later it may be."""
    REFUSED = "refused"
    """It is not received, and will not be."""
    UNKNOWN = "unknown"
    """It was sent and nobody answered: whether it has been received cannot be told."""


@dataclass(frozen=True, slots=True)
class Told:
    outcome: Outcome
    message: str = ""


Begin: TypeAlias = Callable[[], Awaitable[bool]]
"""Asked right before what cannot be undone; False: leave it."""


class Notifier(Protocol):
    """One way of telling people."""

    async def send(self, destination: str, notice: Notice, begin: Begin) -> Told:
        """The notice is on its way, or why not. ``begin`` is asked before the first byte of it leaves."""
        ...


LEFT = Told(Outcome.UNKNOWN, "Somebody else has taken it over.")
"""What a notifier gives that was told to leave it."""
