"""Changing a map version: every change is a value, and applying some of them yields another version.

``add_line``, ``set_line`` and ``remove_line`` turn what somebody asks for into changes, and say what is in the way;
``maps.diff`` finds the changes that lead from one version to another.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import TypeAlias, assert_never

from dualwrite.errors import MapRefused
from dualwrite.maps.text import parse_column
from dualwrite.maps.values import MAP_TYPES, ColumnMapping, FilterExit, MapVersion, Version


class Fact(Enum):
    """What a map version says besides its columns. The value is the key of the map's file."""

    NAME = "name"
    VERSION = "version"
    PUBLISHER = "publisher"
    DESCRIPTION = "description"
    NOTES = "notes"
    FINOPS_ENTITY = "finops_entity"
    DATAVERSE_TABLE = "dataverse_table"
    SOURCE_FILTER = "source_filter"
    REVERSED_SOURCE_FILTER = "reversed_source_filter"
    INTEGRATION_KEY = "integration_key"
    ON_FILTER_EXIT = "on_filter_exit"
    OWNING_TEAM = "owning_team"


FactValue: TypeAlias = str | Version | FilterExit | tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class SetFact:
    """The version says ``value``."""

    fact: Fact
    value: FactValue


@dataclass(frozen=True, slots=True)
class AddColumn:
    """There is one more line, the last one."""

    mapping: ColumnMapping


@dataclass(frozen=True, slots=True)
class RemoveColumn:
    """The line is gone."""

    mapping: ColumnMapping


@dataclass(frozen=True, slots=True)
class ChangeColumn:
    """The line ``was`` reads ``mapping`` now, in its place."""

    was: ColumnMapping
    mapping: ColumnMapping


@dataclass(frozen=True, slots=True)
class OrderColumns:
    """The same lines stand in this order."""

    columns: tuple[ColumnMapping, ...]


Change: TypeAlias = SetFact | AddColumn | RemoveColumn | ChangeColumn | OrderColumns


def fact_of(version: MapVersion, fact: Fact) -> FactValue:
    """What ``version`` says."""
    value: FactValue = getattr(version, fact.value)
    return value


def apply_changes(version: MapVersion, changes: Iterable[Change]) -> MapVersion:
    """The version after ``changes``, one after the other. Raises: MapRefused for a line that is not there."""
    for change in changes:
        version = _applied(version, change)
    return version


def _applied(version: MapVersion, change: Change) -> MapVersion:
    columns = version.columns
    match change:
        case SetFact(fact, value):
            # A fact's value is the name of a field, and its type that of the field.
            return replace(version, **{fact.value: value})  # type: ignore[arg-type]
        case AddColumn(mapping):
            return replace(version, columns=(*columns, mapping))
        case RemoveColumn(mapping):
            at = _place(version, mapping)
            return replace(version, columns=columns[:at] + columns[at + 1 :])
        case ChangeColumn(was, mapping):
            at = _place(version, was)
            return replace(version, columns=(*columns[:at], mapping, *columns[at + 1 :]))
        case OrderColumns(ordered):
            if Counter(ordered) != Counter(columns):
                raise MapRefused(f"{version.name}: the new order does not name the lines of the map", map=version.name)
            return replace(version, columns=ordered)
        case _:
            assert_never(change)


def _place(version: MapVersion, mapping: ColumnMapping) -> int:
    try:
        return version.columns.index(mapping)
    except ValueError:
        raise MapRefused(f"{version.name} has no line {mapping}", map=version.name) from None


# --- what people ask for --------------------------------------------------------------------------------------------


def same_pair(one: ColumnMapping, other: ColumnMapping) -> bool:
    """Whether both lines join the same two columns, whatever their direction and transforms."""
    return pair_of(one) == pair_of(other)


def pair_of(mapping: ColumnMapping) -> tuple[str | None, str | None]:
    """The two columns of a line, as they are told apart: without regard to case."""
    return _folded(mapping.finops), _folded(mapping.dataverse)


