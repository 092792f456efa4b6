"""What texts mean: the documented forms and nothing else, whatever other programs would take them for."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualwrite.maps.literals import read_date, read_guid, read_number, read_truth, read_whole, text_of

ID = UUID("0f8fad5b-d9cb-469f-a165-70867728950e")


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("text", "number"),
    [("12", 12), (" 12 ", 12), ("-0.50", "-0.5"), ("+3.", 3), (".25", "0.25"), ("007", 7), ("9" * 100, "9" * 100)],
)
def test_numbers(text: str, number: int | str) -> None:
    assert read_number(text) == Decimal(number)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        ".",
        "+",
        "1e5",
        "1_000",
        "1,000",
        "1 000",
        "0x1F",
        "NaN",
        "Infinity",
        "١٢",
        "１２",
        "\t1",
        "1\n",
        "9" * 101,
    ],
)
def test_what_is_no_number(text: str) -> None:
    assert read_number(text) is None
    assert read_whole(text) is None


def test_whole_numbers_have_no_point() -> None:
    assert (read_whole("-5"), read_whole("5."), read_whole("5.0")) == (-5, None, None)


@pytest.mark.parametrize(
    ("text", "truth"),
    [("true", True), ("YES", True), (" 1 ", True), ("False", False), ("no", False), ("0", False)],
)
def test_truths(text: str, truth: bool) -> None:
    assert read_truth(text) is truth


@pytest.mark.parametrize("text", ["", "y", "on", "wahr", "yeſ", "01", "2", "\tyes"])
def test_what_is_neither_true_nor_false(text: str) -> None:
    assert read_truth(text) is None


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("2024-02-29", date(2024, 2, 29)),
        ("2/29/2024", date(2024, 2, 29)),
        (" 02/09/2024 ", date(2024, 2, 9)),
        ("2024-02-29T13:05", at(2024, 2, 29, 13, 5)),
        ("2024-02-29 13:05:09", at(2024, 2, 29, 13, 5, 9)),
        ("2024-02-29T13:05:09.123456789Z", at(2024, 2, 29, 13, 5, 9, 123456)),
        ("2024-02-29T13:05:09.5+02:00", at(2024, 2, 29, 11, 5, 9, 500000)),
        ("2024-02-29T23:05:00-0530", at(2024, 3, 1, 4, 35)),
        ("2/29/2024 1:05 PM", at(2024, 2, 29, 13, 5)),
        ("2/29/2024 12:05:00AM", at(2024, 2, 29, 0, 5)),
        ("2/29/2024 12:05 pm", at(2024, 2, 29, 12, 5)),
        ("1/1/1900 13:05:00", at(1900, 1, 1, 13, 5)),
    ],
)
def test_dates(text: str, meaning: date) -> None:
    found = read_date(text)
    assert found == meaning and type(found) is type(meaning)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "2024-2-29",
        "20240229",
        "2024-W09-4",
        "2023-02-29",
        "29/2/2024",
        "2/29/24",
        "29.02.2024",
        "2024-02-29T25:00",
        "2024-02-29T13:05:60",
        "2024-02-29T13",
        "2024-02-29T13:05+25:00",
        "2024-02-29T13:05+02:75",
        "2/29/2024 13:05 PM",
        "2/29/2024 0:05 AM",
        "٢٠٢٤-02-29",
        "0000-01-01",
        "0001-01-01T00:00+14:00",
        "9999-12-31T23:59-14:00",
    ],
)
def test_what_is_no_date(text: str) -> None:
    assert read_date(text) is None


@pytest.mark.parametrize("text", [str(ID), str(ID).upper(), ID.hex, f"{{{ID}}}", f" {ID} "])
def test_guids(text: str) -> None:
    assert read_guid(text) == ID


@pytest.mark.parametrize(
    "text", ["", f"urn:uuid:{ID}", f"{{{ID}", f"{ID}}}", str(ID)[:-1], f"{ID.hex[:8]}-{ID.hex[8:]}"]
)
def test_what_is_no_guid(text: str) -> None:
    assert read_guid(text) is None


@given(st.decimals(-(10**12), 10**12, places=6))
def test_a_number_reads_back_from_its_text(value: Decimal) -> None:
    assert read_number(text_of(value)) == value


@given(st.dates() | st.datetimes(timezones=st.just(UTC)))
def test_a_date_reads_back_from_its_text(value: date) -> None:
    assert read_date(text_of(value)) == value


@given(st.text(st.characters(exclude_categories=("Cs",))))
def test_any_text_means_something_or_nothing(text: str) -> None:
    for read in (read_number, read_whole, read_truth, read_date, read_guid):
        read(text)
