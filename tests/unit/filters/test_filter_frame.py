"""A filter lets the same rows of a frame through as it does one by one."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import example, given, settings

from bound_filters import bound_filters, framed, rows_of
from dualwrite.filters.evaluate import matches
from dualwrite.filters.frame import compile_frame, folded_text
from dualwrite.filters.text_case import folded
from dualwrite.filters.tree import And, ColumnPath, Compare, Comparison, EnumLiteral, Expression, Not, OneOf, Or
from dualwrite.metadata.values import Value


def let_through(expression: Expression, frame: pl.DataFrame) -> list[bool]:
    fits = frame.select(pl.repeat(True, pl.len()) & compile_frame(expression, dtypes=frame.schema)).to_series()
    assert fits.null_count() == 0
    return fits.to_list()


@settings(max_examples=400, deadline=None)
@given(expression=bound_filters(), rows=rows_of())
@example(Compare(Comparison.GT, ColumnPath(("size",)), Decimal("9223372036854775806.5")), [{"size": 2**63 - 1}])
def test_frames_and_rows_agree(expression: Expression, rows: list[dict[str, Value]]) -> None:
    frame = framed(rows)
    assert let_through(expression, frame) == [matches(expression, row) for row in rows]
    assert let_through(Not(expression), frame) == [not matches(expression, row) for row in rows]


def test_paths_behind_lookups_are_columns_with_dots() -> None:
    frame = pl.DataFrame({"name": ["Nancy", "Jim"], "primarycontactid.fullname": ["NANCY", None]})
    path = ColumnPath(("primarycontactid", "fullname"))
    assert let_through(Compare(Comparison.EQ, path, "nancy"), frame) == [True, False]
    assert let_through(Compare(Comparison.EQ, ColumnPath(("name",)), path), frame) == [True, False]
    named = compile_frame(Compare(Comparison.EQ, path, None), dtypes=frame.schema, column=lambda _: "name")
    assert frame.select(named).to_series().to_list() == [False, False]


@pytest.mark.parametrize(
    ("expression", "fits"),
    [
        (Compare(Comparison.EQ, ColumnPath(("gone",)), None), True),
        (Compare(Comparison.NE, ColumnPath(("gone",)), "x"), True),
        (Compare(Comparison.EQ, ColumnPath(("gone",)), "x"), False),
        (Compare(Comparison.LT, ColumnPath(("gone",)), 3), False),
        (Compare(Comparison.EQ, ColumnPath(("gone",)), ColumnPath(("none",))), True),
        (Compare(Comparison.NE, ColumnPath(("name",)), ColumnPath(("gone",))), True),
        (OneOf(ColumnPath(("gone",)), ("x", None)), True),
        (OneOf(ColumnPath(("gone",)), ("x",)), False),
        (And(()), True),
        (Or(()), False),
    ],
)
def test_a_column_that_the_frame_lacks_is_null(expression: Expression, fits: bool) -> None:
    row: dict[str, Value] = {"name": "x", "none": None}
    assert let_through(expression, pl.DataFrame([row], schema={"name": pl.String, "none": pl.Null})) == [fits]
    assert matches(expression, row) is fits


def test_a_list_may_name_numbers_that_a_small_column_cannot_hold() -> None:
    frame = pl.DataFrame({"size": pl.Series([1, 2, None], dtype=pl.Int32)})
    assert let_through(OneOf(ColumnPath(("size",)), (2**40, 2)), frame) == [False, True, False]


def test_letters_of_every_script_fold_as_in_memory() -> None:
    letters = [chr(point) for point in range(0x110000) if not 0xD800 <= point < 0xE000]
    frame = pl.DataFrame({"text": [*letters, *("a" + letter for letter in letters), None]})
    given = frame["text"].to_list()
    found = frame.select(folded_text(pl.col("text"))).to_series().to_list()
    assert found == [None if text is None else folded(text) for text in given]


def test_long_filters_run() -> None:
    tree = Or(tuple(Compare(Comparison.EQ, ColumnPath(("n",)), number) for number in range(3000)))
    frame = pl.DataFrame({"n": [7, 5000, None]})
    assert let_through(tree, frame) == [True, False, False]
    assert let_through(OneOf(ColumnPath(("n",)), tuple(range(20_000))), frame) == [True, True, False]


def test_an_unbound_filter_does_not_run() -> None:
    unbound = Compare(Comparison.EQ, ColumnPath(("a",)), EnumLiteral("NoYes", "Yes"))
    with pytest.raises(TypeError, match="not bound"):
        compile_frame(unbound, dtypes={"a": pl.String()})


def test_dates_at_the_ends_of_the_calendar() -> None:
    frame = pl.DataFrame({"day": [date(1, 1, 1), date(9999, 12, 31)]})
    assert let_through(Compare(Comparison.GT, ColumnPath(("day",)), date(1, 1, 1)), frame) == [False, True]
    moments = pl.DataFrame({"at": [datetime(2024, 5, 1, 0, 0, 0, 1, tzinfo=UTC)]})
    assert let_through(Compare(Comparison.GT, ColumnPath(("at",)), datetime(2024, 5, 1, tzinfo=UTC)), moments) == [True]


def test_what_runs_row_by_row_does_not_load_polars() -> None:
    modules = "dualwrite.cli.main, dualwrite.composition.house, dualwrite.filters.sql, dualwrite.maps.compile"
    command = f"import sys, {modules}; sys.exit('polars' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", command], check=False).returncode == 0
