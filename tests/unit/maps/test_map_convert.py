"""Conversion of values between the two sides."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from map_samples import BLOCKED, GRADE, GRADES, HOLD, NO_YES, dataverse_table, finops_table, values_of

from dualwrite.errors import ValueProblem, ValueRefused
from dualwrite.maps.convert import plain_converter
from dualwrite.maps.end import Converter, End, blank_of
from dualwrite.maps.equality import agrees
from dualwrite.metadata.schema import Column, Enumeration
from dualwrite.metadata.schema import ColumnType as T
from dualwrite.metadata.values import Value


def finops(kind: T, **facts: object) -> End:
    column = Column("Source", kind, **facts)  # type: ignore[arg-type]
    return End(finops_table("Customers", column, key=("Source",)), column)


def dataverse(kind: T, **facts: object) -> End:
    column = Column("target", kind, **facts)  # type: ignore[arg-type]
    return End(dataverse_table("account", column), column)


def converter(source: End, target: End) -> Converter:
    found = plain_converter(source, target)
    assert found is not None
    return found


PAIRS = [
    (finops(T.STRING, length=20), dataverse(T.STRING, length=100)),
    (finops(T.STRING, length=20), dataverse(T.MEMO, length=2000)),
    (finops(T.INTEGER), dataverse(T.INTEGER)),
    (finops(T.INTEGER), dataverse(T.BIGINT)),
    (finops(T.INTEGER), dataverse(T.DECIMAL, scale=2)),
    (finops(T.INTEGER), dataverse(T.STRING, length=100)),
    (finops(T.BIGINT), dataverse(T.BIGINT)),
    (finops(T.DECIMAL, scale=4), dataverse(T.MONEY, scale=4)),
    (finops(T.DECIMAL, scale=6), dataverse(T.DECIMAL, scale=10)),
    (finops(T.DECIMAL, scale=6), dataverse(T.STRING, length=100)),
    (finops(T.MONEY, scale=2), dataverse(T.MONEY)),
    (finops(T.ENUM, enumeration=NO_YES), dataverse(T.BOOLEAN)),
    (finops(T.ENUM, enumeration=BLOCKED), dataverse(T.CHOICE, enumeration=HOLD)),
    (finops(T.ENUM, enumeration=GRADE), dataverse(T.CHOICE, enumeration=GRADES)),
    (finops(T.ENUM, enumeration=GRADE), dataverse(T.STRING, length=100)),
    (finops(T.ENUM, enumeration=GRADE), dataverse(T.INTEGER)),
    (finops(T.DATE), dataverse(T.DATE)),
    (finops(T.DATE), dataverse(T.DATETIME)),
    (finops(T.DATETIME), dataverse(T.DATETIME)),
    (finops(T.DATETIME), dataverse(T.STRING, length=100)),
    (finops(T.DATE), dataverse(T.STRING, length=100)),
    (finops(T.GUID), dataverse(T.GUID)),
    (finops(T.GUID), dataverse(T.STRING, length=100)),
]
NAMES = [f"{a.column.type.value}-{b.column.type.value}" for a, b in PAIRS]


@pytest.mark.parametrize(("source", "target"), PAIRS, ids=NAMES)
@given(data=st.data())
def test_what_goes_to_dataverse_and_back_comes_back(source: End, target: End, data: st.DataObject) -> None:
    value = data.draw(values_of(source))
    there = converter(source, target)(value)
    assert agrees(converter(target, source)(there), value)


@pytest.mark.parametrize(("source", "target"), PAIRS, ids=NAMES)
@given(data=st.data())
def test_a_second_round_changes_nothing(source: End, target: End, data: st.DataObject) -> None:
    forth, back = converter(source, target), converter(target, source)
    once = forth(data.draw(values_of(source)))
    assert forth(back(once)) == once


@pytest.mark.parametrize(("source", "target"), PAIRS, ids=NAMES)
def test_nothing_in_dataverse_becomes_what_finops_holds_for_nothing(source: End, target: End) -> None:
    assert converter(target, source)(None) == blank_of(source)


@pytest.mark.parametrize(
    "empty", [date(1900, 1, 1), datetime(1900, 1, 1, tzinfo=UTC), datetime(1900, 1, 1, 12, tzinfo=UTC)]
)
def test_the_empty_date_becomes_null(empty: Value) -> None:
    assert converter(finops(T.DATE), dataverse(T.DATE))(empty) is None
    assert converter(finops(T.DATETIME), dataverse(T.DATETIME))(empty) is None


def test_empty_text_becomes_null_and_null_becomes_empty_text() -> None:
    source, target = finops(T.STRING, length=5), dataverse(T.STRING, length=5)
    assert converter(source, target)("") is None
    assert converter(target, source)(None) == ""


def test_zero_stays_zero_and_null_becomes_zero() -> None:
    source, target = finops(T.DECIMAL, scale=2), dataverse(T.MONEY)
    assert converter(source, target)(Decimal(0)) == 0
    assert converter(target, source)(None) == 0


def test_dates_are_never_shifted() -> None:
    noon = datetime(2024, 2, 29, 12, tzinfo=UTC)
    assert converter(finops(T.DATE), dataverse(T.DATE))(noon) == date(2024, 2, 29)
    assert converter(finops(T.DATE), dataverse(T.DATETIME))(date(2024, 2, 29)) == datetime(2024, 2, 29, tzinfo=UTC)
    late = datetime(2024, 2, 29, 23, 30, tzinfo=timezone(timedelta(hours=-2)))
    assert converter(dataverse(T.DATETIME), finops(T.DATE))(late) == date(2024, 3, 1)


@pytest.mark.parametrize("day", [date(1899, 12, 31), date(1753, 1, 1), date(2155, 1, 1)])
def test_dates_that_finops_does_not_know_are_refused(day: date) -> None:
    with pytest.raises(ValueRefused) as refusal:
        converter(dataverse(T.DATE), finops(T.DATE))(day)
    assert refusal.value.message == f"target is {day}, Customers.Source takes dates from 1900-01-01 to 2154-12-31."
    assert refusal.value.problem is ValueProblem.OUT_OF_RANGE


@pytest.mark.parametrize(
    ("value", "expected"),
    [("0.00005", "0.0000"), ("0.00015", "0.0002"), ("0.000051", "0.0001"), ("-0.00015", "-0.0002")],
)
def test_decimals_are_rounded_half_even_to_the_target(value: str, expected: str) -> None:
    assert converter(finops(T.DECIMAL, scale=10), dataverse(T.MONEY))(Decimal(value)) == Decimal(expected)


def test_zero_has_no_sign_in_a_text() -> None:
    rounded = converter(finops(T.DECIMAL, scale=6), dataverse(T.DECIMAL, scale=2))(Decimal("-0.000001"))
    assert converter(finops(T.DECIMAL, scale=2), dataverse(T.STRING))(rounded) == "0"


def test_ten_decimal_places_survive() -> None:
    exact = Decimal("123456789012.0123456789")
    assert converter(finops(T.DECIMAL), dataverse(T.DECIMAL))(exact) == exact


@pytest.mark.parametrize(
    ("source", "target", "value", "message"),
    [
        (
            finops(T.STRING, length=20),
            dataverse(T.STRING, length=10),
            "x" * 12,
            "Source is 12 characters long, accounts.target holds 10.",
        ),
        (
            finops(T.DECIMAL),
            dataverse(T.INTEGER),
            Decimal("1.5"),
            "Source is '1.5', accounts.target takes whole numbers.",
        ),
        (
            finops(T.BIGINT),
            dataverse(T.INTEGER),
            2**31,
            "Source is 2147483648, accounts.target takes -2147483648 to 2147483647.",
        ),
        (finops(T.STRING), dataverse(T.INTEGER), "abc", "Source is 'abc', accounts.target takes a number."),
        (finops(T.STRING), dataverse(T.DECIMAL), "NaN", "Source is 'NaN', accounts.target takes a number."),
        (finops(T.STRING), dataverse(T.GUID), "abc", "Source is 'abc', accounts.target takes a GUID."),
        (finops(T.STRING), dataverse(T.DATE), "soon", "Source is 'soon', accounts.target takes a date."),
        (finops(T.STRING), dataverse(T.BOOLEAN), "maybe", "Source is 'maybe', accounts.target takes yes or no."),
        (
            dataverse(T.STRING),
            finops(T.ENUM, enumeration=GRADE),
            "Lead",
            "target 'Lead' has no counterpart in Customers.Source; allowed are None, Gold, Silver.",
        ),
        (
            dataverse(T.CHOICE, enumeration=HOLD),
            finops(T.ENUM, enumeration=GRADE.__class__("X", (("No", 0), ("Invoice", 1)))),
            806380002,
            "target '806380002' has no counterpart in Customers.Source; allowed are 806380000, 806380001.",
        ),
        (
            finops(T.STRING),
            dataverse(T.DECIMAL, scale=10),
            "9" * 29,
            "Source has more than 28 digits before the point, too many for accounts.target.",
        ),
        (
            finops(T.STRING),
            dataverse(T.CHOICE),
            "2147483648",
            "Source is 2147483648, accounts.target takes the numbers of choices.",
        ),
    ],
)
def test_what_does_not_fit_is_refused_with_both_columns(source: End, target: End, value: Value, message: str) -> None:
    with pytest.raises(ValueRefused) as refusal:
        converter(source, target)(value)
    assert refusal.value.message == message
    assert (refusal.value.table, refusal.value.column) == (target.table.name, target.column.name)


@pytest.mark.parametrize(
    ("value", "length", "fits"),
    [("ä" * 10, 10, True), ("😀" * 10, 10, True), ("😀" * 11, 10, False), ("O'Neil\"", 7, True)],
)
def test_length_counts_characters(value: str, length: int, fits: bool) -> None:
    convert = converter(finops(T.STRING), dataverse(T.STRING, length=length))
    if fits:
        assert convert(value) == value
    else:
        with pytest.raises(ValueRefused):
            convert(value)


def test_text_becomes_numbers_guids_and_dates_where_it_spells_them() -> None:
    assert converter(finops(T.STRING), dataverse(T.INTEGER))(" 12 ") == 12
    assert converter(finops(T.STRING), dataverse(T.DECIMAL))("1.50") == Decimal("1.5")
    assert converter(finops(T.STRING), dataverse(T.DATE))("2024-02-29") == date(2024, 2, 29)
    assert converter(finops(T.STRING), dataverse(T.GUID))("0" * 31 + "1") == UUID(int=1)
    assert converter(dataverse(T.STRING), finops(T.ENUM, enumeration=GRADE))("gold") == "Gold"


def test_the_empty_guid_becomes_null() -> None:
    assert converter(finops(T.GUID), dataverse(T.GUID))(UUID(int=0)) is None


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (finops(T.DATE), dataverse(T.INTEGER)),
        (finops(T.GUID), dataverse(T.DECIMAL)),
        (finops(T.ENUM, enumeration=GRADE), dataverse(T.BOOLEAN)),
        (finops(T.ENUM, enumeration=NO_YES), dataverse(T.CHOICE, enumeration=GRADES)),
        (finops(T.DECIMAL), dataverse(T.CHOICE, enumeration=HOLD)),
        (finops(T.STRING), dataverse(T.LOOKUP)),
    ],
)
def test_types_without_a_conversion_have_none(source: End, target: End) -> None:
    assert plain_converter(source, target) is None


def test_every_pair_of_types_either_converts_or_says_that_it_cannot() -> None:
    anything = Enumeration("e", (("No", 0), ("Yes", 1)))
    for left, right in itertools.product(T, T):
        source, target = finops(left, enumeration=anything), dataverse(right, enumeration=anything)
        for one, other in ((source, target), (target, source)):
            convert = plain_converter(one, other)
            if convert is not None:
                assert convert(None) == blank_of(other)
