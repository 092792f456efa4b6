"""Values as a hosted environment accepts them: typed, within length and range, known choices. Same rules for every
writer.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal
from uuid import UUID

from dualwrite.errors import ValueProblem, ValueRefused
from dualwrite.metadata.empty import EMPTY_DATE, LAST_DATE, empty_value
from dualwrite.metadata.schema import Column, ColumnType, Side, Table
from dualwrite.metadata.values import Value

_FLOOR = {Side.FINOPS: EMPTY_DATE, Side.DATAVERSE: date(1753, 1, 1)}
_CEILING = {Side.FINOPS: LAST_DATE, Side.DATAVERSE: date(9999, 12, 30)}
_INTEGER_LIMIT = {ColumnType.INTEGER: 2**31, ColumnType.CHOICE: 2**31, ColumnType.BIGINT: 2**63}
_NUMBER_LIMIT = {Side.FINOPS: Decimal(10) ** 16, Side.DATAVERSE: Decimal(10) ** 12}
_MONEY_LIMIT = Decimal("922337203685477")
_WIDE = Context(prec=60)


def checked(table: Table, column: Column, value: Value) -> Value:
    """``value`` as ``column`` stores it: rounded to its scale, in UTC, in canonical spelling; empty as the side says
    it.

    Raises: ValueRefused.
    """
    if value is None or (value == "" and table.side is Side.DATAVERSE and column.type.is_text):
        return empty_value(column) if table.side is Side.FINOPS else None
    return _CHECKS[column.type](table, column, value)


def integer_limit(column: Column) -> int:
    """The first whole number that ``column`` does not hold; on the other side of zero, the last that it does."""
    return _INTEGER_LIMIT[column.type]


def number_limit(table: Table, column: Column) -> Decimal:
    """The largest number that ``column`` holds."""
    return _MONEY_LIMIT if column.type is ColumnType.MONEY else _NUMBER_LIMIT[table.side]


def day_range(side: Side) -> tuple[date, date]:
    """The first and the last day of the calendar."""
    return _FLOOR[side], _CEILING[side]


def refuse(table: Table, column: Column, problem: ValueProblem, reason: str) -> ValueRefused:
    return ValueRefused(f"{table.name}.{column.name}: {reason}", problem=problem, table=table.name, column=column.name)


def _wrong_type(table: Table, column: Column, value: Value, wanted: str) -> ValueRefused:
    return refuse(table, column, ValueProblem.WRONG_TYPE, f"{_shown(value)} is not {wanted}")


def _shown(value: Value) -> str:
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _text(table: Table, column: Column, value: Value) -> Value:
    if not isinstance(value, str):
        raise _wrong_type(table, column, value, "text")
    if column.length is not None and len(value) > column.length:
        reason = f"the text has {len(value)} characters, the column holds {column.length}"
        raise refuse(table, column, ValueProblem.TOO_LONG, reason)
    if "\0" in value or (not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value)):
        raise refuse(table, column, ValueProblem.WRONG_TYPE, "the text holds a character that cannot be stored")
    return value


def _integer(table: Table, column: Column, value: Value) -> Value:
    if isinstance(value, Decimal) and value.is_finite() and value == value.to_integral_value():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong_type(table, column, value, "a whole number")
    limit = integer_limit(column)
    if not -limit <= value < limit:
        raise refuse(table, column, ValueProblem.OUT_OF_RANGE, f"{_shown(value)} is too large")
    return value


def _number(table: Table, column: Column, value: Value) -> Value:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise _wrong_type(table, column, value, "a number")
    number = Decimal(value)
    if not number.is_finite():
        raise _wrong_type(table, column, value, "a number")
    limit = number_limit(table, column)
    if abs(number) > limit:
        raise refuse(table, column, ValueProblem.OUT_OF_RANGE, f"{_shown(number)} is too large")
    return number.quantize(Decimal(1).scaleb(-column.places), rounding=ROUND_HALF_EVEN, context=_WIDE)


def _boolean(table: Table, column: Column, value: Value) -> Value:
    if not isinstance(value, bool):
        raise _wrong_type(table, column, value, "true or false")
    return value


def _enum(table: Table, column: Column, value: Value) -> Value:
    if not isinstance(value, str) or column.enumeration is None:
        raise _wrong_type(table, column, value, "a member of an enum")
    member = column.enumeration.canonical(value)
    if member is None:
        known = ", ".join(name for name, _ in column.enumeration.members)
        reason = f"{_shown(value)} is not a member of {column.enumeration.name} ({known})"
        raise refuse(table, column, ValueProblem.UNKNOWN_CHOICE, reason)
    return member


def _choice(table: Table, column: Column, value: Value) -> Value:
    number = _integer(table, column, value)
    if column.enumeration is not None and all(number != known for _, known in column.enumeration.members):
        known = ", ".join(f"{label} {known}" for label, known in column.enumeration.members)
        raise refuse(table, column, ValueProblem.UNKNOWN_CHOICE, f"{_shown(value)} is not one of its choices ({known})")
    return number


def _date(table: Table, column: Column, value: Value) -> Value:
    if isinstance(value, datetime) or not isinstance(value, date):
        raise _wrong_type(table, column, value, "a date")
    return _within(table, column, value, value)


def _datetime(table: Table, column: Column, value: Value) -> Value:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise _wrong_type(table, column, value, "a date and time")
    try:
        moment = value.astimezone(UTC)
    except OverflowError:
        raise refuse(table, column, ValueProblem.OUT_OF_RANGE, f"{_shown(value)} is out of range") from None
    return _within(table, column, moment.date(), moment)


def _within(table: Table, column: Column, day: date, value: Value) -> Value:
    floor, ceiling = day_range(table.side)
    if not floor <= day <= ceiling:
        reason = f"{day.isoformat()} is outside of {floor.isoformat()} to {ceiling.isoformat()}"
        raise refuse(table, column, ValueProblem.OUT_OF_RANGE, reason)
    return value


def _guid(table: Table, column: Column, value: Value) -> Value:
    if not isinstance(value, UUID):
        raise _wrong_type(table, column, value, "a GUID")
    return value


_CHECKS: dict[ColumnType, Callable[[Table, Column, Value], Value]] = {
    ColumnType.STRING: _text,
    ColumnType.MEMO: _text,
    ColumnType.INTEGER: _integer,
    ColumnType.BIGINT: _integer,
    ColumnType.DECIMAL: _number,
    ColumnType.MONEY: _number,
    ColumnType.BOOLEAN: _boolean,
    ColumnType.ENUM: _enum,
    ColumnType.CHOICE: _choice,
    ColumnType.DATE: _date,
    ColumnType.DATETIME: _datetime,
    ColumnType.GUID: _guid,
    ColumnType.LOOKUP: _guid,
}
