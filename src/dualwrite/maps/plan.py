"""What compiling a map yields: per direction, where each target column comes from and how its row is found.

A plan holds ready-made converters and look-up tables, so that running it is a matter of dictionary accesses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from types import MappingProxyType
from typing import TypeAlias

from dualwrite.filters.columns import columns_of
from dualwrite.filters.tree import Expression
from dualwrite.maps.conversion import Conversion
from dualwrite.maps.end import Converter
from dualwrite.maps.findings import Finding
from dualwrite.maps.values import ColumnMapping, Direction, MapVersion
from dualwrite.metadata.schema import Table
from dualwrite.metadata.values import target_entry

Path: TypeAlias = tuple[str, ...]


class KeyOrigin(Enum):
    """Who chose the integration key."""

    MAP = "named by the map"
    CONNECTION = "chosen for the connection"
    ALTERNATE_KEY = "an alternate key of the table"


@dataclass(frozen=True, slots=True)
class KeyPart:
    """One column of the integration key, other than the company."""

    dataverse_path: Path
    finops_column: str


@dataclass(frozen=True, slots=True)
class KeyColumn:
    """How one part of the target row's key comes from a source row. ``source`` is the column in the map's words."""

    target_path: Path
    source_path: Path
    convert: Converter
    conversion: Conversion


@dataclass(frozen=True, slots=True)
class LookupCondition:
    """The row looked for has at ``target_path`` the converted value of ``source_column``.

    Without a source column and a conversion it has a constant there, which ``convert`` gives for any value.
    """

    target_path: Path
    source_column: str | None
    convert: Converter
    conversion: Conversion | None


@dataclass(frozen=True, slots=True)
class LookupAlternative:
    """One table a lookup's row may be in; its row meets all ``conditions`` and is known by ``record_id``."""

    table: str
    record_id: str
    entity_set: str
    company_specific: bool
    conditions: tuple[LookupCondition, ...]


@dataclass(frozen=True, slots=True)
class LookupPlan:
    """A Dataverse lookup column to be filled by natural key; ``alternatives`` are tried in order."""

    column: str
    alternatives: tuple[LookupAlternative, ...]

    @property
    def source_columns(self) -> frozenset[str]:
        """The columns of the source row that tell which row is looked for; none where constants do."""
        conditions = (each for table in self.alternatives for each in table.conditions)
        return frozenset(each.source_column for each in conditions if each.source_column is not None)


@dataclass(frozen=True, slots=True)
class SourceAlternative:
    """One of several places behind lookups from which a column is filled.

    ``path`` starts with the lookup column. ``table`` is the table the lookup's row must be in where the lookup is
    polymorphic, None elsewhere.
    """

    table: str | None
    path: Path
    convert: Converter
    conversion: Conversion


@dataclass(frozen=True, slots=True)
class ColumnPlan:
    """How one target column is filled.

    ``source_path`` is None for a constant, of one part for a column of the source row, longer for a column behind a
    lookup. Where ``alternatives`` are given, the first one that is not empty fills the column; ``source_path`` and
    ``convert`` are then the first alternative's, and ``convert(None)`` fills the column when all are empty.
    ``conversion`` is None for constants and for lookups, whose conditions have their own. ``on_create_only`` marks
    constants, written when a row is created.
    """

    target_column: str
    source_path: Path | None
    convert: Converter
    lookup: LookupPlan | None
    mapping: ColumnMapping
    conversion: Conversion | None = None
    on_create_only: bool = False
    alternatives: tuple[SourceAlternative, ...] = ()

    @property
    def source_columns(self) -> frozenset[str]:
        """The columns of the source row whose change makes this column be written."""
        if self.lookup is not None:
            return self.lookup.source_columns
        if self.alternatives:
            return frozenset(each.path[0] for each in self.alternatives)
        return frozenset() if self.source_path is None else frozenset(self.source_path[:1])

    @property
    def followed(self) -> tuple[Path, ...]:
        """The paths behind lookups that must be read before this column can be filled."""
        if self.alternatives:
            return tuple(each.path for each in self.alternatives)
        return (self.source_path,) if self.source_path is not None and len(self.source_path) > 1 else ()


