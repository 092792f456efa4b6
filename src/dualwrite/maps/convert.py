"""Conversion of values between every pair of column types of the two sides.

Blanks become the other side's blanks (``end``), texts are read as ``literals`` says, enums and choices meet in
``members``. Dates are never shifted between time zones: a day is a day in UTC. What does not fit is refused with a
message that names both columns; map and record are added by whoever knows them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from uuid import UUID

from dualwrite.errors import ValueProblem, ValueRefused
from dualwrite.maps.end import Converter, End, blank_of, is_empty_date, refuse
from dualwrite.maps.literals import read_date, read_guid, read_number, read_truth, text_of
from dualwrite.maps.members import choice_to_boolean, from_enum, to_choice, to_enum
from dualwrite.metadata.empty import EMPTY_DATE, EMPTY_GUID, LAST_DATE
from dualwrite.metadata.schema import ColumnType
from dualwrite.metadata.values import Value

_WIDE = Context(prec=200)
_DIGITS = 38
"""What a decimal column holds at most, those after the point included."""
_INTEGER_BITS = {ColumnType.INTEGER: 31, ColumnType.BIGINT: 63}
_WHOLE = frozenset(_INTEGER_BITS)
_FRACTIONAL = frozenset({ColumnType.MONEY, ColumnType.DECIMAL})
_NUMBERS = _WHOLE | _FRACTIONAL
_DATES = frozenset({ColumnType.DATE, ColumnType.DATETIME})

# --- one target type at a time --------------------------------------------------------------------------------------


def _to_text(source: End, target: End) -> Converter:
    length = target.column.length

    def convert(value: Value) -> Value:
        text = value if isinstance(value, str) else text_of(value)
        if length is not None and len(text) > length:
            message = f"{source.column.name} is {len(text)} characters long, {target.qualified} holds {length}."
            raise refuse(target, message, ValueProblem.TOO_LONG)
        return text

    return convert


def _wrong_type(source: End, target: End, value: Value, wanted: str) -> ValueRefused:
    message = f"{source.column.name} is {text_of(value)!r}, {target.qualified} takes {wanted}."
    return refuse(target, message, ValueProblem.WRONG_TYPE)


def _number(source: End, target: End, value: Value) -> Decimal:
    if isinstance(value, int):
        return Decimal(value)
    number = read_number(value) if isinstance(value, str) else value
    if isinstance(number, Decimal) and number.is_finite():
        return number
    raise _wrong_type(source, target, value, "a number")


def _to_whole(source: End, target: End) -> Converter:
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


def _to_fraction(source: End, target: End) -> Converter:
    scale = target.column.places
    step = Decimal(1).scaleb(-scale)
    whole_digits = _DIGITS - scale

    def convert(value: Value) -> Value:
        number = _number(source, target, value)
        try:
            rounded = number.quantize(step, rounding=ROUND_HALF_EVEN, context=_WIDE)
        except InvalidOperation:
            raise _wrong_type(source, target, value, f"at most {scale} decimals") from None
        if rounded.adjusted() >= whole_digits:
            message = f"{source.column.name} has more than {whole_digits} digits before the point, too many for "
            raise refuse(target, f"{message}{target.qualified}.", ValueProblem.OUT_OF_RANGE)
        return rounded

    return convert


def _to_boolean(source: End, target: End) -> Converter:
    def convert(value: Value) -> Value:
        truth = value if isinstance(value, bool) else read_truth(text_of(value))
        if truth is None:
            raise _wrong_type(source, target, value, "yes or no")
        return truth

    return convert


def _moment(source: End, target: End, value: Value) -> date:
    """A day, or a moment in UTC."""
    if isinstance(value, datetime):
        try:
            return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        except OverflowError:
            raise _wrong_type(source, target, value, "a date") from None
    at = value if isinstance(value, date) else read_date(text_of(value))
    if at is None:
        raise _wrong_type(source, target, value, "a date")
    return at


def _to_date(source: End, target: End) -> Converter:
    with_time = target.column.type is ColumnType.DATETIME

    def convert(value: Value) -> Value:
        at = _moment(source, target, value)
        day = at.date() if isinstance(at, datetime) else at
        if target.is_finops and not EMPTY_DATE <= day <= LAST_DATE:
            message = f"{source.column.name} is {day}, {target.qualified} takes dates from {EMPTY_DATE} to {LAST_DATE}."
            raise refuse(target, message, ValueProblem.OUT_OF_RANGE)
        if not with_time:
            return day
        return at if isinstance(at, datetime) else datetime.combine(day, time.min, UTC)

    return convert


def _to_guid(source: End, target: End) -> Converter:
    def convert(value: Value) -> Value:
        guid = value if isinstance(value, UUID) else read_guid(text_of(value))
        if guid is None:
            raise _wrong_type(source, target, value, "a GUID")
        return guid

    return convert


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
_BODIES: Mapping[ColumnType, Callable[[End, End], Converter]] = {
    **dict.fromkeys((ColumnType.STRING, ColumnType.MEMO), _to_text),
    **dict.fromkeys(_WHOLE, _to_whole),
    **dict.fromkeys(_FRACTIONAL, _to_fraction),
    ColumnType.BOOLEAN: _to_boolean,
    **dict.fromkeys(_DATES, _to_date),
    ColumnType.GUID: _to_guid,
}


def _body(source: End, target: End) -> Converter | None:
    kind = target.column.type
    if kind is ColumnType.ENUM:
        return to_enum(source, target)
    if source.column.type is ColumnType.ENUM and not kind.is_text:
        return from_enum(source, target)
    if kind is ColumnType.CHOICE:
        return to_choice(source, target)
    if kind is ColumnType.BOOLEAN and source.column.type is ColumnType.CHOICE:
        return choice_to_boolean(source, target)
    if source.column.type not in _CONVERTIBLE_TO.get(kind, frozenset()):
        return None
    return _BODIES[kind](source, target)


def plain_converter(source: End, target: End) -> Converter | None:
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
