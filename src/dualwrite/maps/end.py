"""The two ends of a conversion, and what each holds where nothing was entered.

Finance and operations has no null: an empty text is ``""``, an empty date 1900-01-01, an empty number 0, an empty
enum its member 0. Dataverse has null for all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import TypeAlias

from dualwrite.errors import ValueProblem, ValueRefused
from dualwrite.metadata.empty import EMPTY_DATE, EMPTY_GUID, empty_member, empty_value
from dualwrite.metadata.schema import Column, ColumnType, Side, Table
from dualwrite.metadata.values import Value

Converter: TypeAlias = Callable[[Value], Value]
"""Gives the target's value for a source's value. Raises: ValueRefused, without naming map and record."""

_NOON = time(12)


@dataclass(frozen=True, slots=True)
class End:
    """One end of a mapping: a column and the table it stands in."""

    table: Table
    column: Column

    @property
    def qualified(self) -> str:
        return f"{self.table.entity_set}.{self.column.name}"

    @property
    def is_finops(self) -> bool:
        return self.table.side is Side.FINOPS


def refuse(target: End, message: str, problem: ValueProblem) -> ValueRefused:
    return ValueRefused(message, problem=problem, table=target.table.name, column=target.column.name)


def is_empty(value: Value, end: End) -> bool:
    """Whether ``value`` is nothing: null, or on F&O's side an empty text, date or GUID. Numbers and members are
    something."""
    if value is None or value == "":
        return True
    if not end.is_finops:
        return False
    return is_empty_date(value) if isinstance(value, date) else value == EMPTY_GUID


def is_blank(value: Value, end: End) -> bool:
    """Whether ``value`` is what a row of its side holds where nothing was filled in: nothing, or an enum's member 0."""
    if is_empty(value, end):
        return True
    is_member = end.is_finops and end.column.type is ColumnType.ENUM
    return is_member and value == empty_member(end.column.enumeration)


def is_empty_date(value: date) -> bool:
    """Whether ``value`` is F&O's empty date, as a date or as that day at 00:00 or 12:00 UTC."""
    if not isinstance(value, datetime):
        return value == EMPTY_DATE
    if not EMPTY_DATE.year - 1 <= value.year <= EMPTY_DATE.year:
        return False
    at = value.astimezone(UTC)
    return at.date() == EMPTY_DATE and at.time() in (time.min, _NOON)


def blank_of(end: End) -> Value:
    """What ``end`` holds where nothing was filled in."""
    return empty_value(end.column) if end.is_finops else None
