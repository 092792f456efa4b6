"""How much may wait for a map, for how long, and what happens when that is reached. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

from dualwrite.environments.queue import QueueCount

GIBIBYTE: Final = 1 << 30


class QueuePolicy(Enum):
    """What happens to a map whose queue has reached a limit."""

    BLOCK = "block"
    """Saves through the map are refused until it is resumed or stopped; nothing that waits is touched."""
    STOP = "stop"
    """The map is stopped, and what waits becomes catch-up errors."""


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """What may wait for one map, in both environments together."""

    age: timedelta = timedelta(days=7)
    size_bytes: int = GIBIBYTE
    policy: QueuePolicy = QueuePolicy.BLOCK


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits for one map, in both environments together."""

    records: int
    size_bytes: int
    oldest: datetime


def waiting_by_map(counts: Iterable[QueueCount]) -> Mapping[str, Waiting]:
    """The counts of several queues, by map."""
    found: dict[str, Waiting] = {}
    for each in counts:
        known = found.get(each.map, Waiting(0, 0, each.oldest))
        found[each.map] = Waiting(
            known.records + each.records, known.size_bytes + each.size_bytes, min(known.oldest, each.oldest)
        )
    return found


def limit_reached(waiting: Waiting, limits: QueueLimits, *, now: datetime) -> str:
    """Which limit has been reached, in words; empty when none has."""
    if waiting.size_bytes >= limits.size_bytes:
        return f"{_size(waiting.size_bytes)} are queued, and {_size(limits.size_bytes)} are the limit"
    if now - waiting.oldest >= limits.age:
        return (
            f"the oldest queued change is of {waiting.oldest:%Y-%m-%d %H:%M} UTC, and {_age(limits.age)} are the limit"
        )
    return ""


def refusal(name: str, reached: str) -> str:
    """What users are told whose saves are refused, with the way out."""
    return (
        f"{name} carries nothing for the moment, and its queue is full: {reached}. Nothing was saved. "
        "Ask an administrator to resume the map or to stop it; the limits are the settings queue_gibibytes and "
        "queue_days."
    )


def _size(size_bytes: int) -> str:
    for unit, factor in (("GiB", GIBIBYTE), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if size_bytes >= factor:
            return f"{size_bytes / factor:.1f} {unit}"
    return f"{size_bytes} bytes"


def _age(age: timedelta) -> str:
    days = age / timedelta(days=1)
    return f"{days:g} days" if days >= 1 else f"{age / timedelta(hours=1):g} hours"