@dataclass(frozen=True)
class DirectionPlan:
    """One way through a map. ``filter`` is bound on the source table; ``key`` finds the target row."""

    direction: Direction
    map_name: str
    source: Table
    target: Table
    filter: Expression | None
    columns: tuple[ColumnPlan, ...]
    key: tuple[KeyColumn, ...]

    @cached_property
    def source_columns(self) -> frozenset[str]:
        """Columns of the source row that feed a target column. Constants have none, and filters do not count."""
        return frozenset(name for column in self.columns for name in column.source_columns)

    @cached_property
    def by_source(self) -> Mapping[str, tuple[ColumnPlan, ...]]:
        """The target columns that each source column feeds."""
        return MappingProxyType(
            {
                name: tuple(column for column in self.columns if name in column.source_columns)
                for name in self.source_columns
            }
        )

    @cached_property
    def via(self) -> Mapping[Path, tuple[str, ...]]:
        """The tables on which the rest of a polymorphic path is to be followed, for the paths that are polymorphic.

        A row takes part only when its ``<lookup>@table`` entry names one of them.
        """
        tables: dict[Path, tuple[str, ...]] = {}
        for column in self.columns:
            for each in column.alternatives:
                if each.table is not None:
                    tables[each.path] = (*tables.get(each.path, ()), each.table)
        return MappingProxyType(tables)

    @cached_property
    def key_paths(self) -> frozenset[Path]:
        """The key's source paths that lead behind lookups."""
        return frozenset(part.source_path for part in self.key if len(part.source_path) > 1)

    @cached_property
    def lookup_tables(self) -> frozenset[str]:
        """The target tables in which rows are looked for."""
        return frozenset(
            alternative.table
            for column in self.columns
            if column.lookup is not None
            for alternative in column.lookup.alternatives
        )


@dataclass(frozen=True, slots=True)
class ColumnPair:
    """A mapped pair of columns, for comparing the two sides.

    ``places`` lists where the Dataverse value is: the column itself, or the paths behind a lookup with the table each
    one belongs to (None where the lookup is not polymorphic). ``forward`` is None and ``back`` empty where the map does
    not go. Where several lines fill one finance and operations column, the first of them has all their places in
    ``back`` and the others none.
    """

    mapping: ColumnMapping
    finops_column: str
    places: tuple[tuple[str | None, Path], ...]
    forward: Converter | None
    back: tuple[SourceAlternative, ...]

    @property
    def paths(self) -> tuple[tuple[str | None, Path], ...]:
        """Everything that must be read for the comparison."""
        return (
            *self.places,
            *((each.table, each.path) for each in self.back if (each.table, each.path) not in self.places),
        )

    @property
    def is_lookup(self) -> bool:
        return len(self.places[0][1]) > 1


@dataclass(frozen=True)
class Plan:
    """A map that can run, with the warnings that do not stop it.

    ``key`` is the integration key without the company; the keys that could be chosen instead are
    ``dataverse.alternate_keys``.
    """

    map: MapVersion
    finops: Table
    dataverse: Table
    company_specific: bool
    to_dataverse: DirectionPlan | None
    to_finops: DirectionPlan | None
    key: tuple[KeyPart, ...]
    key_origin: KeyOrigin = KeyOrigin.ALTERNATE_KEY
    pairs: tuple[ColumnPair, ...] = ()
    warnings: tuple[Finding, ...] = ()

    def direction(self, direction: Direction) -> DirectionPlan | None:
        """The way through the map, None where the map has no column that way."""
        return self.to_dataverse if direction is Direction.TO_DATAVERSE else self.to_finops

    @cached_property
    def created_only(self) -> Mapping[Direction, frozenset[str]]:
        """Per direction, the target columns whose constants are written to new rows only.

        A constant on a column that the target's own filter asks for tells the kind of row (a customer, a person);
        it is written to a row that was there before, too, so that the two halves belong to the same map.
        """
        ways = (self.to_dataverse, self.to_finops)
        return {
            way.direction: _with_tables(
                frozenset(each.target_column for each in way.columns if each.on_create_only) - _filtered_columns(back)
            )
            for way, back in zip(ways, reversed(ways), strict=True)
            if way is not None
        }

    @cached_property
    def comparison_paths(self) -> frozenset[Path]:
        """The Dataverse paths behind lookups that a comparison of two rows needs."""
        return frozenset(path for pair in self.pairs for _, path in pair.paths if len(path) > 1)


def _with_tables(columns: frozenset[str]) -> frozenset[str]:
    """The columns and the entries that tell which table a polymorphic lookup points to."""
    return columns.union(map(target_entry, columns))


def _filtered_columns(route: DirectionPlan | None) -> frozenset[str]:
    if route is None or route.filter is None:
        return frozenset()
    return frozenset(path.parts[0] for path in columns_of(route.filter))
