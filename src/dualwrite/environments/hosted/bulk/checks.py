"""Values of a frame as a hosted environment accepts them: the columnar twin of ``validation.checked``.

A value that would be refused makes its row doubtful: it is written on its own, and the refusal is that of the row.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import NamedTuple, TypeAlias

import polars as pl

from dualwrite.environments.hosted.validation import checked, day_range, integer_limit, number_limit
from dualwrite.errors import ValueRefused
from dualwrite.maps.columnar.frames import DIGITS, dtype_of, in_frame
from dualwrite.metadata.empty import empty_value
from dualwrite.metadata.schema import Column, ColumnRole, ColumnType, Side, Table
from dualwrite.metadata.values import TARGET_SUFFIX, Value

_GUID = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"


class CheckedFrame(NamedTuple):
    """``values`` under the table's own names; ``doubtful`` is true for the rows that need a closer look."""

    values: pl.DataFrame
    doubtful: pl.Series


class _Checked(NamedTuple):
    values: pl.Series
    doubtful: pl.Series


_Check: TypeAlias = Callable[[Table, Column, pl.Series], _Checked]


def checked_frame(table: Table, given: pl.DataFrame) -> CheckedFrame:
    """``given`` as ``table`` stores it, column by column; every row is doubtful where a column is not the callers'."""
    doubtful = pl.repeat(False, given.height, dtype=pl.Boolean, eager=True)
    values: list[pl.Series] = []
    for series in given:
        column = table.find(series.name)
        if column is not None and column.role is not ColumnRole.SYSTEM:
            result = _checked(table, column, series)
            values.append(result.values.alias(column.name))
            doubtful = doubtful | result.doubtful
        elif _is_target_entry(table, series.name):
            values.append(series.cast(pl.String))
        else:
            doubtful = pl.repeat(True, given.height, dtype=pl.Boolean, eager=True)
    return CheckedFrame(pl.DataFrame(values), doubtful)


def blank_where_required(table: Table, values: pl.DataFrame) -> pl.Series:
    """The rows of ``values`` in which a text that must be filled in, and is among the columns, is not."""
    blank = pl.repeat(False, values.height, dtype=pl.Boolean, eager=True)
    for name in values.columns:
        column = table.find(name)
        if column is not None and column.required and column.type.is_text:
            blank = blank | values[name].is_null() | (values[name] == "").fill_null(True)
    return blank


def _is_target_entry(table: Table, name: str) -> bool:
    column = table.find(name.removesuffix(TARGET_SUFFIX)) if name.endswith(TARGET_SUFFIX) else None
    return column is not None and column.is_polymorphic


def _checked(table: Table, column: Column, given: pl.Series) -> _Checked:
    if given.dtype == pl.Null:
        given = given.cast(dtype_of(column))
    if not _has_usual_dtype(column, given.dtype):
        return _by_distinct_value(table, column, given)
    result = _CHECKS[column.type](table, column, given)
    return _Checked(_filled(table, column, result.values), result.doubtful.fill_null(False))


def _has_usual_dtype(column: Column, given: pl.DataType) -> bool:
    wanted = dtype_of(column)
    if isinstance(wanted, pl.Decimal):
        return isinstance(given, pl.Decimal) or _is_whole(given)
    return given == wanted or (wanted == pl.Int64 and _is_whole(given))


def _is_whole(dtype: pl.DataType) -> bool:
    return dtype.is_integer() and dtype not in (pl.UInt64, pl.Int128, pl.UInt128)


def _filled(table: Table, column: Column, values: pl.Series) -> pl.Series:
    if table.side is Side.DATAVERSE:
        return values
    empty = in_frame(empty_value(column))
    return values.fill_null(
        Decimal(empty) if isinstance(values.dtype, pl.Decimal) and isinstance(empty, int) else empty
    )


# --- by the row's own check -----------------------------------------------------------------------------------------


def _by_distinct_value(table: Table, column: Column, given: pl.Series) -> _Checked:
    distinct = given.unique()
    values, doubtful = [], []
    for value in distinct.to_list():
        accepted = _accepted(table, column, value)
        values.append(None if accepted is None else in_frame(accepted[0]))
        doubtful.append(accepted is None)
    found = pl.DataFrame(
        {
            "given": distinct,
            "value": pl.Series(values, dtype=dtype_of(column)),
            "doubtful": pl.Series(doubtful, dtype=pl.Boolean),
        }
    )
    joined = pl.DataFrame({"given": given}).join(found, on="given", how="left", nulls_equal=True, maintain_order="left")
    return _Checked(joined["value"], joined["doubtful"].fill_null(True))


def _accepted(table: Table, column: Column, value: Value) -> tuple[Value] | None:
    try:
        return (checked(table, column, value),)
    except ValueRefused:
        return None


# --- by Polars ------------------------------------------------------------------------------------------------------


def _text(table: Table, column: Column, given: pl.Series) -> _Checked:
    doubtful = given.str.contains("\0", literal=True)
    if column.length is not None:
        doubtful = doubtful | (given.str.len_chars() > column.length)
    if table.side is Side.DATAVERSE:
        given = given.replace("", None)
    return _Checked(given, doubtful)


def _whole(table: Table, column: Column, given: pl.Series) -> _Checked:
    limit, values = integer_limit(column), given.cast(pl.Int64)
    return _Checked(values, ~values.is_between(-limit, limit - 1))


def _number(table: Table, column: Column, given: pl.Series) -> _Checked:
    if not isinstance(given.dtype, pl.Decimal):
        given = given.cast(pl.Decimal(DIGITS, 0))
    limit = number_limit(table, column)
    values = given.cast(dtype_of(column), strict=False)
    return _Checked(values, ~given.is_between(-limit, limit) | (values.is_null() & given.is_not_null()))


def _any(table: Table, column: Column, given: pl.Series) -> _Checked:
    return _Checked(given, pl.repeat(False, given.len(), dtype=pl.Boolean, eager=True))


def _day(table: Table, column: Column, given: pl.Series) -> _Checked:
    first, last = day_range(table.side)
    days = given if column.type is ColumnType.DATE else given.dt.date()
    return _Checked(given, ~days.is_between(first, last))


def _guid(table: Table, column: Column, given: pl.Series) -> _Checked:
    return _Checked(given, ~given.str.contains(_GUID))


_CHECKS: dict[ColumnType, _Check] = {
    ColumnType.STRING: _text,
    ColumnType.MEMO: _text,
    ColumnType.INTEGER: _whole,
    ColumnType.BIGINT: _whole,
    ColumnType.DECIMAL: _number,
    ColumnType.MONEY: _number,
    ColumnType.BOOLEAN: _any,
    ColumnType.ENUM: _by_distinct_value,
    ColumnType.CHOICE: _by_distinct_value,
    ColumnType.DATE: _day,
    ColumnType.DATETIME: _day,
    ColumnType.GUID: _guid,
    ColumnType.LOOKUP: _guid,
}
