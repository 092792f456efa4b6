"""Values as JSON that gives exactly the same values back: what JSON has no type for carries the name of its own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Final, TypeAlias
from uuid import UUID

from dualwrite.metadata.values import Row, Value

Exact: TypeAlias = str | int | bool | list[str] | None
"""A plain value, or the name of its type and its text."""

_DECIMAL: Final = "decimal"
_MOMENT: Final = "datetime"
_DATE: Final = "date"
_ID: Final = "uuid"


def exact(value: Value) -> Exact:
    """The value as JSON carries it."""
    if isinstance(value, Decimal):
        return [_DECIMAL, str(value)]
    if isinstance(value, datetime):
        return [_MOMENT, value.isoformat()]
    if isinstance(value, date):
        return [_DATE, value.isoformat()]
    return [_ID, str(value)] if isinstance(value, UUID) else value


def value_of(held: Exact) -> Value:
    """The value that :func:`exact` wrote. Raises: ValueError for a type that nobody wrote."""
    if not isinstance(held, list):
        return held
    kind, text = held
    match kind:
        case "decimal":
            return Decimal(text)
        case "datetime":
            return datetime.fromisoformat(text)
        case "date":
            return date.fromisoformat(text)
        case "uuid":
            return UUID(text)
        case _:
            raise ValueError(f"no value has the type {kind!r}")


def exact_row(row: Row) -> dict[str, Exact]:
    """The row as JSON carries it."""
    return {name: exact(value) for name, value in row.items()}


def row_of(held: Mapping[str, Exact]) -> dict[str, Value]:
    """The row that :func:`exact_row` wrote."""
    return {name: value_of(value) for name, value in held.items()}
