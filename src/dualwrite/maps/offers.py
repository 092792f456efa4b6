"""Columns of two tables that a map does not join yet and could: equal or similar names, and types that convert."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from dualwrite.maps.conversion import compile_conversion
from dualwrite.maps.end import End
from dualwrite.maps.lookup_path import parse_lookup_path
from dualwrite.maps.values import ColumnMapping, SyncDirection
from dualwrite.metadata.schema import Column, ColumnRole, ColumnType, EnvironmentSchema, Side, Table

_PREFIX = re.compile(r"^[a-z0-9]{2,8}_")
_SIMILAR = 0.86
"""How alike two names must be, 1 being equal. Below this, names of unlike things begin to be offered."""
_SIMILAR_LOOKUP = 0.95
"""A lookup needs more: what converts says little about whether the text is the key of that table."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A line that the map could have. ``likeness`` of the two names is 1 where they are equal."""

    mapping: ColumnMapping
    likeness: float


def unmapped_columns(table: Table, columns: Sequence[ColumnMapping]) -> tuple[Column, ...]:
    """The users' columns of ``table`` that no line of ``columns`` names, in the table's order."""
    named = {name for each in columns if (name := _named(each, table.side)) is not None}
    return tuple(column for column in table.columns if column.name.casefold() not in named and _is_users(table, column))


def _named(mapping: ColumnMapping, side: Side) -> str | None:
    if side is Side.FINOPS:
        return None if mapping.finops is None else mapping.finops.casefold()
    return None if mapping.dataverse is None else mapping.dataverse.partition(".")[0].casefold()


def _is_users(table: Table, column: Column) -> bool:
    """Whether users fill the column; an id is the environment's own, but F&O's key is the users'."""
    is_id = column.name in table.key and column.type is ColumnType.GUID
    return column.role is ColumnRole.PLAIN and column.name != table.company_column and not is_id


def offer_columns(
    finops: Table, dataverse: Table, *, schema: EnvironmentSchema, columns: Sequence[ColumnMapping] = ()
) -> tuple[Offer, ...]:
    """Pairs of columns that ``columns`` leaves out, the most alike first; each column is offered once at most."""
    lefts, rights = unmapped_columns(finops, columns), unmapped_columns(dataverse, columns)
    candidates = sorted(
        (offer for left in lefts for right in rights for offer in _offers(End(finops, left), right, dataverse, schema)),
        key=lambda offer: -offer.likeness,
    )
    taken: set[str] = set()
    chosen: list[Offer] = []
    for each in candidates:
        assert each.mapping.finops is not None
        assert each.mapping.dataverse is not None
        ends = {f"finops {each.mapping.finops}", f"dataverse {parse_lookup_path(each.mapping.dataverse).column}"}
        if not ends & taken:
            taken |= ends
            chosen.append(each)
    return tuple(chosen)


def _offers(left: End, right: Column, dataverse: Table, schema: EnvironmentSchema) -> Iterator[Offer]:
    for path, end in _landings(right, dataverse, schema):
        likeness = _likeness(left.column.name, right.name)
        if likeness < (_SIMILAR_LOOKUP if right.type is ColumnType.LOOKUP else _SIMILAR):
            continue
        direction = _direction(left, end)
        if direction is not None:
            yield Offer(ColumnMapping(left.column.name.upper(), path, direction), likeness)


def _landings(column: Column, table: Table, schema: EnvironmentSchema) -> Iterator[tuple[str, End]]:
    """The column itself; for a lookup of one table, the column behind it that names a row."""
    if column.type is not ColumnType.LOOKUP:
        yield column.name, End(table, column)
        return
    target = schema.find(column.targets[0]) if len(column.targets) == 1 else None
    if target is None:
        return
    for key in target.alternate_keys:
        own = [name for name in key if name != target.company_column]
        if len(own) == 1 and target.column(own[0]).type is not ColumnType.LOOKUP:
            yield f"{column.name}.{own[0]}", End(target, target.column(own[0]))
            return


def _direction(left: End, right: End) -> SyncDirection | None:
    """The ways in which values can travel, None when there is none."""
    forth = compile_conversion(left, right) is not None and right.column.writable
    back = compile_conversion(right, left) is not None and left.column.writable
    if forth and back:
        return SyncDirection.BOTH
    if forth:
        return SyncDirection.TO_DATAVERSE
    return SyncDirection.TO_FINOPS if back else None


def _likeness(finops: str, dataverse: str) -> float:
    one, other = _bare(finops), _bare(_PREFIX.sub("", dataverse.casefold()))
    if one == other:
        return 1.0
    matcher = SequenceMatcher(None, one, other)
    if matcher.real_quick_ratio() < _SIMILAR or matcher.quick_ratio() < _SIMILAR:
        return 0.0
    return round(matcher.ratio(), 2)


def _bare(name: str) -> str:
    """A name without what the two sides spell differently: underscores, case, a leading ``is``, a trailing ``id``."""
    bare = re.sub(r"[^a-z0-9]", "", name.casefold())
    bare = bare.removeprefix("is") if len(bare) > 4 else bare
    return bare.removesuffix("id") if len(bare) > 4 else bare


def start_columns(finops: Table, dataverse: Table, *, schema: EnvironmentSchema) -> tuple[ColumnMapping, ...]:
    """The lines that a new map starts with: the keys of both tables, and what must be filled, where names allow.

    The two keys are joined with each other even under unlike names where each is a single text.
    """
    key = [name for each in dataverse.alternate_keys[:1] for name in each if name != dataverse.company_column]
    wanted = {column.name.casefold() for column in finops.columns if column.required or column.name in finops.key}
    wanted_there = {column.name for column in dataverse.columns if column.required} | set(key)
    lines = [
        each.mapping
        for each in offer_columns(finops, dataverse, schema=schema)
        if str(each.mapping.finops).casefold() in wanted or _column_of(each.mapping) in wanted_there
    ]
    own = [name for name in finops.key if name != finops.company_column]
    free = not {_column_of(each) for each in lines} & set(key) and own[:1] != []
    if free and len(own) == len(key) == 1 and not any(each.finops == own[0].upper() for each in lines):
        path, end = next(_landings(dataverse.column(key[0]), dataverse, schema), (key[0], None))
        direction = None if end is None else _direction(End(finops, finops.column(own[0])), end)
        if direction is not None:
            lines.append(ColumnMapping(own[0].upper(), path, direction))
    order = [name.upper() for name in (*own, *(column.name for column in finops.columns))]
    return tuple(sorted(lines, key=lambda each: order.index(str(each.finops))))


def _column_of(mapping: ColumnMapping) -> str:
    return str(mapping.dataverse).partition(".")[0]
