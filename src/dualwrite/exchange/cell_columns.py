"""The cells of one column as values, a whole column at a time: what ``cell_values.parse_cell`` makes of each.

Polars parses what it surely parses alike; everything else goes through ``parse_cell``, once for each distinct text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import polars as pl

from dualwrite.errors import ValueRefused
from dualwrite.exchange.cell_values import DECIMAL_DIGITS, parse_cell
from dualwrite.maps.columnar.frames import MOMENT, dtype_of, in_frame
from dualwrite.metadata.schema import Column, ColumnType
from dualwrite.metadata.values import Value

_BLANKS: Final = "".join(chr(code) for code in range(0x3001) if chr(code).isspace())
"""What ``str.strip`` takes away."""

T = ColumnType


class ParsedColumn(NamedTuple):
    """``values`` with the dtype of the column; ``refused`` where ``parse_cell`` refuses the text."""

    values: pl.Series
    refused: pl.Series


def parsed_column(column: Column, texts: pl.Series) -> ParsedColumn:
    """What the texts stand for; the value of a refused text is null."""
    if column.type.is_text:
        return _texts(column, texts)
    dtype = dtype_of(column)
    stripped = texts.str.strip_chars(_BLANKS)
    native = _NATIVE.get(column.type)
    values = (
        native(column, stripped)
        if native is not None
        else pl.Series(texts.name, [None], dtype).new_from_index(0, len(texts))
    )
    left = values.is_null() & (stripped != "")
    refused = (stripped == "") if column.required and column.type is not T.ENUM else left & False
    if left.any():
        rest = _by_distinct_text(column, stripped.filter(left))
        where = left.arg_true()
        values = values.scatter(where, rest.values)
        refused = refused.scatter(where, rest.refused)
    return ParsedColumn(values, refused)


def _texts(column: Column, texts: pl.Series) -> ParsedColumn:
    refused = texts.str.contains("\x00", literal=True)
    if column.length is not None:
        refused |= texts.str.len_chars() > column.length
    if column.required:
        refused |= texts.str.strip_chars(_BLANKS) == ""
    return ParsedColumn(texts, refused)


def _by_distinct_text(column: Column, texts: pl.Series) -> ParsedColumn:
    distinct = texts.unique()
    values: list[Value] = []
    refused: list[bool] = []
    for text in distinct:
        try:
            value = parse_cell(column, text)
        except ValueRefused:
            values.append(None)
            refused.append(True)
        else:
            values.append(in_frame(value))
            refused.append(False)
    table = pl.DataFrame(
        {
            "text": distinct,
            "value": pl.Series(values, dtype=dtype_of(column)),
            "refused": pl.Series(refused, dtype=pl.Boolean),
        }
    )
    found = texts.to_frame("text").join(table, on="text", how="left", maintain_order="left")
    return ParsedColumn(found["value"], found["refused"])


# --- by Polars: null where it is not sure ---------------------------------------------------------------------------


def _matching(texts: pl.Series, pattern: str) -> pl.Series:
    """The texts that match ``pattern``, null instead of the others."""
    return texts.to_frame("text").select(pl.when(pl.col("text").str.contains(pattern)).then(pl.col("text"))).to_series()


def _wholes(column: Column, texts: pl.Series) -> pl.Series:
    digits = 9 if column.type is T.INTEGER else 18
    return _matching(texts, rf"\A-?[0-9]{{1,{digits}}}\z").cast(pl.Int64)


def _fractions(column: Column, texts: pl.Series) -> pl.Series:
    scale = column.places
    places = rf"(?:\.[0-9]{{1,{scale}}})?" if scale else ""
    digits = min(DECIMAL_DIGITS - scale, 20)
    return _matching(texts, rf"\A-?[0-9]{{1,{digits}}}{places}\z").cast(dtype_of(column))


def _ids(_: Column, texts: pl.Series) -> pl.Series:
    return _matching(texts, r"\A[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\z")


def _moments(_: Column, texts: pl.Series) -> pl.Series:
    sure = _matching(texts, r"\A[1-9][0-9]{3}-[0-9]{2}-[0-9]{2} [0-2][0-9]:[0-5][0-9]:[0-5][0-9]\z")
    return (
        sure.str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False, time_unit="us").dt.replace_time_zone("UTC").cast(MOMENT)
    )


def _days(_: Column, texts: pl.Series) -> pl.Series:
    sure = _matching(texts, r"\A[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}\z")
    return sure.str.to_date("%Y-%m-%d", strict=False)


_NATIVE: Mapping[ColumnType, Callable[[Column, pl.Series], pl.Series]] = {
    T.INTEGER: _wholes,
    T.BIGINT: _wholes,
    T.DECIMAL: _fractions,
    T.MONEY: _fractions,
    T.GUID: _ids,
    T.LOOKUP: _ids,
    T.DATE: _days,
    T.DATETIME: _moments,
}
