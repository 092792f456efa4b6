"""Conversion of values between every pair of column types of the two sides.

Finance and operations has no null: an empty text is ``""``, an empty date 1900-01-01, an empty number 0, an empty
enum its member 0. Dataverse has null for all of them. Dates are never shifted between time zones. What does not fit
is refused with a message that names both columns; map and record are added by whoever knows them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from typing import TypeAlias
from uuid import UUID

from dualwrite.errors import ValueProblem, ValueRefused
from dualwrite.maps.plan import Converter
from dualwrite.metadata.empty import EMPTY_DATE, EMPTY_GUID, LAST_DATE, empty_member, empty_value
from dualwrite.metadata.schema import Column, ColumnType, Side, Table
from dualwrite.metadata.values import Value

_NOON = time(12)
_WIDE = Context(prec=100)
_DEFAULT_SCALE = {ColumnType.MONEY: 4, ColumnType.DECIMAL: 10}
_INTEGER_BITS = {ColumnType.INTEGER: 31, ColumnType.BIGINT: 63}
_WHOLE = frozenset(_INTEGER_BITS)
_FRACTIONAL = frozenset(_DEFAULT_SCALE)
_NUMBERS = _WHOLE | _FRACTIONAL
_DATES = frozenset({ColumnType.DATE, ColumnType.DATETIME})
_TRUE = frozenset({"true", "yes", "1"})
_FALSE = frozenset({"false", "no", "0"})


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


def folded(member: str) -> str:
    """A member's name as it is compared between the sides: without case, blanks and hyphens."""
    return "".join(character for character in member.casefold() if character not in " -_")


# --- blanks ---------------------------------------------------------------------------------------------------------


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
    at = value.astimezone(UTC)
    return at.date() == EMPTY_DATE and at.time() in (time.min, _NOON)


def blank_of(end: End) -> Value:
    """What ``end`` holds where nothing was filled in."""
    return empty_value(end.column) if end.is_finops else None


# --- one target type at a time --------------------------------------------------------------------------------------

_Body: TypeAlias = Callable[[Value], Value]
"""Converts a value that is not blank."""