def add_line(version: MapVersion, mapping: ColumnMapping) -> AddColumn:
    """The change that adds ``mapping``. Raises: MapRefused when its columns are joined already."""
    there = next((each for each in version.columns if same_pair(each, mapping)), None)
    if there is not None:
        raise MapRefused(
            f"{version.name} has the line {there} already; change it instead of adding {mapping}", map=version.name
        )
    return AddColumn(mapping)


def set_line(version: MapVersion, mapping: ColumnMapping) -> ChangeColumn:
    """The change after which the line of the same columns reads ``mapping``.

    The line is the one that joins the same two columns; without one, the only line of the F&O column, or else of the
    Dataverse column. Raises: MapRefused when there is no such line, or several.
    """
    same = [each for each in version.columns if same_pair(each, mapping)]
    finops, dataverse = pair_of(mapping)
    near = [each for each in version.columns if finops is not None and pair_of(each)[0] == finops]
    far = [each for each in version.columns if dataverse is not None and pair_of(each)[1] == dataverse]
    found = same or near or far
    if not found:
        raise MapRefused(f"{version.name} has no line to become {mapping}; add it instead", map=version.name)
    if len(found) > 1:
        raise MapRefused(
            f"{version.name} has several lines that could become {mapping}: {_listed(found)}. "
            "Remove the one that is meant and add the new one.",
            map=version.name,
        )
    return ChangeColumn(found[0], mapping)


def set_line_text(version: MapVersion, text: str) -> ChangeColumn:
    """:func:`set_line` for a line as it is written; ``A >> b`` without a transform keeps those of the line before.

    Raises: MapRefused.
    """
    bare = _BARE_TRANSFORMED.fullmatch(text.strip())
    if bare is None:
        return set_line(version, parse_column(text))
    finops, symbol, dataverse = bare.groups()
    change = set_line(version, parse_column(f"{finops} {_PLAIN[symbol]} {dataverse}"))
    if not change.was.transforms:
        raise MapRefused(
            f"{version.name}: {change.was} has no transform to keep; write it behind a colon, such as "
            f"{text.strip()}: {{no: 1, yes: 2}}",
            map=version.name,
        )
    transforms = change.was.transforms
    return replace(change, mapping=replace(change.mapping, sync_direction=MAP_TYPES[symbol][0], transforms=transforms))


_BARE_TRANSFORMED = re.compile(r"(\S+) (>>|<<|><) (\S+)")
_PLAIN = {">>": ">", "<<": "<", "><": "="}


def remove_line(version: MapVersion, text: str) -> RemoveColumn:
    """The change that takes out the line that ``text`` means: a column of either side, or ``COLUMN = column``.

    Raises: MapRefused when no line is meant, or several.
    """
    found = _meant(version, text)
    if not found:
        raise MapRefused(f"{version.name} has no line with the column {text}", map=version.name)
    if len(found) > 1:
        raise MapRefused(
            f"{version.name}: {text} is in several lines: {_listed(found)}. Write the whole line.", map=version.name
        )
    return RemoveColumn(found[0])


def _meant(version: MapVersion, text: str) -> Sequence[ColumnMapping]:
    words = text.casefold().split()
    if len(words) == 3:
        pair = tuple(None if word == "none" else word for word in (words[0], words[2]))
        return [each for each in version.columns if pair_of(each) == pair]
    wanted = text.strip().casefold()
    for side in (0, 1):
        found = [each for each in version.columns if pair_of(each)[side] == wanted]
        if found:
            return found
    return [each for each in version.columns if (pair_of(each)[1] or "").partition(".")[0] == wanted]


def _folded(name: str | None) -> str | None:
    return None if name is None else name.casefold()


def _listed(columns: Iterable[ColumnMapping]) -> str:
    return "; ".join(str(each) for each in columns)


_PARKED = 9
"""A major number that published packages give to versions which are not to be the newest in use."""


def next_version(versions: Iterable[Version]) -> Version:
    """The number to propose for a new version: one after the highest, versions parked at 9.9.9.9 left aside."""
    taken = set(versions)
    if not taken:
        return Version(1)
    last = max([each for each in taken if each.major < _PARKED] or taken)
    candidate = Version(last.major, last.minor, last.build, last.revision + 1)
    while candidate in taken:
        candidate = Version(candidate.major, candidate.minor, candidate.build, candidate.revision + 1)
    return candidate
