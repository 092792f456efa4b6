"""The rows that an initial sync refused, each with its cause and with the row itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from dualwrite.maps.values import Direction
from dualwrite.store.initial_syncs import RunId


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row that could not be copied: ``column`` (empty: the whole record) and ``reason`` say why.

    ``cause`` is the reason without the record's name, so that rows refused for the same thing are one group.
    ``row`` is the source's row; numbers that JSON cannot carry exactly are kept as text. ``settled_by`` is the run
    that did the row again, None as long as this refusal is the last word.
    """

    run: RunId
    partition: int
    map: str
    direction: Direction
    legal_entity: str
    record_id: str
    record: str
    column: str
    code: str
    reason: str
    cause: str
    row: Mapping[str, object]
    at: datetime
    settled_by: RunId | None = None


@dataclass(frozen=True, slots=True)
class RefusalFilter:
    """Which refusals are meant; what is None does not matter. ``open_only``: those that are the last word."""

    map: str | None = None
    legal_entity: str | None = None
    direction: Direction | None = None
    code: str | None = None
    column: str | None = None
    cause: str | None = None
    open_only: bool = False


class RefusalField(Enum):
    """What refusals can be grouped by."""

    MAP = "map"
    LEGAL_ENTITY = "legal entity"
    DIRECTION = "direction"
    CODE = "code"
    COLUMN = "column"
    CAUSE = "cause"


@dataclass(frozen=True, slots=True)
class RefusalGroup:
    """Refusals that have the values of ``fields`` in common; ``records`` names a few of them, ``reason`` is of one."""

    fields: Mapping[RefusalField, str]
    rows: int
    reason: str
    records: tuple[str, ...]
