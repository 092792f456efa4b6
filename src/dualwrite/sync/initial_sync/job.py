"""The values of the initial sync: what a partition is asked to do, how its rows ended, and which were refused.

Everything that is kept between processes can be written as JSON and read back: record ids are numbers (RecId) or
texts (GUIDs).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from functools import cached_property
from types import MappingProxyType
from typing import TypeAlias
from uuid import UUID

from dualwrite.environments.bulk import Extent
from dualwrite.maps.plan import DirectionPlan, Plan
from dualwrite.maps.values import Direction
from dualwrite.metadata.schema import Side
from dualwrite.metadata.values import Value

JsonValue: TypeAlias = str | int | bool | None

NO_COMPANY = ""
"""The legal entity of rows of maps that are not company-specific."""


class Ending(Enum):
    """How a row of a partition ended; each is a field of ``Count``."""

    INSERTED = "inserted"
    UPDATED = "updated"
    EQUAL = "equal"
    FILTERED = "filtered"
    """Outside of the map's filter, or of a company that is not linked."""
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Count:
    """How rows ended: ``read`` is always the sum of the five endings.

    ``conflicts`` is beside the sum: updated rows that differed in a column mapped both ways, settled by the master.
    """

    read: int = 0
    inserted: int = 0
    updated: int = 0
    equal: int = 0
    filtered: int = 0
    refused: int = 0
    conflicts: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(Count)))

    @property
    def is_sound(self) -> bool:
        """Whether the sum is right and nothing is negative; corrections of a second pass are sound when added."""
        ended = self.inserted + self.updated + self.equal + self.filtered + self.refused
        return self.read == ended and min(asdict(self).values()) >= 0 and self.conflicts <= self.updated


def total(counts: Iterable[Count]) -> Count:
    """All of ``counts`` added up."""
    return sum(counts, start=Count())


@dataclass(frozen=True, slots=True)
class PartitionJob:
    """One partition: rows of one map and direction, carried out in one transaction of the target.

    ``extent`` or ``ids`` (record ids of the source) name the rows. ``open_tables`` are the target's tables whose rows
    are still to come in this run: lookups that are not found there are left open. ``created_before`` leaves out the
    rows that surely came later, which are live sync's. ``second_pass_of`` is the number of the partition that left
    ``ids`` open. ``whole`` tells that this run, or one that it does again, has inserted the rows without being able to
    complete them, so that they get all columns. ``without_ids`` are left alone, as if they were not there.

    ``unfinished`` are rows of which an earlier run has brought no more than a half to the target: they are ``whole``.
    ``unfinished_back`` are rows of the target that stand so to the source: what the source has of them is not the
    master's word.
    """

    run: UUID
    number: int
    plan: Plan
    direction: Direction
    master: Side
    extent: Extent | None = None
    ids: tuple[Value, ...] | None = None
    open_tables: frozenset[str] = frozenset()
    created_before: datetime | None = None
    second_pass_of: int | None = None
    whole: bool = False
    without_ids: frozenset[Value] = frozenset()
    unfinished: frozenset[Value] = frozenset()
    unfinished_back: frozenset[Value] = frozenset()

    @property
    def route(self) -> DirectionPlan:
        """The way through the map. Raises: ValueError, when the map has no column that way."""
        route = self.plan.direction(self.direction)
        if route is None:
            raise ValueError(f"{self.plan.map.name} does not go {self.direction.value}")
        return route

    @property
    def is_masters_way(self) -> bool:
        """Whether rows that both sides have get all columns, not only those that are mapped one way.

        A map that goes one way only has no other; rows that are to be ``whole`` are the other side's to fill.
        """
        one_way = self.plan.direction(self.direction.opposite) is None
        return self.whole or self.direction.source is self.master or one_way

    @property
    def left_alone(self) -> frozenset[Value]:
        """Record ids of the target whose rows are left as they are: the other way completes their halves."""
        return self.unfinished_back if self.is_masters_way and not self.whole else frozenset()


@dataclass(frozen=True, slots=True)
class ChosenMap:
    """A map of a run. ``legal_entities`` (finance and operations' words) None: all of them."""

    plan: Plan
    master: Side
    legal_entities: frozenset[str] | None = None

    @property
    def ways(self) -> tuple[Direction, ...]:
        """The ways that the map goes, the master's first."""
        both = (Direction.TO_DATAVERSE, Direction.TO_FINOPS)
        ordered = both if self.master is Side.FINOPS else both[::-1]
        return tuple(each for each in ordered if self.plan.direction(each) is not None)


