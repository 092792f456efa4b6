"""Values of a frame are accepted, rounded and refused as the values of a row are."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dualwrite.environments.hosted.bulk.checks import blank_where_required, checked_frame
from dualwrite.environments.hosted.validation import checked
from dualwrite.errors import ValueRefused
from dualwrite.maps.columnar.frames import dtype_of, in_frame, is_id
from dualwrite.metadata.schema import Column, ColumnRole, ColumnType, Enumeration, Side, Table
from dualwrite.metadata.values import Value

T = ColumnType
MEMBERS = Enumeration("Members", (("None", 0), ("First", 10), ("ß", 11)))
COLUMNS = (
    Column("key", T.STRING, length=20, required=True),
    Column("text", T.STRING, length=3),
    Column("memo", T.MEMO),
    Column("whole", T.INTEGER),
    Column("big", T.BIGINT),
    Column("rate", T.DECIMAL, scale=2),
    Column("fine", T.DECIMAL, scale=10),
    Column("amount", T.MONEY),
    Column("flag", T.BOOLEAN),
    Column("day", T.DATE),
    Column("moment", T.DATETIME),
    Column("guid", T.GUID),
    Column("kept", T.BIGINT, role=ColumnRole.SYSTEM),
    Column("party", T.LOOKUP, targets=("a", "b")),
)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=5)
NUMBERS = st.decimals(-(10**20), 10**20, places=4) | st.sampled_from(
    [Decimal("0.005"), Decimal("0.015"), Decimal("1E12")]
)
VALUES: dict[ColumnType, st.SearchStrategy[Value]] = {
    T.STRING: TEXTS,
    T.MEMO: TEXTS,
    T.INTEGER: st.integers(-(2**32), 2**32),
    T.BIGINT: st.integers(-(2**63), 2**63 - 1),
    T.DECIMAL: NUMBERS,
    T.MONEY: NUMBERS,
    T.BOOLEAN: st.booleans(),
    T.DATE: st.dates(),
    T.DATETIME: st.datetimes(timezones=st.just(UTC)),
    T.GUID: st.uuids(),
    T.ENUM: st.sampled_from(["first", "FIRST", "SS", "ẞ", "", "other"]),
    T.CHOICE: st.sampled_from([0, 10, 12, 2**40]),
}


def table(side: Side) -> Table:
    own = Column("member", T.ENUM if side is Side.FINOPS else T.CHOICE, enumeration=MEMBERS)
    return Table(side, "table", "tables", "Tables", ("key",), (*COLUMNS, own))


@st.composite
def columns_of_values(draw: st.DrawFn) -> tuple[Table, Column, list[Value]]:
    owner = table(draw(st.sampled_from(Side)))
    column = draw(st.sampled_from([each for each in owner.columns if each.type in VALUES and each.writable]))
    return owner, column, draw(st.lists(st.none() | VALUES[column.type], max_size=6))


@settings(deadline=None)
@given(sample=columns_of_values())
def test_a_frame_is_checked_as_its_rows_are(sample: tuple[Table, Column, list[Value]]) -> None:
    owner, column, values = sample
    dtype = pl.Decimal(38, 4) if isinstance(dtype_of(column), pl.Decimal) else dtype_of(column)
    given_ = pl.Series(column.name, [in_frame(value) for value in values], dtype=dtype)
    result = checked_frame(owner, pl.DataFrame([given_]))
    for value, held, doubtful in zip(values, result.values[column.name], result.doubtful, strict=True):
        try:
            expected = checked(owner, column, value)
        except ValueRefused:
            assert doubtful
        else:
            assert not doubtful
            assert held == (str(expected) if is_id(column) and expected is not None else in_frame(expected))


@pytest.mark.parametrize(
    ("column", "dtype", "values", "expected"),
    [
        ("rate", pl.Int32, [5, None], [Decimal("5.00"), None]),
        ("whole", pl.Int16, [5, None], [5, None]),
        ("whole", pl.Decimal(38, 2), [Decimal("5.00")], [5]),
        ("text", pl.Null, [None, None], [None, None]),
    ],
)
def test_other_dtypes_that_hold_the_same(
    column: str, dtype: pl.DataType, values: list[Value], expected: list[Value]
) -> None:
    result = checked_frame(table(Side.DATAVERSE), pl.DataFrame({column: pl.Series(values, dtype=dtype)}))
    assert result.values[column].to_list() == expected
    assert not result.doubtful.any()


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("whole", [1.5]),
        ("text", [date(2024, 1, 1)]),
        ("day", [datetime(2024, 1, 1, tzinfo=UTC)]),
        ("guid", ["not a guid"]),
        ("guid", [str(UUID(int=0xABCDEF)).upper()]),
        ("kept", [1]),
        ("unknown", [1]),
        ("text@table", ["a"]),
    ],
)
def test_what_is_not_surely_right_is_doubtful(column: str, values: list[object]) -> None:
    assert checked_frame(table(Side.DATAVERSE), pl.DataFrame({column: values})).doubtful.to_list() == [True]


def test_entries_beside_lookups_are_columns_too() -> None:
    frame = pl.DataFrame({"PARTY": [str(UUID(int=1)), None], "party@table": ["a", None]})
    result = checked_frame(table(Side.DATAVERSE), frame)
    assert result.values.columns == ["party", "party@table"]
    assert not result.doubtful.any()


def test_required_texts_are_filled_in() -> None:
    frame = pl.DataFrame({"key": ["a", "", None], "text": [None, "", "b"]})
    assert blank_where_required(table(Side.DATAVERSE), frame).to_list() == [False, True, True]
