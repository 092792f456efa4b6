"""A literal as the value that a column holds. Raises ``ValueError`` with the reason; binding names the column."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from types import MappingProxyType
from uuid import UUID

from dualwrite.filters.literals import in_utc, read_date, read_guid, read_moment, read_number, require_sane, spoken
from dualwrite.filters.tree import EnumLiteral, Literal
from dualwrite.metadata.empty import empty_value
from dualwrite.metadata.schema import Column, ColumnType, Enumeration, Side
from dualwrite.metadata.values import Value

_YES = frozenset({"true", "yes", "1"})
_NO = frozenset({"false", "no", "0"})
_NO_ENUMERATION = Enumeration("", ())


def coerced(column: Column, literal: Literal, *, side: Side) -> Value:
    """The value of ``column``'s type that ``literal`` means. Raises: ValueError, saying what would fit."""
    if literal is None:
        return empty_value(column) if side is Side.FINOPS else None
    return _COERCIONS[column.type](column, literal)


def _enumeration(column: Column) -> Enumeration:
    return column.enumeration or _NO_ENUMERATION


def _text(column: Column, literal: Literal) -> Value:
    if isinstance(literal, UUID):
        return str(literal)
    if not isinstance(literal, str):
        raise ValueError(f"{spoken(literal)} is not a text; write it in quotes")
    if "\0" in literal or any("\ud800" <= character <= "\udfff" for character in literal):
        raise ValueError("the text has a character that cannot be stored (NUL or half of a surrogate pair)")
    return literal


def _enum(column: Column, literal: Literal) -> Value:
    enumeration = _enumeration(column)
    name: str | None = None
    match literal:
        case EnumLiteral(member=text) | str(text):
            name = enumeration.canonical(text)
            if name is None and text.isascii() and text.isdigit():
                name = enumeration.member(int(text[:20]))
            if name is None and not enumeration.members:
                _text(column, text)
                name = text
        case int():
            name = enumeration.member(int(literal))
    if name is None:
        raise ValueError(
            f"{spoken(literal)} is not a member of {enumeration.name or 'the enum'}{_choices(enumeration)}"
        )
    return name


def _choice(column: Column, literal: Literal) -> Value:
    enumeration = _enumeration(column)
    match literal:
        case bool():
            pass
        case int() | Decimal():
            return _whole(literal)
        case EnumLiteral(member=text) | str(text):
            number = enumeration.number(text)
            return (
                number if number is not None else _whole(_number_of(text, f"one of its choices{_choices(enumeration)}"))
            )
    raise ValueError(f"{spoken(literal)} is not one of its choices{_choices(enumeration)}")


def _choices(enumeration: Enumeration) -> str:
    names = [name for name, _ in enumeration.members]
    shown = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
    return f" ({shown})" if names else ""


def _boolean(column: Column, literal: Literal) -> Value:
    match literal:
        case bool():
            return literal
        case int() if literal in (0, 1):
            return bool(literal)
        case EnumLiteral(member=text) | str(text):
            if text.lower() in _YES:
                return True
            if text.lower() in _NO:
                return False
    raise ValueError(f"{spoken(literal)} is neither true nor false")


def _integer(column: Column, literal: Literal) -> Value:
    number = _number(literal)
    return int(number) if number == number.to_integral_value() else number


def _decimal(column: Column, literal: Literal) -> Value:
    return _number(literal)


def _number(literal: Literal) -> Decimal:
    match literal:
        case bool():
            pass
        case int() | Decimal():
            require_sane(literal)
            return Decimal(literal)
        case str():
            return Decimal(_number_of(literal, "a number"))
    raise ValueError(f"{spoken(literal)} is not a number")


def _number_of(text: str, wanted: str) -> int | Decimal:
    try:
        return read_number(text)
    except ValueError as exc:
        raise ValueError(f"{spoken(text)} is not {wanted}") from exc


def _whole(number: int | Decimal) -> int:
    require_sane(number)
    if number != int(number):
        raise ValueError(f"{number} is not a whole number")
    return int(number)


def _date(column: Column, literal: Literal) -> Value:
    match literal:
        case datetime():
            return in_utc(literal).date()
        case date():
            return literal
        case str():
            return _dated(literal).date()
    raise ValueError(f"{spoken(literal)} is not a date")


def _moment(column: Column, literal: Literal) -> Value:
    match literal:
        case datetime():
            return in_utc(literal)
        case date():
            return datetime.combine(literal, time(), UTC)
        case str():
            return _dated(literal)
    raise ValueError(f"{spoken(literal)} is not a date or a moment")


def _dated(text: str) -> datetime:
    for read in (read_moment, lambda day: datetime.combine(read_date(day), time(), UTC)):
        try:
            return read(text)
        except ValueError:
            continue
    raise ValueError(f"{spoken(text)} is not a date: write 2020-12-31, 12/31/2020 or 2020-12-31T23:59:59Z")


def _guid(column: Column, literal: Literal) -> Value:
    match literal:
        case UUID():
            return literal
        case str():
            try:
                return read_guid(literal)
            except ValueError as exc:
                raise ValueError(f"{spoken(literal)} is not a GUID") from exc
    raise ValueError(f"{spoken(literal)} is not a GUID")


_COERCIONS: Mapping[ColumnType, Callable[[Column, Literal], Value]] = MappingProxyType(
    {
        ColumnType.STRING: _text,
        ColumnType.MEMO: _text,
        ColumnType.INTEGER: _integer,
        ColumnType.BIGINT: _integer,
        ColumnType.DECIMAL: _decimal,
        ColumnType.MONEY: _decimal,
        ColumnType.BOOLEAN: _boolean,
        ColumnType.ENUM: _enum,
        ColumnType.CHOICE: _choice,
        ColumnType.DATE: _date,
        ColumnType.DATETIME: _moment,
        ColumnType.GUID: _guid,
        ColumnType.LOOKUP: _guid,
    }
)
