"""Values of a frame as the cells of a data file: texts that ``cell_values.parse_cell`` reads back to the values."""

from __future__ import annotations

from typing import assert_never

import polars as pl

from dualwrite.metadata.schema import Column, ColumnType

T = ColumnType


def cell_texts(column: Column, values: pl.Expr) -> pl.Expr:
    """A text for each value; nothing where the value is null. Enums by name, choices by number, moments in UTC."""
    match column.type:
        case T.STRING | T.MEMO | T.ENUM | T.GUID | T.LOOKUP:
            return values
        case T.INTEGER | T.BIGINT | T.CHOICE:
            return values.cast(pl.String)
        case T.DECIMAL | T.MONEY:
            return values.cast(pl.String).str.replace(r"\.0+$", "").str.replace(r"(\.\d*?)0+$", "$1")
        case T.BOOLEAN:
            return pl.when(values).then(pl.lit("Yes")).when(~values).then(pl.lit("No"))
        case T.DATE:
            return values.dt.strftime("%Y-%m-%d")
        case T.DATETIME:
            return values.dt.strftime("%Y-%m-%d %H:%M:%S%.f")
        case _:
            assert_never(column.type)
