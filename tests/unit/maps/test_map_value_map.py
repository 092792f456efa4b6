"""Value maps and constants."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from map_samples import BLOCKED, GRADE, HOLD, HOLD_MAP, NO_YES, dataverse_table, finops_table

from dualwrite.errors import ValueRefused
from dualwrite.maps.conversion import compile_conversion, doubts_of
from dualwrite.maps.end import Converter, End
from dualwrite.maps.transforms import CaseRule, Unmapped, ValueMap
from dualwrite.maps.transforms.constants import parse_text
from dualwrite.maps.transforms.kind import TransformUnfit
from dualwrite.metadata.schema import Column
from dualwrite.metadata.schema import ColumnType as T

HOLD_COLUMN = Column("OnHoldStatus", T.ENUM, enumeration=BLOCKED)
ONE_TIME = Column("IsOneTime", T.ENUM, enumeration=NO_YES)
GRADE_COLUMN = Column("Grade", T.ENUM, enumeration=GRADE)
TEXT = Column("Country", T.STRING, length=10)
SINCE = Column("Since", T.DATE)
FINOPS = finops_table("Customers", HOLD_COLUMN, ONE_TIME, GRADE_COLUMN, TEXT, SINCE, key=("Country",))
CHOICE = Column("hold", T.CHOICE, enumeration=HOLD)
FLAG = Column("onetime", T.BOOLEAN)
NAME = Column("country", T.STRING, length=30)
NUMBER = Column("rank", T.INTEGER)
DATAVERSE = dataverse_table("account", CHOICE, FLAG, NAME, NUMBER)


def forth(value_map: ValueMap, left: Column, right: Column) -> Converter:
    found = compile_conversion(End(FINOPS, left), End(DATAVERSE, right), (value_map,))
    assert found is not None
    return found.convert


def back(value_map: ValueMap, left: Column, right: Column) -> Converter:
    found = compile_conversion(End(DATAVERSE, right), End(FINOPS, left), (value_map,))
    assert found is not None
    return found.convert


def pairs(*texts: tuple[str, str], unmapped: Unmapped = Unmapped.REFUSE, case: CaseRule = CaseRule.IGNORE) -> ValueMap:
    return ValueMap(texts, unmapped, case)


@given(st.sampled_from(BLOCKED.members))
def test_every_member_comes_back(member: tuple[str, int]) -> None:
    there = forth(HOLD_MAP, HOLD_COLUMN, CHOICE)(member[0])
    assert back(HOLD_MAP, HOLD_COLUMN, CHOICE)(there) == member[0]


@given(
    st.dictionaries(
        st.text("abcdefgh", min_size=1, max_size=5), st.text("ijklmnop", min_size=1, max_size=5), min_size=1, max_size=6
    ).filter(lambda pairs: len(set(pairs.values())) == len(pairs))
)
def test_an_invertible_map_of_texts_is_its_own_way_back(found: dict[str, str]) -> None:
    value_map = ValueMap(tuple(found.items()))
    there, here = forth(value_map, TEXT, NAME), back(value_map, TEXT, NAME)
    for left, right in found.items():
        assert there(left.upper()) == right
        assert here(right.upper()) == left


def test_texts_are_turned_into_the_columns_values() -> None:
    value_map = pairs(("no", "False"), ("YES", "True"))
    assert [forth(value_map, ONE_TIME, FLAG)(each) for each in ("No", "Yes")] == [False, True]
    assert [back(value_map, ONE_TIME, FLAG)(each) for each in (False, True)] == ["No", "Yes"]


def test_a_value_outside_the_map_is_refused_with_what_is_allowed() -> None:
    with pytest.raises(ValueRefused) as refusal:
        forth(ValueMap(HOLD_MAP.pairs[:2]), HOLD_COLUMN, CHOICE)("All")
    assert refusal.value.message == "OnHoldStatus 'All' has no counterpart in accounts.hold; allowed are No, Invoice."


def test_a_value_outside_the_map_may_pass_or_become_empty() -> None:
    first = HOLD_MAP.pairs[:1]
    assert forth(pairs(*first, unmapped=Unmapped.PASS), HOLD_COLUMN, CHOICE)("All") == 806380002
    assert forth(pairs(*first, unmapped=Unmapped.EMPTY), HOLD_COLUMN, CHOICE)("All") is None
    assert back(pairs(*first, unmapped=Unmapped.EMPTY), HOLD_COLUMN, CHOICE)(806380002) == "No"
    passing = pairs(("us", "America"), unmapped=Unmapped.PASS)
    assert [forth(passing, TEXT, NAME)(each) for each in ("US", "de", "")] == ["America", "de", None]


def test_nothing_passes_between_types_that_do_not_convert() -> None:
    with pytest.raises(TransformUnfit, match="cannot pass through"):
        forth(pairs(("1/1/2020", "1"), unmapped=Unmapped.PASS), SINCE, NUMBER)


def test_case_counts_where_the_map_says_so() -> None:
    matching = pairs(("us", "America"), ("US", "States"), case=CaseRule.MATCH)
    assert [forth(matching, TEXT, NAME)(each) for each in ("us", "US")] == ["America", "States"]
    with pytest.raises(ValueRefused):
        forth(matching, TEXT, NAME)("Us")
    with pytest.raises(TransformUnfit, match="'us' stands in pairs with 'America' and 'States'"):
        forth(pairs(*matching.pairs), TEXT, NAME)


def test_a_blank_outside_the_map_becomes_a_blank() -> None:
    value_map = pairs(("gold", "806380001"))
    assert forth(value_map, GRADE_COLUMN, CHOICE)("None") is None
    assert back(value_map, GRADE_COLUMN, CHOICE)(None) == "None"


def test_a_blank_in_the_map_is_translated() -> None:
    value_map = pairs(("", "nowhere"), ("us", "united states"))
    assert [forth(value_map, TEXT, NAME)(each) for each in ("", " ", None)] == ["nowhere"] * 3
    assert back(value_map, TEXT, NAME)("Nowhere") == ""


@pytest.mark.parametrize("blank", ["", " ", "   "])
def test_a_blank_shares_its_counterpart_and_the_other_value_wins_on_the_way_back(blank: str) -> None:
    for value_map in (pairs((blank, "English"), ("en-us", "English")), pairs(("en-us", "English"), (blank, "English"))):
        assert [forth(value_map, TEXT, NAME)(each) for each in ("", " ")] == ["English"] * 2
        assert back(value_map, TEXT, NAME)("English") == "en-us"


def test_a_value_in_two_pairs_is_unfit_on_the_side_that_is_read() -> None:
    joined = pairs(("us", "america"), ("ca", "AMERICA"))
    assert forth(joined, TEXT, NAME)("ca") == "AMERICA"
    with pytest.raises(TransformUnfit, match="the Dataverse value 'america' stands in pairs with 'us' and 'ca'"):
        back(joined, TEXT, NAME)


def test_a_pair_that_stands_twice_is_no_clash() -> None:
    assert forth(pairs(("us", "A"), ("US", "A")), TEXT, NAME)("us") == "A"


def test_members_without_a_pair_are_doubtful_where_they_are_refused() -> None:
    source, target = End(FINOPS, HOLD_COLUMN), End(DATAVERSE, CHOICE)

    def doubts(value_map: ValueMap) -> tuple[str, ...]:
        conversion = compile_conversion(source, target, (value_map,))
        assert conversion is not None
        return doubts_of(conversion)

    first = HOLD_MAP.pairs[:1]
    assert doubts(pairs(*first)) == (
        "the finance and operations values Invoice, All are in no pair and will be refused",
    )
    assert doubts(pairs(*first, unmapped=Unmapped.PASS)) == ()
    assert doubts(pairs(*first, unmapped=Unmapped.EMPTY)) == ()


@pytest.mark.parametrize(
    ("text", "column", "reason"),
    [
        ("Sometimes", HOLD_COLUMN, "is no member of Customers.OnHoldStatus, which has No, Invoice, All"),
        ("12345678901", TEXT, "is 11 characters long"),
    ],
)
def test_a_text_that_its_column_cannot_hold_is_unfit(text: str, column: Column, reason: str) -> None:
    with pytest.raises(TransformUnfit, match=reason):
        parse_text(text, End(FINOPS, column))


def test_a_choice_may_be_given_by_number_or_label() -> None:
    assert parse_text("806380001", End(DATAVERSE, CHOICE)) == 806380001
    assert parse_text("invoice", End(DATAVERSE, CHOICE)) == 806380001
    with pytest.raises(TransformUnfit, match="has no counterpart"):
        parse_text("7", End(DATAVERSE, CHOICE))


def test_a_date_may_be_given_in_both_notations() -> None:
    assert parse_text("1/31/2024", End(FINOPS, SINCE)) == parse_text("2024-01-31", End(FINOPS, SINCE))


def test_a_map_of_empty_values_only_lets_the_others_pass() -> None:
    replaced = Column("replaced", T.DATE)
    assert forth(pairs(("1/1/1900", "")), SINCE, replaced)(date(1900, 1, 1)) is None
    assert forth(pairs(("1/1/1900", "")), SINCE, replaced)(date(2020, 5, 1)) == date(2020, 5, 1)
    assert back(pairs(("1/1/1900", "")), SINCE, replaced)(None) == date(1900, 1, 1)
    with pytest.raises(ValueRefused):
        forth(pairs(("no", "0")), ONE_TIME, NUMBER)("Yes")
