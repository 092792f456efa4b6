"""A filter lets the same rows through in the database, in a frame and in memory."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator
from typing import LiteralString, cast

import polars as pl
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings

from bound_filters import COLUMNS, TEXTS, bound_filters, framed, rows_of
from dualwrite.database.server import Server, drop_database, ensure_database
from dualwrite.filters.evaluate import matches
from dualwrite.filters.frame import compile_frame
from dualwrite.filters.sql import compile_sql
from dualwrite.filters.text_case import folded
from dualwrite.filters.tree import ColumnPath, Expression, Not
from dualwrite.metadata.values import Value


@pytest.fixture(scope="module")
def connection(server: Server) -> Iterator[psycopg.Connection[tuple[int]]]:
    name = f"test_filters_{os.getpid()}"
    ensure_database(server, name)
    with psycopg.connect(server.conninfo(name)) as connection:
        columns = ", ".join(f'"{name}" {kind}' for name, kind in COLUMNS.items())
        connection.execute(cast(LiteralString, f'CREATE TEMPORARY TABLE filtered ("n%" integer, {columns})'))
        yield connection
        connection.rollback()
    drop_database(server, name)


def _column(path: ColumnPath) -> tuple[str, bool]:
    (name,) = path.parts
    return f'f."{name}"', name in TEXTS


def _in_database(connection: psycopg.Connection[tuple[int]], expression: Expression) -> set[int]:
    condition, values = compile_sql(expression, column=_column)
    query = cast(LiteralString, f'SELECT "n%%" FROM filtered f WHERE {condition}')
    return {number for (number,) in connection.execute(query, values)}


def _in_frame(frame: pl.DataFrame, expression: Expression) -> set[int]:
    return set(frame.filter(compile_frame(expression, dtypes=frame.schema))["n"])


def _insert(connection: psycopg.Connection[tuple[int]], rows: list[dict[str, Value]]) -> None:
    names = ", ".join(f'"{name}"' for name in COLUMNS)
    places = ", ".join(["%s"] * (len(COLUMNS) + 1))
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE filtered")
        cursor.executemany(
            cast(LiteralString, f'INSERT INTO filtered ("n%%", {names}) VALUES ({places})'),
            [(number, *(row[name] for name in COLUMNS)) for number, row in enumerate(rows)],
        )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=500)
@given(expression=bound_filters(), rows=rows_of())
def test_the_database_the_frame_and_the_memory_agree(
    connection: psycopg.Connection[tuple[int]], expression: Expression, rows: list[dict[str, Value]]
) -> None:
    _insert(connection, rows)
    frame = framed(rows).with_row_index("n")
    expected = {number for number, row in enumerate(rows) if matches(expression, row)}
    assert _in_database(connection, expression) == expected
    assert _in_frame(frame, expression) == expected
    negated = Not(expression)
    assert _in_database(connection, negated) == set(range(len(rows))) - expected
    assert _in_frame(frame, negated) == set(range(len(rows))) - expected


def test_letters_of_every_script_fold_alike(connection: psycopg.Connection[tuple[int]]) -> None:
    """Letters that Unicode has had for long: a newer version on one side knows more of the others."""
    category = unicodedata.ucd_3_2_0.category
    letters = [chr(point) for point in range(1, 0x110000) if category(chr(point)) not in ("Cn", "Cs")]
    query = "SELECT letter, lower(letter), lower('a' || letter) FROM unnest(%s::text[]) AS l(letter)"
    rows = cast("list[tuple[str, str, str]]", connection.execute(query, (letters,)).fetchall())
    assert len(rows) == len(letters)
    assert [letter for letter, low, after in rows if (low, after) != (folded(letter), folded("a" + letter))] == []
