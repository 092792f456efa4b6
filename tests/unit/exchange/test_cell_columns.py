"""Columns of cells are parsed as single cells are, and values written as cells are read back as they were."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dualwrite.errors import ValueRefused
from dualwrite.exchange.cell_columns import parsed_column
from dualwrite.exchange.cell_values import parse_cell
from dualwrite.exchange.exporting.cell_texts import cell_texts
from dualwrite.maps.columnar.frames import dtype_of, in_frame
from dualwrite.metadata.schema import Column, ColumnType, Enumeration
from dualwrite.metadata.values import Value

T = ColumnType
_MEMBERS = Enumeration("Kinds", (("None", 0), ("SomeKind", 1), ("Other", 100_000_000)))
COLUMNS = [
    Column("Text", T.STRING, length=5),
    Column("Needed", T.STRING, length=5, required=True),
    Column("Memo", T.MEMO),
    Column("Whole", T.INTEGER),
    Column("NeededWhole", T.INTEGER, required=True),
    Column("Big", T.BIGINT),
    Column("Number", T.DECIMAL, scale=2),
    Column("Precise", T.DECIMAL, scale=16),
    Column("NoScale", T.DECIMAL),
    Column("Money", T.MONEY, scale=4),
    Column("Flag", T.BOOLEAN),
    Column("Kind", T.ENUM, enumeration=_MEMBERS, required=True),
    Column("Choice", T.CHOICE, enumeration=_MEMBERS),
    Column("Day", T.DATE),
    Column("Moment", T.DATETIME),
    Column("Id", T.GUID),
    Column("Lookup", T.LOOKUP, targets=("account",)),
]
_LIKELY = [
    "",
    " ",
    "\x1c",
    "\u00a0",
    "abcde",
    "abcdef",
    "a\x00b",
    "0",
    "-0",
    "+7",
    "007",
    "1.0",
    "1.",
    ".5",
    "1e3",
    "1.25",
    "1.255",
    "2147483647",
    "2147483648",
    "-9223372036854775808",
    "9223372036854775808",
    "12345678901234567890123456789012345678901",
    "99999999999999999999999999999999",
    "yes",
    "No",
    "TRUE",
    "some kind",
    "SomeKind",
    "100000000",
    "2020-02-29",
    "2020-02-30",
    "0001-01-01",
    "2020-02-29 23:59:59",
    "2020-02-29 24:00:00",
    "2020-02-29T10:00:00+02:00",
    "2020-02-29 10:00:00.123456",
    "8/25/2020 1:03 PM",
    "13/1/2020",
    "5E0C7C0E-5A5B-4C5D-9E5F-000000000001",
    "5e0c7c0e-5a5b-4c5d-9e5f-000000000001",
    "{5e0c7c0e-5a5b-4c5d-9e5f-000000000001}",
]
_TEXTS = st.lists(st.sampled_from(_LIKELY) | st.text(max_size=8) | st.from_regex(r"-?[0-9]{1,24}(\.[0-9]{1,5})?"))


def cell(column: Column, text: str) -> tuple[Value, bool]:
    try:
        return in_frame(parse_cell(column, text)), False
    except ValueRefused:
        return None, True


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.name)
def test_likely_texts_are_parsed_as_single_cells_are(column: Column) -> None:
    assert_alike(column, _LIKELY)


@settings(deadline=None)
@given(st.sampled_from(COLUMNS), _TEXTS)
def test_any_texts_are_parsed_as_single_cells_are(column: Column, texts: list[str]) -> None:
    assert_alike(column, [text.replace("\ud800", "") for text in texts])


def assert_alike(column: Column, texts: Sequence[str]) -> None:
    parsed = parsed_column(column, pl.Series(texts, dtype=pl.String))
    assert parsed.values.dtype == dtype_of(column)
    for text, value, refused in zip(texts, parsed.values, parsed.refused, strict=True):
        expected, is_refused = cell(column, text)
        assert refused == is_refused, text
        assert refused or value == expected, text


_FINE = st.characters(exclude_categories=["Cs"], exclude_characters="\x00")
VALUES: dict[ColumnType, st.SearchStrategy[Value]] = {
    T.STRING: st.text(_FINE, max_size=5),
    T.MEMO: st.text(_FINE, max_size=20),
    T.INTEGER: st.integers(-(2**31), 2**31 - 1),
    T.BIGINT: st.integers(-(2**63), 2**63 - 1),
    T.DECIMAL: st.decimals(min_value=-(10**12), max_value=10**12, places=2),
    T.MONEY: st.decimals(min_value=-(10**12), max_value=10**12, places=4),
    T.BOOLEAN: st.booleans(),
    T.ENUM: st.sampled_from([name for name, _ in _MEMBERS.members]),
    T.CHOICE: st.sampled_from([number for _, number in _MEMBERS.members]),
    T.DATE: st.dates(),
    T.DATETIME: st.datetimes(timezones=st.just(UTC)),
    T.GUID: st.uuids(),
    T.LOOKUP: st.uuids(),
}


@settings(deadline=None)
@given(st.data(), st.sampled_from([each for each in COLUMNS if not each.required]))
def test_values_written_as_cells_are_read_back_as_they_were(data: st.DataObject, column: Column) -> None:
    values = data.draw(st.lists(st.none() | VALUES[column.type], min_size=1, max_size=6))
    if column.type.is_text:
        values = [value or "" for value in values]
    held = pl.DataFrame({"": pl.Series([in_frame(each) for each in values], dtype=dtype_of(column))})
    texts = held.select(cell_texts(column, pl.col("")).fill_null("")).to_series()
    parsed = parsed_column(column, texts)
    assert not parsed.refused.any(), texts.to_list()
    assert parsed.values.to_list() == held[""].to_list()


def test_cells_are_written_as_people_read_them() -> None:
    shown = {
        Column("", T.DECIMAL, scale=16): (Decimal("1.5000"), "1.5"),
        Column("", T.MONEY, scale=4): (Decimal("100.0000"), "100"),
        Column("", T.BOOLEAN): (False, "No"),
        Column("", T.DATE): (date(1900, 1, 1), "1900-01-01"),
        Column("", T.DATETIME): (datetime(2020, 8, 25, 13, 3, tzinfo=UTC), "2020-08-25 13:03:00"),
        Column("", T.GUID): (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    }
    for column, (value, text) in shown.items():
        held = pl.DataFrame({"": pl.Series([in_frame(value)], dtype=dtype_of(column))})
        assert held.select(cell_texts(column, pl.col(""))).item() == text
