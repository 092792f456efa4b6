"""Column plans, built from resolved mappings and their converters."""

from __future__ import annotations

from typing import TypeAlias

from dualwrite.maps.convert import End
from dualwrite.maps.plan import (
    ColumnPair,
    ColumnPlan,
    Converter,
    KeyColumn,
    KeyPart,
    LookupAlternative,
    LookupCondition,
    LookupPlan,
    SourceAlternative,
)
from dualwrite.maps.resolve import ResolvedMapping
from dualwrite.maps.value_map import parse_text
from dualwrite.maps.values import Direction
from dualwrite.metadata.values import Value

Converters: TypeAlias = dict[tuple[int, int, Direction], Converter]
"""By line of the map, number of the landing, and direction."""


def _constant_column(each: ResolvedMapping, end: End) -> ColumnPlan:
    assert each.mapping.default is not None
    value = parse_text(each.mapping.default.value, end)
    return ColumnPlan(
        target_column=end.column.name,
        source_path=None,
        convert=lambda _: value,
        lookup=None,
        mapping=each.mapping,
        on_create_only=True,
    )


def columns_to_dataverse(going: list[ResolvedMapping], converters: Converters) -> tuple[ColumnPlan, ...]:
    lookups: dict[str, list[ResolvedMapping]] = {}
    for each in going:
        if each.is_lookup and each.column is not None:
            lookups.setdefault(each.column.name, []).append(each)
    columns: list[ColumnPlan] = []
    for each in going:
        assert each.column is not None
        if each.mapping.is_constant:
            columns.append(_constant_column(each, each.landings[0].end))
        elif not each.is_lookup:
            assert each.finops is not None
            columns.append(
                ColumnPlan(
                    target_column=each.column.name,
                    source_path=(each.finops.column.name,),
                    convert=converters[each.index, 0, Direction.TO_DATAVERSE],
                    lookup=None,
                    mapping=each.mapping,
                )
            )
        elif lookups[each.column.name][0] is each:
            columns.append(_lookup_column(each.column.name, lookups[each.column.name], converters))
    return tuple(columns)


def _lookup_column(name: str, lines: list[ResolvedMapping], converters: Converters) -> ColumnPlan:
    """One plan for all lines that share a lookup column: a row must meet them all, in a table that all of them know."""
    alternatives: list[LookupAlternative] = []
    for first in lines[0].landings:
        conditions: list[LookupCondition] = []
        for each in lines:
            for number, landing in enumerate(each.landings):
                if landing.table is first.table and each.finops is not None:
                    convert = converters[each.index, number, Direction.TO_DATAVERSE]
                    conditions.append(LookupCondition(landing.path[1:], each.finops.column.name, convert))
        if len(conditions) == len(lines):
            table = first.table
            alternatives.append(
                LookupAlternative(
                    table.name, table.key[0], table.entity_set, table.is_company_specific, tuple(conditions)
                )
            )
    assert lines[0].finops is not None
    return ColumnPlan(
        target_column=name,
        source_path=(lines[0].finops.column.name,),
        convert=_unchanged,
        lookup=LookupPlan(name, tuple(alternatives)),
        mapping=lines[0].mapping,
    )


def _unchanged(value: Value) -> Value:
    return value


def columns_to_finops(going: list[ResolvedMapping], converters: Converters) -> tuple[ColumnPlan, ...]:
    columns: list[ColumnPlan] = []
    for each in going:
        assert each.finops is not None
        if each.mapping.is_constant:
            columns.append(_constant_column(each, each.finops))
            continue
        alternatives: tuple[SourceAlternative, ...] = ()
        if each.is_polymorphic:
            alternatives = tuple(
                SourceAlternative(landing.table.name, landing.path, converters[each.index, number, Direction.TO_FINOPS])
                for number, landing in enumerate(each.landings)
            )
        columns.append(
            ColumnPlan(
                target_column=each.finops.column.name,
                source_path=each.landings[0].path,
                convert=converters[each.index, 0, Direction.TO_FINOPS],
                lookup=None,
                mapping=each.mapping,
                alternatives=alternatives,
            )
        )
    return tuple(columns)


def column_pair(each: ResolvedMapping, converters: Converters) -> ColumnPair:
    assert each.finops is not None
    return ColumnPair(
        mapping=each.mapping,
        finops_column=each.finops.column.name,
        paths=tuple((landing.table.name if each.is_polymorphic else None, landing.path) for landing in each.landings),
        forward=converters.get((each.index, 0, Direction.TO_DATAVERSE)),
        backward=converters.get((each.index, 0, Direction.TO_FINOPS)),
    )


def key_columns(
    key: tuple[tuple[KeyPart, ResolvedMapping], ...], converters: Converters, direction: Direction
) -> tuple[KeyColumn, ...] | None:
    """How the target row is found in ``direction``; None when the key is not mapped that way."""
    columns: list[KeyColumn] = []
    for part, each in key:
        convert = converters.get((each.index, 0, direction))
        if convert is None:
            return None
        finops_path = (part.finops_column,)
        to_dataverse = direction is Direction.TO_DATAVERSE
        source, target = (finops_path, part.dataverse_path) if to_dataverse else (part.dataverse_path, finops_path)
        columns.append(KeyColumn(target_path=target, source_path=source, convert=convert))
    return tuple(columns)
