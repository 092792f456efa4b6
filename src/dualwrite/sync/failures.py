"""Changes that could not be carried to the other side, each with the record itself: what error management is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, TypeAlias
from uuid import UUID

from dualwrite.environments.port import Operation
from dualwrite.maps.values import Direction

JsonValue: TypeAlias = str | int | bool | None


class FailureKind(Enum):
    """When a change failed."""

    LIVE = "live"
    """As its user saved it: the save was refused, and neither side has the change."""
    CATCH_UP = "catch-up"
    """As a queued change was replayed: the source has it, the target has not."""
    ASYNC = "async"
    """As an integration job moved it: likewise."""


class Category(Enum):
    """What sort of thing stood in the way."""

    APPLICATION = "application"
    """The record: a rule, a value, a lookup that leads nowhere."""
    SYSTEM = "system"
    """The environment: away, hanging, too slow."""
    CONCURRENCY = "concurrency"
    """Others kept changing the same records."""
    CONFLICT = "conflict"
    """Both sides changed the record, and the primary's change was kept."""


@dataclass(frozen=True, slots=True)
class FailedRecord:
    """One record of a change that failed.

    ``change`` and ``number`` tell the transaction and the place in it; telling the same one twice is harmless.
    ``record_id`` is the source's (RecId or GUID as text), ``record`` names it to people. ``cause`` is the reason
    without the record's name. ``row`` is the source's row as far as it is known, ``changed`` the columns that were
    changed (None: all). ``version`` is the row's version (RecVersion, versionnumber) after the change.
    """

    change: UUID
    number: int
    kind: FailureKind
    category: Category
    map: str
    direction: Direction
    legal_entity: str
    operation: Operation
    record_id: str
    record: str
    column: str
    code: str
    reason: str
    cause: str
    row: Mapping[str, JsonValue]
    changed: tuple[str, ...] | None = None
    version: int | None = None


class FailureSink(Protocol):
    """Where failures are kept."""

    async def keep(self, failed: Sequence[FailedRecord]) -> None:
        """The failures are kept. Idempotency: by change and number. Raises: EnvironmentUnavailable."""
        ...


class NoFailureSink:
    """Implements :class:`FailureSink` where nobody asks later."""

    async def keep(self, failed: Sequence[FailedRecord]) -> None:
        """Nothing is kept."""
