"""What an error shows of a row, compared with the row as it is now."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from dualwrite.metadata.schema import Column, ColumnType, Side, Table
from dualwrite.metadata.values import Row, Value
from dualwrite.sync.queueing import shown_row
from dualwrite.sync.retrying.recorded import row_of, unchanged

_TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=8)
_MOMENTS = st.datetimes(datetime(1900, 1, 1), datetime(2154, 12, 31), timezones=st.just(UTC))
_VALUES: dict[ColumnType, st.SearchStrategy[Value]] = {
    ColumnType.STRING: _TEXTS,
    ColumnType.MEMO: _TEXTS,
    ColumnType.INTEGER: st.integers(-(2**31), 2**31 - 1),
    ColumnType.BIGINT: st.integers(-(2**63), 2**63 - 1),
    ColumnType.DECIMAL: st.decimals(-(10**12), 10**12, places=6),
    ColumnType.MONEY: st.decimals(-(10**12), 10**12, places=4),
    ColumnType.BOOLEAN: st.booleans(),
    ColumnType.ENUM: st.sampled_from(["Yes", "No", "1"]),
    ColumnType.CHOICE: st.integers(0, 10**9),
    ColumnType.DATE: st.dates(date(1900, 1, 1), date(2154, 12, 31)),
    ColumnType.DATETIME: _MOMENTS,
    ColumnType.GUID: st.uuids(),
    ColumnType.LOOKUP: st.uuids(),
}
KEY = Column("id", ColumnType.GUID)
TABLE = Table(
    Side.DATAVERSE,
    "thing",
    "things",
    "Thing",
    ("id",),
    (KEY, *(Column(f"a_{each.value}", each) for each in ColumnType)),
)
COLUMNS = frozenset(each.name for each in TABLE.columns if each is not KEY)
ROWS = st.fixed_dictionaries({f"a_{each.value}": st.none() | _VALUES[each] for each in ColumnType})


@given(ROWS)
def test_a_row_is_read_back_as_it_was_shown(row: Row) -> None:
    assert row_of(TABLE, shown_row(row)) == {name: value for name, value in row.items() if value not in (None, "")}


@given(ROWS, ROWS, st.sets(st.sampled_from(sorted(COLUMNS))))
def test_exactly_the_columns_that_hold_another_value_now_have_changed(was: Row, is_now: Row, asked: set[str]) -> None:
    def same(name: str) -> bool:
        return was[name] == is_now[name] or (_is_empty(was[name]) and _is_empty(is_now[name]))

    assert unchanged(TABLE, shown_row(was), is_now, asked) == {name for name in asked if same(name)}
    assert unchanged(TABLE, shown_row(was), was, COLUMNS) == COLUMNS


def _is_empty(value: Value) -> bool:
    return value is None or value == ""


def test_the_same_number_with_other_zeros_is_the_same() -> None:
    now = {"a_decimal": Decimal("1.500000"), "a_datetime": datetime(2026, 1, 1, tzinfo=UTC)}
    shown = {"a_decimal": "1.5", "a_datetime": "2026-01-01T00:00:00Z"}
    assert unchanged(TABLE, shown, now, shown) == shown.keys()


def test_a_text_that_fits_no_column_any_more_is_another_value() -> None:
    assert (
        unchanged(TABLE, {"a_guid": "not a guid", "a_date": "soon"}, {"a_date": date(2026, 1, 1)}, ["a_date"]) == set()
    )