def _text_of(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        text = format(value, "f")
        return text.rstrip("0").rstrip(".") if "." in text else text
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


def _to_text(source: End, target: End) -> _Body:
    length = target.column.length

    def convert(value: Value) -> Value:
        text = value if isinstance(value, str) else _text_of(value)
        if length is not None and len(text) > length:
            message = f"{source.column.name} is {len(text)} characters long, {target.qualified} holds {length}."
            raise refuse(target, message, ValueProblem.TOO_LONG)
        return text

    return convert


def _wrong_type(source: End, target: End, value: Value, wanted: str) -> ValueRefused:
    message = f"{source.column.name} is {_text_of(value)!r}, {target.qualified} takes {wanted}."
    return refuse(target, message, ValueProblem.WRONG_TYPE)


def _number(source: End, target: End, value: Value) -> Decimal:
    if isinstance(value, bool | int):
        return Decimal(int(value))
    if isinstance(value, str):
        try:
            value = Decimal(value.strip())
        except InvalidOperation:
            raise _wrong_type(source, target, value, "a number") from None
    if not isinstance(value, Decimal) or not value.is_finite():
        raise _wrong_type(source, target, value, "a number")
    return value


def _to_whole(source: End, target: End) -> _Body:
    limit = 1 << _INTEGER_BITS[target.column.type]

    def convert(value: Value) -> Value:
        number: int
        if type(value) is int:
            number = value
        else:
            exact = _number(source, target, value)
            if exact != exact.to_integral_value():
                raise _wrong_type(source, target, value, "whole numbers")
            number = int(exact)
        if not -limit <= number < limit:
            message = f"{source.column.name} is {number}, {target.qualified} takes {-limit} to {limit - 1}."
            raise refuse(target, message, ValueProblem.OUT_OF_RANGE)
        return number

    return convert


def _to_fraction(source: End, target: End) -> _Body:
    scale = target.column.scale if target.column.scale is not None else _DEFAULT_SCALE[target.column.type]
    step = Decimal(1).scaleb(-scale)

    def convert(value: Value) -> Value:
        number = _number(source, target, value)
        exponent = number.as_tuple().exponent
        if isinstance(exponent, int) and exponent < -scale:
            try:
                return number.quantize(step, rounding=ROUND_HALF_EVEN, context=_WIDE)
            except InvalidOperation:
                raise _wrong_type(source, target, value, f"at most {scale} decimals") from None
        return number

    return convert


def _to_boolean(source: End, target: End) -> _Body:
    def convert(value: Value) -> Value:
        if isinstance(value, bool):
            return value
        text = _text_of(value).strip().casefold()
        if text in _TRUE or text in _FALSE:
            return text in _TRUE
        raise _wrong_type(source, target, value, "yes or no")

    return convert


def _parsed_date(source: End, target: End, value: Value) -> date:
    if isinstance(value, date):
        return value
    text = _text_of(value).strip()
    try:
        return date.fromisoformat(text) if len(text) == len("1900-01-01") else datetime.fromisoformat(text)
    except ValueError:
        raise _wrong_type(source, target, value, "a date") from None


def _to_date(source: End, target: End) -> _Body:
    with_time = target.column.type is ColumnType.DATETIME

    def convert(value: Value) -> Value:
        at = _parsed_date(source, target, value)
        if isinstance(at, datetime):
            at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
            day = at.date()
        else:
            day = at
        if target.is_finops and not EMPTY_DATE <= day <= LAST_DATE:
            message = f"{source.column.name} is {day}, {target.qualified} takes dates from {EMPTY_DATE} to {LAST_DATE}."
            raise refuse(target, message, ValueProblem.OUT_OF_RANGE)
        if not with_time:
            return day
        return at if isinstance(at, datetime) else datetime.combine(day, time.min, UTC)

    return convert


def _to_guid(source: End, target: End) -> _Body:
    def convert(value: Value) -> Value:
        if isinstance(value, UUID):
            return value
        try:
            return UUID(_text_of(value).strip())
        except ValueError:
            raise _wrong_type(source, target, value, "a GUID") from None

    return convert


# --- enums and choices ----------------------------------------------------------------------------------------------


def no_counterpart(source: End, target: End, value: Value, known: str) -> ValueRefused:
    message = f"{source.column.name} '{_text_of(value)}' has no counterpart in {target.qualified}; allowed are {known}."
    return refuse(target, message, ValueProblem.UNKNOWN_CHOICE)


def _to_enum(source: End, target: End) -> _Body | None:
    """Members by name from text, by number from numbers, by equal name from choices, No and Yes from booleans."""
    enumeration = target.column.enumeration
    members = enumeration.members if enumeration is not None else ()
    table: dict[Value, Value]
    match source.column.type:
        case ColumnType.STRING | ColumnType.MEMO | ColumnType.ENUM:
            return _named_member(source, target, members)
        case ColumnType.INTEGER | ColumnType.BIGINT:
            table = {number: name for name, number in members}
        case ColumnType.BOOLEAN:
            named = {name.casefold(): name for name, _ in members}
            table = {False: named.get("no"), True: named.get("yes")}
            if None in table.values():
                return None
        case ColumnType.CHOICE:
            named = {folded(name): name for name, _ in members}
            options = source.column.enumeration.members if source.column.enumeration is not None else ()
            table = {number: named[folded(label)] for label, number in options if folded(label) in named}
        case _:
            return None
    return _looked_up(source, target, table)


def _named_member(source: End, target: End, members: tuple[tuple[str, int], ...]) -> _Body:
    named = {name.casefold(): name for name, _ in members}
    known = ", ".join(name for name, _ in members)

    def convert(value: Value) -> Value:
        text = _text_of(value)
        if not named:
            return text
        member = named.get(text.casefold())
        if member is None:
            raise no_counterpart(source, target, value, known)
        return member

    return convert


def _looked_up(source: End, target: End, table: Mapping[Value, Value]) -> _Body | None:
    if not table:
        return None
    known = ", ".join(_text_of(value) for value in table)

    def convert(value: Value) -> Value:
        try:
            return table[value]
        except KeyError:
            raise no_counterpart(source, target, value, known) from None

    return convert


def _from_enum(source: End, target: End) -> _Body | None:
    """To choices by equal name, to booleans from No and Yes, to numbers by number, to text by name."""
    members = source.column.enumeration.members if source.column.enumeration is not None else ()
    kind = target.column.type
    if kind.is_text:
        return _to_text(source, target)
    table: dict[Value, Value]
    if kind is ColumnType.CHOICE:
        options = target.column.enumeration.members if target.column.enumeration is not None else ()
        labelled = {folded(label): number for label, number in options}
        table = {name: labelled[folded(name)] for name, _ in members if folded(name) in labelled}
        if table:
            table.setdefault(empty_member(source.column.enumeration), None)
    elif kind is ColumnType.BOOLEAN:
        if {name.casefold() for name, _ in members} != {"no", "yes"}:
            return None
        table = {name: name.casefold() == "yes" for name, _ in members}
    elif kind in _WHOLE:
        table = {name: number for name, number in members}
    else:
        return None
    return _looked_up(source, target, table)


def _to_choice(source: End, target: End) -> _Body | None:
    options = target.column.enumeration.members if target.column.enumeration is not None else ()
    known = ", ".join(f"{number} ({label})" for label, number in options)
    by_number: dict[Value, Value] = {number: number for _, number in options}
    by_label: dict[Value, Value] = {folded(label): number for label, number in options}

    def from_number(value: Value) -> Value:
        if by_number and value not in by_number:
            raise no_counterpart(source, target, value, known)
        return value

    def from_text(value: Value) -> Value:
        text = _text_of(value)
        number = by_label.get(folded(text))
        if number is not None:
            return number
        if text.strip().isdecimal():
            return from_number(int(text))
        raise no_counterpart(source, target, value, known)

    if source.column.type.is_text:
        return from_text
    return from_number if source.column.type in (ColumnType.CHOICE, *_WHOLE) else None


# --- the pair -------------------------------------------------------------------------------------------------------

_CONVERTIBLE_TO: Mapping[ColumnType, frozenset[ColumnType]] = {
    **dict.fromkeys((ColumnType.STRING, ColumnType.MEMO), frozenset(ColumnType) - {ColumnType.LOOKUP}),
    **dict.fromkeys(
        _WHOLE, _NUMBERS | {ColumnType.STRING, ColumnType.MEMO, ColumnType.CHOICE, ColumnType.BOOLEAN, ColumnType.ENUM}
    ),
    **dict.fromkeys(_FRACTIONAL, _NUMBERS | {ColumnType.STRING, ColumnType.MEMO}),
    ColumnType.BOOLEAN: frozenset({ColumnType.BOOLEAN, ColumnType.STRING, ColumnType.MEMO, *_WHOLE}),
    **dict.fromkeys(_DATES, _DATES | {ColumnType.STRING, ColumnType.MEMO}),
    ColumnType.GUID: frozenset({ColumnType.GUID, ColumnType.STRING, ColumnType.MEMO}),
}
_BODIES: Mapping[ColumnType, Callable[[End, End], _Body]] = {
    **dict.fromkeys((ColumnType.STRING, ColumnType.MEMO), _to_text),
    **dict.fromkeys(_WHOLE, _to_whole),
    **dict.fromkeys(_FRACTIONAL, _to_fraction),
    ColumnType.BOOLEAN: _to_boolean,
    **dict.fromkeys(_DATES, _to_date),
    ColumnType.GUID: _to_guid,
}


def _body(source: End, target: End) -> _Body | None:
    kind = target.column.type
    if kind is ColumnType.ENUM:
        return _to_enum(source, target)
    if source.column.type is ColumnType.ENUM:
        return _from_enum(source, target)
    if kind is ColumnType.CHOICE:
        return _to_choice(source, target)
    if source.column.type not in _CONVERTIBLE_TO.get(kind, frozenset()):
        return None
    return _BODIES[kind](source, target)


def compile_conversion(source: End, target: End) -> Converter | None:
    """The converter from one column to another without a value map; None where their types have none.

    Laws: a blank becomes the other side's blank; what converts forth and back comes back equal, blanks and rounding
    aside.
    """
    body = _body(source, target)
    if body is None:
        return None
    blank = blank_of(target)
    from_finops = source.is_finops
    is_date, is_guid = source.column.type in _DATES, source.column.type is ColumnType.GUID

    def convert(value: Value) -> Value:
        if value is None or value == "":
            return blank
        if from_finops and is_date and isinstance(value, date) and is_empty_date(value):
            return blank
        if from_finops and is_guid and value == EMPTY_GUID:
            return blank
        return body(value)

    if from_finops and not is_date and not is_guid:

        def convert_plain(value: Value) -> Value:
            return blank if value is None or value == "" else body(value)

        return convert_plain
    return convert