@dataclass(frozen=True, slots=True)
class PlannedPartition:
    """A partition as the survey cuts it: what is kept of it until its turn comes.

    Waves follow each other; the batches of a wave (numbered through the run) may go on at the same time, and each
    writes to one environment. ``rows`` is how many there were when they were counted.
    """

    number: int
    wave: int
    batch: int
    map_name: str
    direction: Direction
    extent: Extent | None
    open_tables: frozenset[str] = frozenset()
    ids: tuple[Value, ...] | None = None
    second_pass_of: int | None = None
    whole: bool = False

    @property
    def rows(self) -> int:
        return len(self.ids) if self.ids is not None else self.extent.rows if self.extent is not None else 0

    def job(
        self,
        run: UUID,
        chosen: ChosenMap,
        *,
        created_before: datetime | None,
        unfinished: Mapping[Direction, Collection[Value]] = MappingProxyType({}),
    ) -> PartitionJob:
        """What :func:`partition.carry_out` is asked to do; ``unfinished`` has record ids of each direction's source."""
        return PartitionJob(
            run=run,
            number=self.number,
            plan=chosen.plan,
            direction=self.direction,
            master=chosen.master,
            extent=self.extent,
            ids=self.ids,
            open_tables=self.open_tables,
            created_before=created_before,
            second_pass_of=self.second_pass_of,
            whole=self.whole,
            unfinished=frozenset(unfinished.get(self.direction, ())),
            unfinished_back=frozenset(unfinished.get(self.direction.opposite, ())),
        )


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that could not be written, and why.

    ``company`` is the legal entity in finance and operations' words. ``record`` names the row to people, ``cause`` is
    the reason without that name: the same for all rows that one missing thing refuses. ``row`` holds the values of
    the source that the map reads, without the empty ones; what JSON cannot carry exactly is text.
    ``whole`` as in ``PartitionJob``: when the row is done again, it gets all columns.
    """

    map_name: str
    direction: Direction
    company: str
    record_id: Value
    record: str
    column: str
    code: str
    reason: str
    cause: str
    row: Mapping[str, JsonValue]
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Conflict:
    """A column in which a record on both sides differs: ``value`` is the master's, in the other side's form, and would
    replace ``held``.
    """

    record: str
    column: str
    value: JsonValue
    held: JsonValue


@dataclass(frozen=True, slots=True)
class PreviewedWay:
    """What a run would do with the rows of one map, direction and legal entity; with some samples."""

    map_name: str
    direction: Direction
    legal_entity: str
    count: Count
    conflicts: tuple[Conflict, ...] = ()
    refused: tuple[RefusedRow, ...] = ()


@dataclass(frozen=True, slots=True)
class LeftOpen:
    """Rows whose lookups wait for rows that come later in the run, and how they are counted so far.

    A row that cannot be written at all before those come (its key lies behind a lookup) is counted as refused.
    ``conflict`` tells that they are counted as conflicts.
    """

    company: str
    ending: Ending
    ids: tuple[Value, ...]
    conflict: bool = False


@dataclass(frozen=True)
class PartitionOutcome:
    """How the rows of a partition ended, by legal entity (``NO_COMPANY`` for none).

    The counts of a second pass are corrections, to be added to those of the first: a row that is refused after all is
    one less of what it was and one more refused, and ``read`` is 0.
    """

    counts: Mapping[str, Count] = field(default_factory=dict)
    left_open: tuple[LeftOpen, ...] = ()

    @cached_property
    def open_ids(self) -> tuple[Value, ...]:
        """The record ids of all rows that were left open."""
        return tuple(row_id for each in self.left_open for row_id in each.ids)

    @property
    def count(self) -> Count:
        """All legal entities together."""
        return total(self.counts.values())

    def to_json(self) -> str:
        return json.dumps(
            {
                "counts": {company: asdict(count) for company, count in self.counts.items()},
                "left_open": [
                    {
                        "company": each.company,
                        "ending": each.ending.value,
                        "ids": [id_to_json(it) for it in each.ids],
                        "conflict": each.conflict,
                    }
                    for each in self.left_open
                ],
            }
        )

    @classmethod
    def from_json(cls, text: str) -> PartitionOutcome:
        held = json.loads(text)
        return cls(
            {company: Count(**count) for company, count in held["counts"].items()},
            tuple(
                LeftOpen(
                    each["company"],
                    Ending(each["ending"]),
                    tuple(id_from_json(it) for it in each["ids"]),
                    each["conflict"],
                )
                for each in held["left_open"]
            ),
        )


def together(outcomes: Iterable[PartitionOutcome]) -> PartitionOutcome:
    """The outcome of a partition whose parts ended so."""
    counts: dict[str, Count] = {}
    left_open: list[LeftOpen] = []
    for each in outcomes:
        left_open += each.left_open
        for company, count in each.counts.items():
            counts[company] = counts.get(company, Count()) + count
    return PartitionOutcome(counts, tuple(left_open))


def id_to_json(row_id: Value) -> JsonValue:
    """A record id as JSON carries it: a number, or a GUID's text; None for none."""
    return row_id if row_id is None or isinstance(row_id, int) else str(row_id)


def id_from_json(held: JsonValue) -> Value:
    """The record id that :func:`id_to_json` wrote."""
    return UUID(held) if isinstance(held, str) else held


def value_to_json(value: Value) -> JsonValue:
    """A value as JSON carries it: what it cannot carry exactly is text."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, date):
        return value.isoformat()
    return value if value is None or isinstance(value, str | int) else str(value)
