"""Rules that tell a row's company, as people write them."""

from __future__ import annotations

import pytest

from dualwrite.errors import SettingsRefused
from dualwrite.linking.company_rules import COMPANY, LINE, parse_by_keys, parse_by_value


def test_values_and_companies_stand_on_one_line() -> None:
    rule = parse_by_value("address1_country=US:usmf,DE:demf,:usmf,*:usrt")
    assert rule.path == "address1_country"
    assert rule.companies == {"us": "usmf", "de": "demf", "": "usmf", "*": "usrt"}


def test_a_value_may_hold_colons_and_in_quotation_marks_commas() -> None:
    rule = parse_by_value('name=a:b:usmf,"Contoso, Ltd.:demf"')
    assert rule.companies == {"a:b": "usmf", "contoso, ltd.": "demf"}


def test_values_come_from_a_file() -> None:
    rule = parse_by_value("address1_country", file="value,company\nUS,usmf\nDE,demf\n")
    assert rule.companies == {"us": "usmf", "de": "demf"}


@pytest.mark.parametrize(
    ("text", "file", "reason"),
    [
        ("address1_country", None, "write COLUMN=VALUE:COMPANY"),
        ("address1_country=US:usmf", "value,company\n", "write COLUMN=VALUE:COMPANY"),
        ("country=US", None, "'US' names no company"),
        ("country=US:", None, "'US:' names no company"),
        ("country=US:usmf,us:demf", None, "the value 'us' stands for usmf and for demf"),
        ("country=", None, "there is no value with its company"),
        ("country", "", "the file is empty"),
        ("country", "country,company\nUS,usmf\n", "begins with the line value,company"),
        ("country", "value,company\nUS\n", "line 2 of the values"),
    ],
)
def test_what_is_no_rule_by_value_is_refused(text: str, file: str | None, reason: str) -> None:
    with pytest.raises(SettingsRefused, match=reason):
        parse_by_value(text, file=file)


def test_a_file_of_keys_names_its_columns() -> None:
    rule = parse_by_keys("\ufeffaccountnumber;Company\nUS-001;usmf\n\nUS-002; demf\n")
    assert rule.paths == ("accountnumber",)
    assert rule.lines.to_dict(as_series=False) == {
        LINE: [2, 4],
        COMPANY: ["usmf", "demf"],
        "accountnumber": ["US-001", "US-002"],
    }


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "the file is empty"),
        ("accountnumber\nUS-001\n", "begins with a line of column names"),
        ("company\nusmf\n", "begins with a line of column names"),
        ("a,A,company\n1,2,usmf\n", "begins with a line of column names"),
        ("a,company\n1\n", "line 2 of the keys: it needs 2 values"),
        ("a,company\n1,\n", "line 2 of the keys"),
        ('a,company\n"1,usmf\n', "cannot be read near line"),
    ],
)
def test_what_is_no_file_of_keys_is_refused(content: str, reason: str) -> None:
    with pytest.raises(SettingsRefused, match=reason):
        parse_by_keys(content)
