"""One cell of a data-management file as the value its column holds. Pure.

Dates are written the American way, enums by member name or label, numbers with a point. An empty cell is None, or empty
text in a column of text; what a column holds then (0, the first member, 1 January 1900) is the environment's business.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from uuid import UUID

from dualwrite.errors import ValueProblem, ValueRefused
from dualwrite.metadata.schema import Column, ColumnType, Enumeration
from dualwrite.metadata.values import Value

INTEGER_BITS: Mapping[ColumnType, int] = {ColumnType.INTEGER: 32, ColumnType.BIGINT: 64}
DECIMAL_DIGITS = 32

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_AMERICAN = re.compile(
    r"(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>\d{4})"
    r"(?:[ T]+(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.0+)?)?\s*(?P<half>[AaPp][Mm])?)?",
    re.ASCII,
)
_TRUTH = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


def parse_cell(column: Column, text: str) -> Value:
    """The value that ``text`` stands for.

    Raises: ValueRefused, whose message says what the column expects.
    """
    if column.type.is_text:
        return _parse_text(column, text)
    stripped = text.strip()
    if not stripped:
        if column.required and column.type is not ColumnType.ENUM:
            raise _refused(column, ValueProblem.REQUIRED, "is required and empty")
        return None
    return _PARSERS[column.type](column, stripped)


def _refused(column: Column, problem: ValueProblem, reason: str) -> ValueRefused:
    return ValueRefused(reason, problem=problem, column=column.name)


def _parse_text(column: Column, text: str) -> str:
    if column.required and not text.strip():
        raise _refused(column, ValueProblem.REQUIRED, "is required and empty")
    if "\x00" in text:
        raise _refused(column, ValueProblem.WRONG_TYPE, "contains a NUL character")
    if column.length is not None and len(text) > column.length:
        reason = f"has {len(text)} characters, the column holds {column.length}"
        raise _refused(column, ValueProblem.TOO_LONG, reason)
    return text


def _parse_integer(column: Column, text: str) -> int:
    number = _decimal(text)
    if number is None or number != number.to_integral_value():
        raise _refused(column, ValueProblem.WRONG_TYPE, f"{text!r} is not a whole number")
    limit = 1 << (INTEGER_BITS[column.type] - 1)
    if not -limit <= number < limit:
        raise _refused(column, ValueProblem.OUT_OF_RANGE, f"{text} does not fit into {INTEGER_BITS[column.type]} bits")
    return int(number)


def _parse_decimal(column: Column, text: str) -> Decimal:
    number = _decimal(text)
    if number is None:
        raise _refused(column, ValueProblem.WRONG_TYPE, f"{text!r} is not a number")
    scale = column.places
    exponent = number.normalize().as_tuple().exponent
    if isinstance(exponent, int) and -exponent > scale:
        raise _refused(column, ValueProblem.OUT_OF_RANGE, f"{text} has more than {scale} decimal places")
    if number.adjusted() >= DECIMAL_DIGITS - scale:
        raise _refused(column, ValueProblem.OUT_OF_RANGE, f"{text} has more than {DECIMAL_DIGITS - scale} digits")
    return number


def _decimal(text: str) -> Decimal | None:
    if _NUMBER.fullmatch(text) is None:
        return None
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _parse_boolean(column: Column, text: str) -> bool:
    truth = _TRUTH.get(text.casefold())
    if truth is None:
        raise _refused(column, ValueProblem.WRONG_TYPE, f"{text!r} is neither yes nor no")
    return truth


def _parse_enum(column: Column, text: str) -> str:
    number = _choice(column, text)
    member = _enumeration(column).member(number)
    assert member is not None
    return member


def _choice(column: Column, text: str) -> int:
    """The number of the member called ``text``: its name, its label (the name with spaces), or the number itself."""
    enumeration = _enumeration(column)
    number = enumeration.number(text)
    if number is None:
        number = enumeration.number(re.sub(r"[\s-]", "", text))
    if number is None and text.isascii() and text.isdigit() and enumeration.member(int(text)) is not None:
        number = int(text)
    if number is None:
        members = ", ".join(name for name, _ in enumeration.members)
        raise _refused(column, ValueProblem.UNKNOWN_CHOICE, f"{text!r} is not one of {members}")
    return number


def _enumeration(column: Column) -> Enumeration:
    assert column.enumeration is not None
    return column.enumeration


def _parse_datetime(column: Column, text: str) -> datetime:
    """A moment in UTC; the files carry no time zone."""
    moment = _american(text) or _iso(text)
    if moment is None:
        raise _refused(column, ValueProblem.WRONG_TYPE, f"{text!r} is not a date like 8/25/2020 13:03")
    return moment


def _parse_date(column: Column, text: str) -> date:
    moment = _parse_datetime(column, text)
    if moment.timetz() != time(tzinfo=UTC):
        raise _refused(column, ValueProblem.WRONG_TYPE, f"{text!r} has a time of day, the column holds a date")
    return moment.date()


def _american(text: str) -> datetime | None:
    found = _AMERICAN.fullmatch(text)
    if found is None:
        return None
    year, month, day = (int(found[part]) for part in ("year", "month", "day"))
    hour, minute, second = (int(found[part] or 0) for part in ("hour", "minute", "second"))
    half = (found["half"] or "").casefold()
    if half and not 1 <= hour <= 12:
        return None
    if half:
        hour = hour % 12 + (12 if half == "pm" else 0)
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None


def _iso(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _parse_guid(column: Column, text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise _refused(column, ValueProblem.WRONG_TYPE, f"{text!r} is not a GUID") from None


_PARSERS: Mapping[ColumnType, Callable[[Column, str], Value]] = {
    ColumnType.INTEGER: _parse_integer,
    ColumnType.BIGINT: _parse_integer,
    ColumnType.DECIMAL: _parse_decimal,
    ColumnType.MONEY: _parse_decimal,
    ColumnType.BOOLEAN: _parse_boolean,
    ColumnType.ENUM: _parse_enum,
    ColumnType.CHOICE: _choice,
    ColumnType.DATE: _parse_date,
    ColumnType.DATETIME: _parse_datetime,
    ColumnType.GUID: _parse_guid,
    ColumnType.LOOKUP: _parse_guid,
}
