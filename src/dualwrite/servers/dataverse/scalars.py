"""One value as callers send it, read as its column's type; and the Edm type that the column shows.

Nothing is needed the other way: the JSON writer spells every kind of value as the service does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TypeAlias
from uuid import UUID

from dualwrite.metadata.schema import Column, ColumnType
from dualwrite.metadata.values import Value
from dualwrite.servers.odata.literals import UrlLiteral
from dualwrite.servers.odata.refusals import MalformedRequest

Reader: TypeAlias = Callable[[object], Value]

EDM_TYPES: Mapping[ColumnType, str] = {
    ColumnType.STRING: "Edm.String",
    ColumnType.MEMO: "Edm.String",
    ColumnType.INTEGER: "Edm.Int32",
    ColumnType.BIGINT: "Edm.Int64",
    ColumnType.DECIMAL: "Edm.Decimal",
    ColumnType.MONEY: "Edm.Decimal",
    ColumnType.BOOLEAN: "Edm.Boolean",
    ColumnType.ENUM: "Edm.String",
    ColumnType.CHOICE: "Edm.Int32",
    ColumnType.DATE: "Edm.Date",
    ColumnType.DATETIME: "Edm.DateTimeOffset",
    ColumnType.GUID: "Edm.Guid",
    ColumnType.LOOKUP: "Edm.Guid",
}

FLOOR_YEAR = 1753
"""Dates before it cannot be stored by the service."""

_INT32 = 2**31
_INT64 = 2**63
_DECIMAL_DIGITS = 28
"""As many as the service's own decimal type carries."""

_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_DATETIME = re.compile(
    r"(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2})?)(?:\.(\d{1,12}))?(Z|z|[+-]\d{2}:\d{2})?)?", re.ASCII
)


class Unreadable(Exception):
    """A JSON value that is not of its column's type; the message says what was expected."""


def parse_guid(text: str) -> UUID | None:
    """The GUID written as 8-4-4-4-12 hexadecimal digits, or None when ``text`` is something else."""
    return UUID(text) if _GUID.fullmatch(text) else None


def clean_text(text: str) -> str:
    """``text`` when a database can hold it. Raises: Unreadable, for NUL and for half a surrogate pair."""
    if "\x00" in text:
        raise Unreadable("text without NUL characters is expected")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Unreadable("text without unpaired surrogates is expected") from None
    return text


def _text(value: object) -> Value:
    if not isinstance(value, str):
        raise Unreadable("a string is expected")
    return clean_text(value) or None


def _whole(value: object, *, bound: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise Unreadable("a whole number is expected")
    if isinstance(value, Decimal):
        if not value.is_finite() or value.adjusted() > _DECIMAL_DIGITS or value != value.to_integral_value():
            raise Unreadable("a whole number is expected")
        value = int(value)
    if not -bound <= value < bound:
        raise Unreadable(f"a whole number from {-bound} to {bound - 1} is expected")
    return value


def _integer(value: object) -> Value:
    return _whole(value, bound=_INT32)


def _bigint(value: object) -> Value:
    return _whole(value, bound=_INT64)


def _decimal(value: object) -> Value:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise Unreadable("a number is expected")
    if isinstance(value, int):
        if abs(value) >= 10**_DECIMAL_DIGITS:
            raise Unreadable(f"a number of at most {_DECIMAL_DIGITS} digits is expected")
        return Decimal(value)
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or value.adjusted() >= _DECIMAL_DIGITS or exponent < -_DECIMAL_DIGITS:
        raise Unreadable(f"a number of at most {_DECIMAL_DIGITS} digits is expected")
    return value


def _boolean(value: object) -> Value:
    if not isinstance(value, bool):
        raise Unreadable("true or false is expected")
    return value


def _date(value: object) -> Value:
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            day = date.fromisoformat(value)
        except ValueError:
            raise Unreadable("a date as YYYY-MM-DD is expected") from None
        _above_floor(day)
        return day
    raise Unreadable("a date as YYYY-MM-DD is expected")


def _datetime(value: object) -> Value:
    match = _DATETIME.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise Unreadable("a date and time as YYYY-MM-DDThh:mm:ssZ is expected")
    day, clock, fraction, offset = match.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{clock or '00:00'}{_offset(offset)}")
        micros = int((fraction or "0").ljust(6, "0")[:6])
        moment = moment.replace(microsecond=micros).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Unreadable("a date and time as YYYY-MM-DDThh:mm:ssZ is expected") from None
    _above_floor(moment)
    return moment


def _offset(offset: str | None) -> str:
    return "+00:00" if offset is None or offset in "Zz" else offset


def _above_floor(day: date) -> None:
    if day.year < FLOOR_YEAR:
        raise Unreadable(f"a date not before {FLOOR_YEAR}-01-01 is expected")


def _guid(value: object) -> Value:
    guid = parse_guid(value) if isinstance(value, str) else None
    if guid is None:
        raise Unreadable("a GUID is expected")
    return guid


_READERS: Mapping[ColumnType, Reader] = {
    ColumnType.STRING: _text,
    ColumnType.MEMO: _text,
    ColumnType.INTEGER: _integer,
    ColumnType.BIGINT: _bigint,
    ColumnType.DECIMAL: _decimal,
    ColumnType.MONEY: _decimal,
    ColumnType.BOOLEAN: _boolean,
    ColumnType.ENUM: _text,
    ColumnType.CHOICE: _integer,
    ColumnType.DATE: _date,
    ColumnType.DATETIME: _datetime,
    ColumnType.GUID: _guid,
    ColumnType.LOOKUP: _guid,
}


def reader(column: Column) -> Reader:
    """What turns JSON into the column's value; null is every column's empty value. Raises: MalformedRequest."""
    read = _READERS[column.type]
    edm = EDM_TYPES[column.type]
    name = column.name

    def checked(value: object) -> Value:
        if value is None:
            return None
        try:
            return read(value)
        except Unreadable as error:
            raise _refusal(name, edm=edm, reason=str(error)) from None

    return checked


def _refusal(name: str, *, edm: str, reason: str) -> MalformedRequest:
    return MalformedRequest(f"Cannot convert the value of '{name}' to the expected type '{edm}': {reason}.")


def from_literal(column: Column, literal: UrlLiteral) -> Value:
    """The value of a key part as it stands in an address. Raises: RequestRefused."""
    if isinstance(literal, date) and column.type in (ColumnType.DATE, ColumnType.DATETIME):
        literal = literal.isoformat()
    elif isinstance(literal, UUID) and column.type in (ColumnType.GUID, ColumnType.LOOKUP):
        return literal
    value = reader(column)(literal)
    if value is None:
        raise MalformedRequest(f"The key part '{column.name}' must have a value.")
    return value
