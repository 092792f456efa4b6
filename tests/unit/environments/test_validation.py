"""What a column accepts, and how it stores it: the same for users, imports and the engine."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualwrite.environments.hosted.validation import checked
from dualwrite.errors import ValueProblem, ValueRefused
from dualwrite.metadata.schema import Column, ColumnType, Enumeration, Side, Table
from dualwrite.metadata.values import Value

PARTY = Enumeration("DirPartyType", (("Organization", 0), ("Person", 1)))
HOLD = Enumeration("onhold", (("No", 806380000), ("All", 806380002)))


def table(side: Side) -> Table:
    columns = (
        Column("key", ColumnType.STRING, length=20),
        Column("text", ColumnType.STRING, length=10),
        Column("whole", ColumnType.INTEGER),
        Column("amount", ColumnType.MONEY, scale=4),
        Column("rate", ColumnType.DECIMAL, scale=10),
        Column("party", ColumnType.ENUM, enumeration=PARTY),
        Column("hold", ColumnType.CHOICE, enumeration=HOLD),
        Column("day", ColumnType.DATE),
        Column("moment", ColumnType.DATETIME),
        Column("flag", ColumnType.BOOLEAN),
        Column("row", ColumnType.GUID),
    )
    return Table(side, "table", "tables", "Tables", ("key",), columns)


def store(side: Side, column: str, value: Value) -> Value:
    owner = table(side)
    return checked(owner, owner.column(column), value)


@pytest.mark.parametrize(
    ("column", "empty"),
    [
        ("text", ""),
        ("whole", 0),
        ("amount", Decimal(0)),
        ("party", "Organization"),
        ("day", date(1900, 1, 1)),
        ("moment", datetime(1900, 1, 1, tzinfo=UTC)),
        ("flag", False),
        ("row", UUID(int=0)),
    ],
)
def test_nothing_is_empty_in_finance_and_operations_and_null_in_dataverse(column: str, empty: Value) -> None:
    assert store(Side.FINOPS, column, None) == empty
    assert store(Side.DATAVERSE, column, None) is None


def test_empty_text_is_null_in_dataverse_only() -> None:
    assert store(Side.DATAVERSE, "text", "") is None
    assert store(Side.FINOPS, "text", "") == ""


@pytest.mark.parametrize(
    ("column", "value", "problem"),
    [
        ("text", "x" * 11, ValueProblem.TOO_LONG),
        ("text", "a\0b", ValueProblem.WRONG_TYPE),
        ("text", "\ud800", ValueProblem.WRONG_TYPE),
        ("text", 5, ValueProblem.WRONG_TYPE),
        ("whole", True, ValueProblem.WRONG_TYPE),
        ("whole", Decimal("1.5"), ValueProblem.WRONG_TYPE),
        ("whole", 2**31, ValueProblem.OUT_OF_RANGE),
        ("amount", Decimal("NaN"), ValueProblem.WRONG_TYPE),
        ("amount", Decimal("1e15"), ValueProblem.OUT_OF_RANGE),
        ("party", "Nobody", ValueProblem.UNKNOWN_CHOICE),
        ("hold", 5, ValueProblem.UNKNOWN_CHOICE),
        ("day", datetime(2026, 1, 1, tzinfo=UTC), ValueProblem.WRONG_TYPE),
        ("moment", datetime(2026, 1, 1), ValueProblem.WRONG_TYPE),
        ("flag", 1, ValueProblem.WRONG_TYPE),
        ("row", "not a guid", ValueProblem.WRONG_TYPE),
    ],
)
def test_what_does_not_fit_is_refused_with_its_reason(column: str, value: Value, problem: ValueProblem) -> None:
    with pytest.raises(ValueRefused) as refused:
        store(Side.FINOPS, column, value)
    assert refused.value.problem is problem
    assert refused.value.column == column


@pytest.mark.parametrize(
    ("side", "first", "last"),
    [(Side.FINOPS, date(1900, 1, 1), date(2154, 12, 31)), (Side.DATAVERSE, date(1753, 1, 1), date(9999, 12, 30))],
)
def test_each_side_has_its_own_calendar(side: Side, first: date, last: date) -> None:
    assert store(side, "day", first) == first
    assert store(side, "day", last) == last
    for outside in (first - timedelta(days=1), last + timedelta(days=1)):
        with pytest.raises(ValueRefused):
            store(side, "day", outside)


def test_length_counts_characters_not_bytes() -> None:
    assert store(Side.FINOPS, "text", "😀" * 10) == "😀" * 10


def test_members_are_kept_in_their_own_spelling() -> None:
    assert store(Side.FINOPS, "party", "PERSON") == "Person"


@given(st.decimals(min_value=-(10**11), max_value=10**11, allow_nan=False, allow_infinity=False))
def test_numbers_are_rounded_to_their_scale_and_no_further(number: Decimal) -> None:
    for column, scale in (("amount", 4), ("rate", 10)):
        stored = store(Side.DATAVERSE, column, number)
        assert isinstance(stored, Decimal)
        assert abs(stored - number) <= Decimal(1).scaleb(-scale) / 2
        assert store(Side.DATAVERSE, column, stored) == stored


@given(st.datetimes(min_value=datetime(1950, 1, 1), max_value=datetime(2100, 1, 1)), st.integers(-14, 14))
def test_moments_are_kept_in_utc(moment: datetime, offset: int) -> None:
    there = moment.replace(tzinfo=timezone(timedelta(hours=offset)))
    stored = store(Side.FINOPS, "moment", there)
    assert isinstance(stored, datetime)
    assert stored == there
    assert stored.utcoffset() == timedelta(0)
