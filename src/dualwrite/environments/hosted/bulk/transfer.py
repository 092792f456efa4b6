"""Frames over the wire: COPY as CSV in both directions.

PostgreSQL and Polars tell nothing from an empty text in the same way: nothing between two commas is null, a pair of
quotes is the empty text.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import polars as pl
from psycopg import generators, waiting
from psycopg.abc import PQGen
from psycopg.pq.abc import PGconn

from dualwrite.environments.hosted.ddl import quoted
from dualwrite.environments.hosted.finding import DictConnection
from dualwrite.errors import LimitExceeded, RecordRefused
from dualwrite.maps.columnar.frames import DIGITS, MOMENT, dtype_of
from dualwrite.metadata.schema import Column, ColumnType

CHUNK_BYTES: Final = 1 << 20
_SCALE: Final = "@scale"
_LOOK_UP_S: Final = 1.0
"""So often somebody who waits for rows looks up."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A column of a frame that is read: what it is called there, the SQL that gives it, and what it holds."""

    name: str
    sql: str
    column: Column


def selection(shown: Sequence[Shown]) -> str:
    """The columns of a SELECT that :func:`read_frame` understands."""
    return ", ".join([*map(_text_form, shown), *_widest_scale(shown)])


def _text_form(shown: Shown) -> str:
    if shown.column.type is ColumnType.BOOLEAN:
        return f"({shown.sql})::text"
    if shown.column.type is ColumnType.DATETIME:
        return f"({shown.sql}) AT TIME ZONE 'UTC'"
    return shown.sql


def _widest_scale(shown: Sequence[Shown]) -> Iterator[str]:
    """How many decimal places the row needs where one of its numbers has more than its column should."""
    numbers = [(each.sql, dtype_of(each.column)) for each in shown]
    wider = [
        f"CASE WHEN min_scale({sql}) > {dtype.scale} THEN min_scale({sql}) END"
        for sql, dtype in numbers
        if isinstance(dtype, pl.Decimal)
    ]
    if wider:
        yield f"greatest({', '.join(wider)})"


async def read_frame(
    connection: DictConnection, query: str, parameters: Sequence[object], shown: Sequence[Shown]
) -> pl.DataFrame:
    """The rows of ``query``, which selects the :func:`selection` of ``shown``.

    Numbers keep all their decimal places. Raises: LimitExceeded for a number that no frame can hold.
    """
    async with connection.cursor().copy(f"COPY ({query}) TO STDOUT (FORMAT csv)", parameters):
        text = await _received(connection)
    return await asyncio.to_thread(_parsed, text, shown)


async def _received(connection: DictConnection) -> io.BytesIO:
    """What the COPY that has begun sends, all of it. In a thread: the event loop would have to turn for every row."""
    receiving = asyncio.ensure_future(asyncio.to_thread(_drained, connection.pgconn))
    try:
        return await asyncio.shield(receiving)
    except asyncio.CancelledError:
        # Until the thread has let go of the connection, nobody else may touch it.
        await connection.cancel_safe()
        await asyncio.wait([receiving])
        receiving.exception()
        raise


def _drained(connection: PGconn) -> io.BytesIO:
    text = io.BytesIO()
    waiting.wait(_into(text, connection), connection.socket, interval=_LOOK_UP_S)
    return text


def _into(text: io.BytesIO, connection: PGconn) -> PQGen[None]:
    while isinstance(data := (yield from generators.copy_from(connection)), memoryview):
        text.write(data)


def _parsed(text: io.BytesIO, shown: Sequence[Shown]) -> pl.DataFrame:
    with _told(shown):
        frame = _read(text, shown, scale=0)
        if _SCALE in frame.columns:
            scale = frame[_SCALE].max()
            if isinstance(scale, int):
                frame = _read(text, shown, scale=scale)
            frame = frame.drop(_SCALE)
    moments = [each.name for each in shown if each.column.type is ColumnType.DATETIME]
    return frame.with_columns(pl.col(moments).dt.replace_time_zone("UTC")) if moments else frame


def _read(text: io.BytesIO, shown: Sequence[Shown], *, scale: int) -> pl.DataFrame:
    schema: dict[str, pl.DataType] = {each.name: _read_as(each.column, scale) for each in shown}
    if any(isinstance(dtype, pl.Decimal) for dtype in schema.values()):
        schema[_SCALE] = pl.Int64()
    return pl.read_csv(text.getvalue(), has_header=False, schema=schema, raise_if_empty=False)


def _read_as(column: Column, scale: int) -> pl.DataType:
    dtype = dtype_of(column)
    if isinstance(dtype, pl.Decimal):
        return pl.Decimal(DIGITS, max(scale, dtype.scale))
    return pl.Datetime("us") if dtype == MOMENT else dtype


@contextmanager
def _told(shown: Sequence[Shown]) -> Iterator[None]:
    try:
        yield
    except pl.exceptions.PolarsError as error:
        names = ", ".join(each.name for each in shown)
        reason = str(error).splitlines()[0]
        raise LimitExceeded(f"a value cannot be read as a frame (columns {names}): {reason}") from error


async def write_frame(connection: DictConnection, relation: str, frame: pl.DataFrame) -> None:
    """The rows of ``frame`` are in ``relation``, under the same names of columns. Raises: what psycopg raises."""
    names = ", ".join(map(quoted, frame.columns))
    rows = max(1, frame.height * CHUNK_BYTES // max(1, int(frame.estimated_size())))
    cursor = connection.cursor()
    async with cursor.copy(f"COPY {relation} ({names}) FROM STDIN (FORMAT csv)", []) as copy:
        for start in range(0, frame.height, rows):
            await copy.write(await asyncio.to_thread(_text_of, frame.slice(start, rows)))
    if cursor.rowcount != frame.height:
        raise RecordRefused(f"{relation}: {frame.height} rows were sent and {cursor.rowcount} came through")


def _text_of(frame: pl.DataFrame) -> bytes:
    text = io.BytesIO()
    frame.write_csv(text, include_header=False)
    return text.getvalue()


def array_text(values: pl.Series) -> str:
    """``values`` as the text of a PostgreSQL array."""
    texts = values.cast(pl.String).str.replace_all("\\", "\\\\", literal=True).str.replace_all('"', '\\"', literal=True)
    held = pl.select(pl.concat_str(pl.lit('"'), texts, pl.lit('"')).fill_null("NULL").alias("")).to_series()
    return "{" + (held.str.join(",").item() if held.len() else "") + "}"
