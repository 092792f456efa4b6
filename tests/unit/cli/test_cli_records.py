"""Keys and values as they are typed on the command line."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualwrite.catalog import load_schema
from dualwrite.cli.output import to_json
from dualwrite.cli.record_keys import finops_value, json_value, parse_assignment, parse_key
from dualwrite.errors import RecordRefused
from dualwrite.metadata.schema import Side


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("usmf,US-001", ((None, "usmf"), (None, "US-001"))),
        ("accountnumber=US-001", (("accountnumber", "US-001"),)),
        (
            "msdyn_company.cdm_companycode=usmf, accountnumber=A",
            (("msdyn_company.cdm_companycode", "usmf"), ("accountnumber", "A")),
        ),
        ("usmf,'a,b''c'", ((None, "usmf"), (None, "a,b'c"))),
        ("usmf,", ((None, "usmf"), (None, ""))),
        ("usmf,ünï 😀", ((None, "usmf"), (None, "ünï 😀"))),
    ],
)
def test_a_key_is_read_part_by_part(text: str, parts: tuple[tuple[str | None, str], ...]) -> None:
    assert parse_key(text).parts == parts


def test_a_guid_is_a_key_of_its_own() -> None:
    assert str(parse_key("15e14c45-04dd-4f94-b797-fe371f87f23a").guid) == "15e14c45-04dd-4f94-b797-fe371f87f23a"
    assert parse_key("usmf,US-001").guid is None


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_a_quoted_value_may_be_anything(value: str) -> None:
    quoted = value.replace("'", "''")
    assert parse_key(f"usmf,'{quoted}'").parts == ((None, "usmf"), (None, value))


def test_assignments_are_split_at_the_first_sign() -> None:
    assert parse_assignment("Name=a=b:=c") == ("Name", "a=b:=c", False)
    assert parse_assignment('Name:={"a": 1}') == ("Name", '{"a": 1}', True)
    assert parse_assignment("primarycontactid@odata.bind=/contacts(1)") == (
        "primarycontactid@odata.bind",
        "/contacts(1)",
        False,
    )
    with pytest.raises(RecordRefused, match="column=value"):
        parse_assignment("Name")


def test_values_take_the_type_of_their_column() -> None:
    customers, accounts = load_schema(Side.FINOPS).table("CustomersV3"), load_schema(Side.DATAVERSE).table("account")
    assert json_value(accounts.column("creditlimit"), "1234567.8901") == "1234567.8901"
    assert json_value(accounts.column("creditlimit"), "") == "null"
    assert json_value(accounts.column("donotphone"), "yes") == "true"
    assert json_value(accounts.column("accountnumber"), "007") == '"007"'
    assert finops_value(customers.column("CustomerGroupId"), "10") == '"10"'
    assert json_value(None, "5") == '"5"'
    with pytest.raises(RecordRefused, match="not a number"):
        json_value(accounts.column("creditlimit"), "much")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda each: st.lists(each) | st.dictionaries(st.text(), each),
    )
)
def test_documents_are_printed_as_json(document: object) -> None:
    assert json.loads(to_json(document)) == document


def test_decimals_are_printed_with_every_digit() -> None:
    text = to_json({"rate": Decimal("0.1234567890"), "large": Decimal("1E+3")})
    assert json.loads(text, parse_float=str) == {"rate": "0.1234567890", "large": 1000}
