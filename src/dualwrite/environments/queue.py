"""What an environment keeps for the time when a paused map is resumed: changes, in its own database.

A queued transaction is written as part of the source's transaction, so it is there exactly when the change is. Its
position tells the order: of two transactions that touch the same row, or of which one saw what the other had written,
the later one has the higher position.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NewType, TypeAlias
from uuid import UUID

from dualwrite.environments.operation import Operation
from dualwrite.maps.values import Direction
from dualwrite.metadata.exact_json import Exact

Position: TypeAlias = int
"""A queued transaction's place in its environment's queue, from 1."""

RecordMark = NewType("RecordMark", str)
"""A record as both sides spell it: table, company and key, folded."""

Payload: TypeAlias = Mapping[str, Any]
"""What the engine needs in order to replay a record, as JSON."""


@dataclass(frozen=True, slots=True)
class NewRecord:
    """A change that waits for its map: what people see of it, and what the engine needs.

    ``record_id`` (RecId or GUID as text) is the source's, ``record`` names it to people. ``changed`` None: all columns.
    """

    map: str
    legal_entity: str
    operation: Operation
    record_id: str
    record: str
    mark: RecordMark
    changed: tuple[str, ...] | None
    row: Mapping[str, Exact]
    payload: Payload


@dataclass(frozen=True, slots=True)
class QueuedRecord:
    """A change in the queue. Whole transactions have a position, their records a number each.

    ``whole`` and ``lost`` tell that the other side changed the record meanwhile, too: all of its columns are to be
    written, or only those that go this way alone.
    """

    position: Position
    number: int
    change: UUID
    queued_at: datetime
    caller: str
    map: str
    direction: Direction
    legal_entity: str
    operation: Operation
    record_id: str
    record: str
    mark: RecordMark
    changed: tuple[str, ...] | None
    row: Mapping[str, Exact]
    size_bytes: int
    whole: bool
    lost: bool
    payload: Payload


@dataclass(frozen=True, slots=True)
class QueueCount:
    """How much waits for one map in one environment."""

    map: str
    direction: Direction
    transactions: int
    records: int
    size_bytes: int
    oldest: datetime


@dataclass(frozen=True, slots=True)
class QueueFilter:
    """Which records are meant; what is None does not matter. ``key`` is a part of the record's key, in any case."""

    maps: frozenset[str] | None = None
    key: str | None = None
    legal_entity: str | None = None
    operation: Operation | None = None
