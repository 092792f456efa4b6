"""Value maps and constants."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from map_samples import BLOCKED, GRADE, HOLD, HOLD_MAP, NO_YES, dataverse_table, finops_table

from dualwrite.errors import ValueRefused
from dualwrite.maps.convert import End
from dualwrite.maps.value_map import TextUnfit, parse_text, parse_value_map
from dualwrite.maps.values import ValueMap
from dualwrite.metadata.schema import Column
from dualwrite.metadata.schema import ColumnType as T

HOLD_COLUMN = Column("OnHoldStatus", T.ENUM, enumeration=BLOCKED)
ONE_TIME = Column("IsOneTime", T.ENUM, enumeration=NO_YES)
GRADE_COLUMN = Column("Grade", T.ENUM, enumeration=GRADE)
TEXT = Column("Country", T.STRING, length=10)
FINOPS = finops_table("Customers", HOLD_COLUMN, ONE_TIME, GRADE_COLUMN, TEXT, key=("Country",))
CHOICE = Column("hold", T.CHOICE, enumeration=HOLD)
FLAG = Column("onetime", T.BOOLEAN)
NAME = Column("country", T.STRING, length=30)
DATAVERSE = dataverse_table("account", CHOICE, FLAG, NAME)


def ends(left: Column, right: Column) -> dict[str, End]:
    return {"finops": End(FINOPS, left), "dataverse": End(DATAVERSE, right)}


@given(st.sampled_from(BLOCKED.members))
def test_every_member_comes_back(member: tuple[str, int]) -> None:
    parsed = parse_value_map(HOLD_MAP, **ends(HOLD_COLUMN, CHOICE))
    there = parsed.converter(backward=False)(member[0])
    assert parsed.converter(backward=True)(there) == member[0]


@given(
    st.dictionaries(
        st.text("abcdefgh", min_size=1, max_size=5), st.text("ijklmnop", min_size=1, max_size=5), min_size=1, max_size=6
    ).filter(lambda pairs: len(set(pairs.values())) == len(pairs))
)
def test_an_invertible_map_of_texts_is_its_own_way_back(pairs: dict[str, str]) -> None:
    parsed = parse_value_map(ValueMap(tuple(pairs.items())), **ends(TEXT, NAME))
    forth, back = parsed.converter(backward=False), parsed.converter(backward=True)
    for left, right in pairs.items():
        assert forth(left.upper()) == right
        assert back(right.upper()) == left
    assert parsed.ambiguous(backward=False) is None and parsed.ambiguous(backward=True) is None


def test_texts_are_turned_into_the_columns_values() -> None:
    parsed = parse_value_map(ValueMap((("no", "False"), ("YES", "True"))), **ends(ONE_TIME, FLAG))
    assert parsed.pairs == (("No", False), ("Yes", True))


def test_a_value_outside_the_map_is_refused_with_what_is_allowed() -> None:
    parsed = parse_value_map(ValueMap(HOLD_MAP.pairs[:2]), **ends(HOLD_COLUMN, CHOICE))
    with pytest.raises(ValueRefused) as refusal:
        parsed.converter(backward=False)("All")
    assert refusal.value.message == "OnHoldStatus 'All' has no counterpart in accounts.hold; allowed are No, Invoice."


def test_a_blank_outside_the_map_becomes_a_blank() -> None:
    parsed = parse_value_map(ValueMap((("gold", "806380001"),)), **ends(GRADE_COLUMN, CHOICE))
    assert parsed.converter(backward=False)("None") is None
    assert parsed.converter(backward=True)(None) == "None"


def test_a_blank_in_the_map_is_translated() -> None:
    parsed = parse_value_map(ValueMap((("", "nowhere"), ("us", "united states"))), **ends(TEXT, NAME))
    assert parsed.converter(backward=False)("") == "nowhere"
    assert parsed.converter(backward=True)("Nowhere") == ""


def test_a_value_on_two_lines_is_found() -> None:
    parsed = parse_value_map(ValueMap((("us", "america"), ("ca", "AMERICA"))), **ends(TEXT, NAME))
    assert parsed.ambiguous(backward=False) is None
    assert parsed.ambiguous(backward=True) == "AMERICA"


@pytest.mark.parametrize(
    ("text", "column", "reason"),
    [
        ("Sometimes", HOLD_COLUMN, "is no member of Customers.OnHoldStatus, which has No, Invoice, All"),
        ("12345678901", TEXT, "is 11 characters long"),
    ],
)
def test_a_text_that_its_column_cannot_hold_is_unfit(text: str, column: Column, reason: str) -> None:
    with pytest.raises(TextUnfit, match=reason):
        parse_text(text, End(FINOPS, column))


def test_a_choice_may_be_given_by_number_or_label() -> None:
    assert parse_text("806380001", End(DATAVERSE, CHOICE)) == 806380001
    assert parse_text("invoice", End(DATAVERSE, CHOICE)) == 806380001
    with pytest.raises(TextUnfit, match="has no counterpart"):
        parse_text("7", End(DATAVERSE, CHOICE))
