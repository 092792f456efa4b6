"""Which rows get which company: every row without one is given one or left with a reason."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from dualwrite.environments.bulk import COMPANY as ROW_COMPANY
from dualwrite.environments.bulk import ID
from dualwrite.linking.company_assignment import REASON, RECORD, TEAM, Assignment, Key, assign
from dualwrite.linking.company_rules import COMPANY, LINE, ByValue, CompanyRule, OneCompany, parse_by_keys

COMPANIES = {"usmf": "usmf", "demf": "DEMF"}
KEYS = (Key(("number",)),)


def rows(*lines: tuple[str | None, str | None, str | None]) -> pl.DataFrame:
    """Rows of (number, country, company), in the form of a read table."""
    numbers, countries, companies = zip(*lines, strict=True) if lines else ((), (), ())
    ids = [f"id-{n}" for n in range(len(lines))]
    columns = {ID: ids, ROW_COMPANY: companies, "number": numbers, "country": countries}
    return pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String)).with_columns(pl.lit(False).alias(TEAM))


def ruled(rule: CompanyRule, *lines: tuple[str | None, str | None, str | None]) -> Assignment:
    return assign("account", rows(*lines), rule, keys=KEYS, companies=COMPANIES)


def companies(found: Assignment) -> dict[str, str]:
    return dict(found.given.select(ID, COMPANY).iter_rows())


def reasons(found: Assignment) -> dict[str, str]:
    return dict(found.left.select(ID, REASON).iter_rows())


def test_one_company_for_all_that_have_none() -> None:
    found = ruled(OneCompany("Demf"), ("1", None, None), ("2", None, "usmf"), ("3", None, None))
    assert companies(found) == {"id-0": "DEMF", "id-2": "DEMF"}
    assert (found.rows, found.had_company, found.by_company) == (3, 1, {"DEMF": 2})
    assert found.given[RECORD].to_list() == ["1", "3"]


def test_a_value_tells_the_company() -> None:
    rule = ByValue("country", {"us": "usmf", "de": "demf", "fr": "frsi"})
    found = ruled(rule, ("1", "us", None), ("2", "de", None), ("3", "fr", None), ("4", "it", None), ("5", None, None))
    assert companies(found) == {"id-0": "usmf", "id-1": "DEMF"}
    assert reasons(found) == {
        "id-2": "company frsi was not found in cdm_companies",
        "id-3": "the rule names no company for country = it",
        "id-4": "country is empty, and the rule names no company for that",
    }


def test_empty_and_any_other_value_can_be_named() -> None:
    found = ruled(ByValue("country", {"": "usmf", "*": "demf"}), ("1", None, None), ("2", "it", None), ("3", "", None))
    assert companies(found) == {"id-0": "usmf", "id-1": "DEMF", "id-2": "usmf"}


def test_a_file_of_keys_tells_the_company() -> None:
    rule = parse_by_keys("number,company\nA1,usmf\nA2,demf\nA9,usmf\nA3,demf\nA4,usmf\nA4,demf\nA5,usmf\nA5,USMF\n")
    lines = [("a1", None), ("a2", "usmf"), ("a3", "demf"), ("a4", None), ("a5", None), ("a6", None)]
    found = ruled(rule, *((number, None, company) for number, company in lines))
    assert companies(found) == {"id-0": "usmf", "id-4": "usmf"}
    assert reasons(found) == {
        "id-3": "the file names several companies for the key",
        "id-5": "the file does not name the row",
    }
    assert found.lines.select(LINE, RECORD, REASON).rows() == [
        (3, "a2", "the row has the company usmf already"),
        (4, "a9", "no row has this key"),
    ]


def test_a_key_of_a_file_that_finds_several_rows_is_none() -> None:
    rule = parse_by_keys("country,company\nUS,usmf\n")
    found = ruled(rule, ("1", "us", None), ("2", "us", None))
    assert set(reasons(found).values()) == {"several rows without a company have this country"}


def test_rows_that_would_be_second_under_their_key_are_left() -> None:
    lines = [("1", None, "usmf"), ("1", None, None), ("2", None, None), ("2", None, None), ("3", None, "demf")]
    found = ruled(OneCompany("usmf"), *lines, ("3", None, None), (None, None, None), (None, None, None))
    assert companies(found) == {"id-5": "usmf", "id-6": "usmf", "id-7": "usmf"}
    assert reasons(found) == {
        "id-1": "company usmf has another row with this number",
        "id-2": "several rows with this number would get the company usmf",
        "id-3": "several rows with this number would get the company usmf",
    }


def test_an_empty_table_has_nothing_to_assign() -> None:
    found = ruled(ByValue("country", {"us": "usmf"}))
    assert (found.rows, found.had_company, found.given.height, found.left.height) == (0, 0, 0, 0)


TEXTS = st.sampled_from([None, "", "1", "2", "3"])
LINES = st.lists(st.tuples(TEXTS, TEXTS, st.sampled_from([None, "usmf", "demf"])), max_size=12)
RULES = st.one_of(
    st.sampled_from([OneCompany("usmf"), OneCompany("demf")]),
    st.dictionaries(st.sampled_from(["", "1", "2", "*"]), st.sampled_from(["usmf", "demf", "frsi"]), min_size=1).map(
        lambda companies: ByValue("country", companies)
    ),
)


@given(LINES, RULES)
def test_every_row_without_a_company_is_accounted_for_once(
    lines: list[tuple[str | None, str | None, str | None]], rule: CompanyRule
) -> None:
    found = ruled(rule, *lines)
    free = {f"id-{n}" for n, line in enumerate(lines) if line[2] is None}
    assert sorted([*found.given[ID], *found.left[ID]]) == sorted(free)


@given(LINES, RULES)
def test_afterwards_no_two_rows_of_a_company_have_one_key(
    lines: list[tuple[str | None, str | None, str | None]], rule: CompanyRule
) -> None:
    found = companies(ruled(rule, *lines))
    after = [(number, (found.get(f"id-{n}") or company or "").lower()) for n, (number, _, company) in enumerate(lines)]
    new = [key for n, key in enumerate(after) if f"id-{n}" in found and key[0] is not None]
    assert all(after.count(key) == 1 for key in new)
