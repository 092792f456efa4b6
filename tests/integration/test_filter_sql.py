"""A filter lets the same rows through in the database and in memory."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import LiteralString, cast
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from dualwrite.database.server import Server, drop_database, ensure_database
from dualwrite.filters.evaluate import matches
from dualwrite.filters.sql import compile_sql
from dualwrite.filters.text_case import folded
from dualwrite.filters.tree import (
    Always,
    And,
    ColumnPath,
    Compare,
    Comparison,
    Expression,
    Not,
    OneOf,
    Or,
    TextMatch,
    TextTest,
)
from dualwrite.metadata.values import Value

_COLUMNS = {
    "title": "text",
    "note": "text",
    "kind": "integer",
    "size": "bigint",
    "amount": "numeric(38,10)",
    "open": "boolean",
    "day": "date",
    "moment": "timestamptz",
    "id": "uuid",
}
_TEXTS = ("title", "note")
_UNORDERED = ("open", "id")
_SMALL_TEXTS = ("", "a", "A", "ab", "Ba", "b%", "_", "\\", "ä", "Ä", "É", "ß", "'", "z", "Ż", "😀", "a b", "[a]")
_GREEK_AND_TURKISH = ("İ", "i", "I", "ΑΣ", "ας", "ασ")
_ROWS = 4

_texts = st.sampled_from(_SMALL_TEXTS + _GREEK_AND_TURKISH) | st.text("aAbB%_ äÄéÉ\\'", max_size=4)
_values: dict[str, SearchStrategy[Value]] = {
    "title": _texts,
    "note": _texts,
    "kind": st.integers(-2, 2),
    "size": st.integers(-2, 2) | st.sampled_from([2**63 - 1, -(2**63)]),
    "amount": st.sampled_from([Decimal("0"), Decimal("0.5"), Decimal("1"), Decimal("-0.0000000001"), Decimal("10.50")]),
    "open": st.booleans(),
    "day": st.sampled_from([date(1900, 1, 1), date(1600, 2, 29), date(2024, 2, 29), date(2024, 3, 1)]),
    "moment": st.sampled_from(
        [datetime(1900, 1, 1, tzinfo=UTC), datetime(2024, 2, 29, 10, 0, 0, 123456, tzinfo=UTC)],
    ),
    "id": st.sampled_from([UUID(int=0), UUID("3f2504e0-4f89-11d3-9a0c-0305e82c3301")]),
}
_literals = {**_values, "size": _values["size"] | st.just(2**70), "kind": _values["kind"] | st.just(Decimal("1.5"))}


def _leaf(name: str) -> SearchStrategy[Expression]:
    path = ColumnPath((name,))
    operators = st.sampled_from([Comparison.EQ, Comparison.NE] if name in _UNORDERED else list(Comparison))
    literal = st.none() | _literals[name]
    leaves: list[SearchStrategy[Expression]] = [
        st.builds(Compare, operators, st.just(path), literal),
        st.builds(OneOf, st.just(path), st.lists(literal, max_size=4).map(tuple)),
    ]
    if name in _TEXTS:
        others = st.sampled_from([ColumnPath((other,)) for other in _TEXTS])
        leaves.append(st.builds(TextMatch, st.sampled_from(TextTest), st.just(path), _texts))
        leaves.append(st.builds(Compare, operators, st.just(path), others))
    return st.one_of(leaves)


_leaves: SearchStrategy[Expression] = st.one_of(st.builds(Always, st.booleans()), *(_leaf(name) for name in _COLUMNS))


def _deeper(inner: SearchStrategy[Expression]) -> SearchStrategy[Expression]:
    operands = st.lists(inner, max_size=4).map(tuple)
    return st.one_of(st.builds(Not, inner), st.builds(And, operands), st.builds(Or, operands))


_trees = st.recursive(_leaves, _deeper, max_leaves=10)
_rows = st.fixed_dictionaries({name: st.none() | values for name, values in _values.items()})


@pytest.fixture(scope="module")
def connection(server: Server) -> Iterator[psycopg.Connection[tuple[int]]]:
    name = f"test_filters_{os.getpid()}"
    ensure_database(server, name)
    with psycopg.connect(server.conninfo(name)) as connection:
        columns = ", ".join(f'"{name}" {kind}' for name, kind in _COLUMNS.items())
        connection.execute(cast(LiteralString, f'CREATE TEMPORARY TABLE filtered ("n%" integer, {columns})'))
        yield connection
        connection.rollback()
    drop_database(server, name)


def _column(path: ColumnPath) -> tuple[str, bool]:
    (name,) = path.parts
    return f'f."{name}"', name in _TEXTS


def _let_through(connection: psycopg.Connection[tuple[int]], condition: str, values: list[Value]) -> set[int]:
    query = cast(LiteralString, f'SELECT "n%%" FROM filtered f WHERE {condition}')
    return {number for (number,) in connection.execute(query, values)}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
@given(expression=_trees, rows=st.lists(_rows, min_size=1, max_size=_ROWS))
def test_the_database_and_the_memory_agree(
    connection: psycopg.Connection[tuple[int]], expression: Expression, rows: list[dict[str, Value]]
) -> None:
    names = ", ".join(f'"{name}"' for name in _COLUMNS)
    places = ", ".join(["%s"] * (len(_COLUMNS) + 1))
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE filtered")
        cursor.executemany(
            cast(LiteralString, f'INSERT INTO filtered ("n%%", {names}) VALUES ({places})'),
            [(number, *(row[name] for name in _COLUMNS)) for number, row in enumerate(rows)],
        )
    condition, values = compile_sql(expression, column=_column)
    expected = {number for number, row in enumerate(rows) if matches(expression, row)}
    assert _let_through(connection, condition, values) == expected
    negated, values = compile_sql(Not(expression), column=_column)
    assert _let_through(connection, negated, values) == set(range(len(rows))) - expected


def test_letters_of_every_script_fold_alike(connection: psycopg.Connection[tuple[int]]) -> None:
    """Letters that Unicode has had for long: a newer version on one side knows more of the others."""
    category = unicodedata.ucd_3_2_0.category
    letters = [chr(point) for point in range(1, 0x110000) if category(chr(point)) not in ("Cn", "Cs")]
    query = "SELECT letter, lower(letter), lower('a' || letter) FROM unnest(%s::text[]) AS l(letter)"
    rows = cast("list[tuple[str, str, str]]", connection.execute(query, (letters,)).fetchall())
    assert len(rows) == len(letters)
    assert [letter for letter, low, after in rows if (low, after) != (folded(letter), folded("a" + letter))] == []
