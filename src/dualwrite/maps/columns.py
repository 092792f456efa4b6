"""Column plans, built from resolved mappings and their converters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from dualwrite.maps.conversion import Conversion
from dualwrite.maps.end import Converter, End
from dualwrite.maps.plan import (
    ColumnPair,
    ColumnPlan,
    KeyColumn,
    KeyPart,
    LookupAlternative,
    LookupCondition,
    LookupPlan,
    SourceAlternative,
)
from dualwrite.maps.resolve import ResolvedMapping
from dualwrite.maps.values import Direction
from dualwrite.metadata.values import Value

Place: TypeAlias = tuple[int, int]
"""A line of the map, and the number of the landing on it."""


@dataclass(frozen=True, slots=True)
class Conversions:
    """What fills a column: the conversions of each direction, and the values of lines that are constants."""

    by_place: Mapping[tuple[int, int, Direction], Conversion]
    constants: Mapping[Place, Value]

    def of(self, each: ResolvedMapping, direction: Direction, landing: int = 0) -> Conversion:
        return self.by_place[each.index, landing, direction]


def _constant(value: Value) -> Converter:
    return lambda _: value


def _constant_column(each: ResolvedMapping, end: End, conversions: Conversions) -> ColumnPlan:
    return ColumnPlan(
        target_column=end.column.name,
        source_path=None,
        convert=_constant(conversions.constants[each.index, 0]),
        lookup=None,
        mapping=each.mapping,
        on_create_only=True,
    )


def columns_to_dataverse(going: list[ResolvedMapping], conversions: Conversions) -> tuple[ColumnPlan, ...]:
    lookups: dict[str, list[ResolvedMapping]] = {}
    for each in going:
        if each.is_lookup and each.column is not None:
            lookups.setdefault(each.column.name, []).append(each)
    columns: list[ColumnPlan] = []
    for each in going:
        assert each.column is not None
        if each.is_lookup:
            lines = lookups[each.column.name]
            if lines[0] is each:
                columns.append(_lookup_column(each.column.name, lines, conversions))
        elif each.mapping.is_constant:
            columns.append(_constant_column(each, each.landings[0].end, conversions))
        else:
            assert each.finops is not None
            conversion = conversions.of(each, Direction.TO_DATAVERSE)
            columns.append(
                ColumnPlan(
                    target_column=each.column.name,
                    source_path=(each.finops.column.name,),
                    convert=conversion.convert,
                    lookup=None,
                    mapping=each.mapping,
                    conversion=conversion,
                )
            )
    return tuple(columns)


def _lookup_column(name: str, lines: list[ResolvedMapping], conversions: Conversions) -> ColumnPlan:
    """One plan for all lines that share a lookup column: a row must meet them all, in a table that all of them know."""
    alternatives: list[LookupAlternative] = []
    for first in lines[0].landings:
        conditions = tuple(
            _condition(each, number, conversions)
            for each in lines
            for number, landing in enumerate(each.landings)
            if landing.table is first.table
        )
        if len(conditions) == len(lines):
            table = first.table
            alternatives.append(
                LookupAlternative(table.name, table.key[0], table.entity_set, table.is_company_specific, conditions)
            )
    sources = [each.finops.column.name for each in lines if each.finops is not None]
    return ColumnPlan(
        target_column=name,
        source_path=(sources[0],) if sources else None,
        convert=_unchanged,
        lookup=LookupPlan(name, tuple(alternatives)),
        mapping=lines[0].mapping,
        on_create_only=not sources,
    )


def _condition(each: ResolvedMapping, number: int, conversions: Conversions) -> LookupCondition:
    path = each.landings[number].path[1:]
    if each.finops is None:
        return LookupCondition(path, None, _constant(conversions.constants[each.index, number]), None)
    conversion = conversions.of(each, Direction.TO_DATAVERSE, number)
    return LookupCondition(path, each.finops.column.name, conversion.convert, conversion)


def _unchanged(value: Value) -> Value:
    return value


def columns_to_finops(going: list[ResolvedMapping], conversions: Conversions) -> tuple[ColumnPlan, ...]:
    lines: dict[str, list[ResolvedMapping]] = {}
    for each in going:
        assert each.finops is not None
        lines.setdefault(each.finops.column.name, []).append(each)
    return tuple(_finops_column(name, each, conversions) for name, each in lines.items())


def _finops_column(name: str, lines: list[ResolvedMapping], conversions: Conversions) -> ColumnPlan:
    """One plan for all lines that share a finance and operations column; all but a single one lead behind lookups."""
    first = lines[0]
    assert first.finops is not None
    if first.mapping.is_constant:
        return _constant_column(first, first.finops, conversions)
    places = _places(lines)
    conversion = conversions.of(first, Direction.TO_FINOPS)
    several = len(places) > 1 or first.is_polymorphic
    return ColumnPlan(
        target_column=name,
        source_path=first.landings[0].path,
        convert=conversion.convert,
        lookup=None,
        mapping=first.mapping,
        conversion=conversion,
        alternatives=tuple(_alternative(*place, conversions) for place in places) if several else (),
    )


def _alternative(each: ResolvedMapping, number: int, conversions: Conversions) -> SourceAlternative:
    landing, conversion = each.landings[number], conversions.of(each, Direction.TO_FINOPS, number)
    table = landing.table.name if each.is_polymorphic else None
    return SourceAlternative(table, landing.path, conversion.convert, conversion)


def column_pairs(resolved: tuple[ResolvedMapping, ...], conversions: Conversions) -> tuple[ColumnPair, ...]:
    """The pairs of mapped columns in the order of the map; a line that only adds a place to an earlier one has none."""
    mapped = [each for each in resolved if not each.mapping.is_constant]
    filling: dict[str, list[ResolvedMapping]] = {}
    for each in mapped:
        if each.finops is not None and each.goes(Direction.TO_FINOPS):
            filling.setdefault(each.finops.column.name, []).append(each)
    pairs = (_column_pair(each, filling, conversions) for each in mapped)
    return tuple(pair for pair in pairs if pair.forward is not None or pair.back)


def _column_pair(
    each: ResolvedMapping, filling: Mapping[str, list[ResolvedMapping]], conversions: Conversions
) -> ColumnPair:
    assert each.finops is not None
    name = each.finops.column.name
    lines = filling.get(name, [])
    forward = conversions.by_place.get((each.index, 0, Direction.TO_DATAVERSE))
    first = bool(lines) and lines[0] is each
    return ColumnPair(
        mapping=each.mapping,
        finops_column=name,
        places=tuple((landing.table.name if each.is_polymorphic else None, landing.path) for landing in each.landings),
        forward=None if forward is None else forward.convert,
        back=tuple(_alternative(*place, conversions) for place in _places(lines)) if first else (),
    )


def _places(lines: list[ResolvedMapping]) -> list[tuple[ResolvedMapping, int]]:
    return [(each, number) for each in lines for number in range(len(each.landings))]


def key_columns(
    key: tuple[tuple[KeyPart, ResolvedMapping], ...], conversions: Conversions, direction: Direction
) -> tuple[KeyColumn, ...] | None:
    """How the target row is found in ``direction``; None when the key is not mapped that way."""
    columns: list[KeyColumn] = []
    for part, each in key:
        conversion = conversions.by_place.get((each.index, 0, direction))
        if conversion is None:
            return None
        finops_path = (part.finops_column,)
        to_dataverse = direction is Direction.TO_DATAVERSE
        source, target = (finops_path, part.dataverse_path) if to_dataverse else (part.dataverse_path, finops_path)
        # A calendar that two lookups of the key lead to is one column of the row there; the first place tells it.
        if all(known.target_path != target for known in columns):
            columns.append(KeyColumn(target, source, conversion.convert, conversion))
    return tuple(columns)
