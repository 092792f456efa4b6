"""How the rows of a table stand in a frame.

========================  ==========================================================================================
a column of the row       its name; behind lookups the path with dots, ``primarycontactid.fullname``
a polymorphic lookup      besides the lookup ``<column>@table``, the logical name of the table it points to
text, memo, enum          String (an enum's member name)
GUID, lookup              String, lower case with hyphens
integer, choice           Int64; smaller integers are taken, too
decimal, money            Decimal(38, scale), at any scale when read, at the column's own when written
boolean, date, date-time  Boolean, Date, Datetime("us", "UTC")
========================  ==========================================================================================

A column that a frame lacks, or that has the dtype Null, is null in every row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias, assert_never
from uuid import UUID

import polars as pl

from dualwrite.maps.conversion import Conversion
from dualwrite.maps.plan import DirectionPlan, Path
from dualwrite.metadata.schema import Column, ColumnType
from dualwrite.metadata.values import Row, Value, target_entry

RelatedRow: TypeAlias = tuple[Row, Mapping[Path, Value]]
"""A row, and what lies behind its lookups."""

DIGITS = 38
MOMENT = pl.Datetime("us", "UTC")
_IDS = frozenset({ColumnType.GUID, ColumnType.LOOKUP})


def dotted(path: Path) -> str:
    return ".".join(path)


def dtype_of(column: Column) -> pl.DataType:
    """The dtype that ``column`` is written with."""
    match column.type:
        case ColumnType.STRING | ColumnType.MEMO | ColumnType.ENUM | ColumnType.GUID | ColumnType.LOOKUP:
            return pl.String()
        case ColumnType.INTEGER | ColumnType.BIGINT | ColumnType.CHOICE:
            return pl.Int64()
        case ColumnType.DECIMAL | ColumnType.MONEY:
            return pl.Decimal(DIGITS, column.places)
        case ColumnType.BOOLEAN:
            return pl.Boolean()
        case ColumnType.DATE:
            return pl.Date()
        case ColumnType.DATETIME:
            return MOMENT
        case _:
            assert_never(column.type)


def is_id(column: Column) -> bool:
    return column.type in _IDS


def source_columns(plan: DirectionPlan) -> dict[str, Column]:
    """The columns that a frame of source rows is asked for, by their names in it.

    Raises: TypeError when one path leads to columns of two kinds, which no frame can hold.
    """
    found: dict[str, Column] = {}
    for path, conversion in reads(plan):
        column = conversion.source.column
        known = found.setdefault(dotted(path), column)
        if dtype_of(known).base_type() != dtype_of(column).base_type() or is_id(known) != is_id(column):
            raise TypeError(f"{plan.map_name}: {dotted(path)} is {known.type.value} here and {column.type.value} there")
    for name in _told_tables(plan):
        found[name] = Column(name, ColumnType.STRING)
    return found


def source_schema(plan: DirectionPlan) -> dict[str, pl.DataType]:
    """The dtypes of those columns."""
    return {name: dtype_of(column) for name, column in source_columns(plan).items()}


def reads(plan: DirectionPlan) -> Iterator[tuple[Path, Conversion]]:
    """Every conversion of the plan with the path that it reads."""
    for column in plan.columns:
        if column.lookup is not None:
            for alternative in column.lookup.alternatives:
                for each in alternative.conditions:
                    if each.source_column is not None and each.conversion is not None:
                        yield (each.source_column,), each.conversion
        elif column.alternatives:
            yield from ((each.path, each.conversion) for each in column.alternatives)
        elif column.source_path is not None and column.conversion is not None:
            yield column.source_path, column.conversion
    for part in plan.key:
        yield part.source_path, part.conversion


def _told_tables(plan: DirectionPlan) -> Iterator[str]:
    for column in plan.columns:
        for each in column.alternatives:
            if each.table is not None:
                yield target_entry(each.path[0])


def adopted(plan: DirectionPlan, frame: pl.DataFrame) -> pl.DataFrame:
    """The columns of ``frame`` that the plan reads, all of them, each with a dtype of the table above.

    Raises: TypeError, naming column and dtypes, for a dtype that is not in the table.
    """
    columns = source_columns(plan)
    given = frame.schema
    held = [_adopted(plan, column, name, given.get(name, pl.Null())) for name, column in columns.items()]
    # The frame's own columns keep its height, also where it has none of those that are read.
    return frame.with_columns(held).select(*columns) if frame.width else pl.DataFrame(schema=source_schema(plan))


def _adopted(plan: DirectionPlan, column: Column, name: str, given: pl.DataType) -> pl.Expr:
    wanted = dtype_of(column)
    if given == pl.Null:
        return pl.lit(None, dtype=wanted).alias(name)
    if given == wanted or (isinstance(wanted, pl.Decimal) and isinstance(given, pl.Decimal)):
        return pl.col(name)
    whole = given.is_integer() and given != pl.UInt64
    if whole and wanted == pl.Int64:
        return pl.col(name).cast(wanted)
    if whole and isinstance(wanted, pl.Decimal):
        return pl.col(name).cast(pl.Decimal(DIGITS, 0))
    raise TypeError(f"{plan.map_name}: the frame's column {name} is {given}, it should be {wanted}")


# --- rows and frames ------------------------------------------------------------------------------------------------


def in_frame(value: Value) -> Value:
    """``value`` as a frame holds it."""
    return str(value) if isinstance(value, UUID) else value


def frame_of(plan: DirectionPlan, rows: Iterable[RelatedRow]) -> pl.DataFrame:
    """The frame of source rows that :func:`execute.transform_frame` takes; only what the plan reads is in it."""
    held = list(rows)
    columns: dict[str, pl.Series] = {}
    for name, dtype in source_schema(plan).items():
        path = tuple(name.split("."))
        if len(path) == 1:
            values = [in_frame(row.get(name)) for row, _ in held]
        else:
            values = [in_frame(related.get(path)) for _, related in held]
        columns[name] = pl.Series(name, values, dtype=dtype)
    return pl.DataFrame(columns)


def rows_of(plan: DirectionPlan, frame: pl.DataFrame) -> Iterator[RelatedRow]:
    """The rows that ``frame`` holds, of the columns that the plan reads."""
    columns = source_columns(plan)
    paths = {name: tuple(name.split(".")) for name in columns}
    ids = {name for name, column in columns.items() if is_id(column)}
    for held in adopted(plan, frame).iter_rows(named=True):
        row: dict[str, Value] = {}
        related: dict[Path, Value] = {}
        for name, value in held.items():
            at = UUID(value) if name in ids and value is not None else value
            if len(paths[name]) == 1:
                row[name] = at
            else:
                related[paths[name]] = at
        yield row, related
