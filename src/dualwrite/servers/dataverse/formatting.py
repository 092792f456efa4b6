"""Formatted values: how the service spells a value for people (``OData.Community.Display.V1.FormattedValue``)."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from dualwrite.metadata.schema import Column, ColumnType
from dualwrite.metadata.values import Value

_NUMBERS = (ColumnType.INTEGER, ColumnType.BIGINT)


def format_value(column: Column, value: Value) -> str | None:
    """The spelling for people in US English; None for kinds of values that have none."""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if column.type is ColumnType.CHOICE:
        return _label(column, value)
    if column.type is ColumnType.MONEY and isinstance(value, Decimal):
        return f"{value:,.2f}"
    if isinstance(value, Decimal):
        return f"{value:,.{_scale(column)}f}"
    if column.type in _NUMBERS and isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, datetime):
        return f"{_day(value)} {value.hour % 12 or 12}:{value:%M} {'AM' if value.hour < 12 else 'PM'}"
    return _day(value) if isinstance(value, date) else None


def _label(column: Column, value: Value) -> str | None:
    if column.enumeration is None or not isinstance(value, int):
        return None
    return column.enumeration.member(value)


def _scale(column: Column) -> int:
    return 2 if column.scale is None else column.scale


def _day(value: date) -> str:
    return f"{value.month}/{value.day}/{value.year}"
