"""One conversion on a whole column: an expression that gives ``{value, refused}`` for each row.

Polars converts what it surely converts as the row converter does: texts, GUIDs, numbers and dates that stay of their
kind. Everything else (texts that are parsed, enums and choices, value maps, time zones) goes through the row converter
itself, once for each distinct value of the column.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final, NamedTuple, TypeAlias
from uuid import UUID

import polars as pl

from dualwrite.errors import ValueRefused
from dualwrite.maps.columnar.frames import MOMENT, dtype_of, in_frame, is_id
from dualwrite.maps.conversion import Conversion
from dualwrite.maps.end import End
from dualwrite.maps.transforms import Default
from dualwrite.metadata.empty import EMPTY_DATE, EMPTY_GUID, LAST_DATE
from dualwrite.metadata.schema import Column, ColumnType
from dualwrite.metadata.values import Value

VALUE: Final = "value"
REFUSED: Final = "refused"

T = ColumnType


class Native(NamedTuple):
    """What Polars makes of values that are not empty, and which of them are refused."""

    value: pl.Expr
    refused: pl.Expr


Body: TypeAlias = Callable[[pl.Expr, End, End], Native]


def converted(conversion: Conversion, source: pl.Expr) -> pl.Expr:
    """A struct of the target's value and whether it is refused; the value of a refused row means nothing.

    ``source`` has the dtype of the conversion's source column (decimals: any scale).
    """
    body = _native_body(conversion)
    if body is None:
        return _by_distinct_value(conversion, source)
    blank = constant(conversion.convert(None), conversion.target.column)
    empty = _is_empty(source, conversion.source)
    native = body(source, conversion.source, conversion.target)
    return pl.struct(
        pl.when(empty).then(blank).otherwise(native.value).alias(VALUE),
        (~empty & native.refused).alias(REFUSED),
    )


def constant(value: Value, column: Column) -> pl.Expr:
    """``value`` for every row, with the dtype of ``column``."""
    dtype = dtype_of(column)
    return pl.lit(_fitting(value, dtype), dtype=dtype)


# --- by the row converter -------------------------------------------------------------------------------------------


def _by_distinct_value(conversion: Conversion, source: pl.Expr) -> pl.Expr:
    dtype = pl.Struct({VALUE: dtype_of(conversion.target.column), REFUSED: pl.Boolean()})
    return source.map_batches(lambda given: _converted_series(conversion, given), return_dtype=dtype)


def _converted_series(conversion: Conversion, given: pl.Series) -> pl.Series:
    distinct = given.unique()
    values, refused = _converted_values(conversion, distinct.to_list())
    dtype = dtype_of(conversion.target.column)
    table = pl.DataFrame(
        {"given": distinct, VALUE: pl.Series(values, dtype=dtype), REFUSED: pl.Series(refused, dtype=pl.Boolean)}
    )
    found = pl.DataFrame({"given": given}).join(table, on="given", how="left", nulls_equal=True, maintain_order="left")
    return found.select(pl.struct(VALUE, REFUSED)).to_series()


def _converted_values(conversion: Conversion, given: list[Value]) -> tuple[list[Value], list[bool]]:
    convert, ids = conversion.convert, is_id(conversion.source.column)
    dtype = dtype_of(conversion.target.column)
    values: list[Value] = []
    refused: list[bool] = []
    for value in given:
        try:
            result = convert(UUID(value) if ids and isinstance(value, str) else value)
        except ValueRefused:
            values.append(None)
            refused.append(True)
        else:
            values.append(_fitting(result, dtype))
            refused.append(False)
    return values, refused


def _fitting(value: Value, dtype: pl.DataType) -> Value:
    return Decimal(value) if isinstance(dtype, pl.Decimal) and isinstance(value, int) else in_frame(value)


# --- by Polars ------------------------------------------------------------------------------------------------------


def _is_empty(source: pl.Expr, end: End) -> pl.Expr:
    """As ``maps.end.is_empty`` has it."""
    kind = end.column.type
    if kind is T.GUID:
        return source.is_null() | (source == str(EMPTY_GUID)) if end.is_finops else source.is_null()
    if end.is_finops and kind is T.DATE:
        return source.is_null() | (source == pl.lit(EMPTY_DATE))
    if end.is_finops and kind is T.DATETIME:
        empty = [datetime(EMPTY_DATE.year, EMPTY_DATE.month, EMPTY_DATE.day, hour, tzinfo=UTC) for hour in (0, 12)]
        return source.is_null() | source.is_in(pl.Series(empty, dtype=MOMENT).implode())
    return source.is_null() | (source == "") if dtype_of(end.column) == pl.String else source.is_null()


def _texts(source: pl.Expr, _: End, target: End) -> Native:
    length = target.column.length
    return Native(source, source.str.len_chars() > length if length is not None else pl.lit(False))


def _ids(source: pl.Expr, _: End, __: End) -> Native:
    return Native(source, pl.lit(False))


def _wholes(source: pl.Expr, _: End, target: End) -> Native:
    limit = 2**31 if target.column.type is T.INTEGER else None
    return Native(source, ~source.is_between(-limit, limit - 1) if limit is not None else pl.lit(False))


def _fractions(source: pl.Expr, _: End, target: End) -> Native:
    """Rounded half to even; a number with too many digits for its column becomes null, which tells it."""
    value = source.cast(dtype_of(target.column), strict=False)
    return Native(value, value.is_null())


def _days(source: pl.Expr, origin: End, target: End) -> Native:
    moments = origin.column.type is T.DATETIME
    day = source.dt.date() if moments else source
    outside = ~day.is_between(pl.lit(EMPTY_DATE), pl.lit(LAST_DATE)) if target.is_finops else pl.lit(False)
    if target.column.type is T.DATE:
        return Native(day, outside)
    return Native(source if moments else source.cast(pl.Datetime("us")).dt.replace_time_zone("UTC"), outside)


_TEXTS, _WHOLES = (T.STRING, T.MEMO), (T.INTEGER, T.BIGINT)
_FRACTIONS, _DAYS = (T.DECIMAL, T.MONEY), (T.DATE, T.DATETIME)
_NATIVE: Mapping[tuple[ColumnType, ColumnType], Body] = {
    **{(source, target): _texts for source in (*_TEXTS, T.GUID) for target in _TEXTS},
    **{(source, target): _wholes for source in _WHOLES for target in _WHOLES},
    **{(source, target): _fractions for source in (*_WHOLES, *_FRACTIONS) for target in _FRACTIONS},
    **{(source, target): _days for source in _DAYS for target in _DAYS},
    (T.GUID, T.GUID): _ids,
    (T.BOOLEAN, T.BOOLEAN): _ids,
}


def _native_body(conversion: Conversion) -> Body | None:
    if not all(isinstance(each, Default) for each in conversion.transforms):
        return None
    return _NATIVE.get((conversion.source.column.type, conversion.target.column.type))
