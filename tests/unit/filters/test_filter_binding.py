"""What a filter means once the columns of a table are known."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from filter_tables import ACCOUNTS, CUSTOMERS, DATAVERSE, FINOPS

from dualwrite.errors import FilterRefused
from dualwrite.filters import bind as binding
from dualwrite.filters.bind import bind
from dualwrite.filters.columns import columns_of
from dualwrite.filters.odata import parse_odata
from dualwrite.filters.range_expression import parse_range
from dualwrite.filters.tree import And, ColumnPath, Compare, Comparison, Expression, Not, OneOf, Or, TextMatch, TextTest
from dualwrite.metadata.values import Value

GUID = UUID("3f2504e0-4f89-11d3-9a0c-0305e82c3301")


def on_accounts(text: str) -> Expression:
    tree = parse_odata(text)
    assert tree is not None
    bound = bind(tree, table=ACCOUNTS, schema=DATAVERSE)
    assert bind(bound, table=ACCOUNTS, schema=DATAVERSE) == bound
    return bound


def on_customers(text: str) -> Expression:
    tree = parse_odata(text)
    assert tree is not None
    bound = bind(tree, table=CUSTOMERS, schema=FINOPS)
    assert bind(bound, table=CUSTOMERS, schema=FINOPS) == bound
    return bound


def value_of(expression: Expression) -> object:
    assert isinstance(expression, Compare)
    return expression.right


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("PARTYTYPE eq 'organization'", "Organization"),
        ("partytype eq Microsoft.Dynamics.DataEntities.DirPartyType'Person'", "Person"),
        ("PartyType eq 2", "Organization"),
        ("PartyType eq '2'", "Organization"),
        ("PartyType eq null", "None"),
        ("OnHold eq true", "Yes"),
        ("Name eq null", ""),
        ("Name eq 3f2504e0-4f89-11d3-9a0c-0305e82c3301", str(GUID)),
        ("CreditLimit gt 10", Decimal(10)),
        ("CreditLimit eq null", Decimal(0)),
        ("Priority eq 1.0", 1),
        ("Priority gt 1.5", Decimal("1.5")),
        ("BirthDate eq null", date(1900, 1, 1)),
        ("BirthDate eq 1985-05-05T12:00:00Z", date(1985, 5, 5)),
        ("BirthDate eq '1985-05-05'", date(1985, 5, 5)),
        ("ChangedAt eq null", datetime(1900, 1, 1, tzinfo=UTC)),
        ("ChangedAt ge 2024-01-01", datetime(2024, 1, 1, tzinfo=UTC)),
        ("ChangedAt ge '2024-01-01T10:00:00'", datetime(2024, 1, 1, 10, tzinfo=UTC)),
        ("PartyGuid eq null", UUID(int=0)),
    ],
)
def test_values_as_finance_and_operations_keeps_them(text: str, value: Value) -> None:
    bound = value_of(on_customers(text))
    assert bound == value
    assert type(bound) is type(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("customertypecode eq 3", 3),
        ("customertypecode eq '3'", 3),
        ("customertypecode eq 'customer'", 3),
        ("customertypecode eq 192350000", 192350000),
        ("customertypecode eq null", None),
        ("msdyn_sellable eq 1", True),
        ("msdyn_sellable eq 'No'", False),
        ("name eq ''", None),
        ("name gt ''", ""),
        ("description ne null", None),
        ("accountid eq '{3F2504E0-4f89-11d3-9a0c-0305e82c3301}'", GUID),
        ("creditlimit eq 5", Decimal(5)),
        ("numberofemployees eq null", None),
    ],
)
def test_values_as_dataverse_keeps_them(text: str, value: Value) -> None:
    bound = value_of(on_accounts(text))
    assert bound == value
    assert type(bound) is type(value)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("NAME eq 'x'", ("name",)),
        ("_primarycontactid_value eq null", ("primarycontactid",)),
        ("PrimaryContactId/FullName eq 'x'", ("primarycontactid", "fullname")),
        ("primarycontactid/_parentaccountid_value eq null", ("primarycontactid", "parentaccountid")),
        ("primarycontactid/parentaccountid/name eq 'x'", ("primarycontactid", "parentaccountid", "name")),
        ("customerid/fullname eq 'x'", ("customerid", "fullname")),
    ],
)
def test_columns_in_their_own_spelling(text: str, parts: tuple[str, ...]) -> None:
    assert columns_of(on_accounts(text)) == {ColumnPath(parts)}


def test_stars_are_wildcards_in_finance_and_operations_only() -> None:
    name = ColumnPath(("Name",))
    assert on_customers("Name eq '*abc*'") == TextMatch(TextTest.CONTAINS, name, "abc")
    assert on_customers("Name ne 'abc*'") == Not(TextMatch(TextTest.STARTS_WITH, name, "abc"))
    assert on_customers("Name eq 'ab*ba'") == And(
        (
            TextMatch(TextTest.STARTS_WITH, name, "ab"),
            TextMatch(TextTest.ENDS_WITH, name, "ba"),
            Compare(Comparison.NE, name, "aba"),
        )
    )
    assert on_customers("Name in ('a*','b')") == Or(
        (TextMatch(TextTest.STARTS_WITH, name, "a"), Compare(Comparison.EQ, name, "b"))
    )
    assert on_customers("contains(Name,'*')") == TextMatch(TextTest.CONTAINS, name, "*")
    assert on_accounts("name eq '*abc*'") == Compare(Comparison.EQ, ColumnPath(("name",)), "*abc*")


def test_lists_and_pairs_of_columns() -> None:
    assert on_accounts("customertypecode in ('1','Customer',null)") == OneOf(
        ColumnPath(("customertypecode",)), (1, 3, None)
    )
    assert on_accounts("name in ('','x')") == OneOf(ColumnPath(("name",)), (None, "x"))
    assert on_accounts("Name eq PrimaryContactId/FullName") == Compare(
        Comparison.EQ, ColumnPath(("name",)), ColumnPath(("primarycontactid", "fullname"))
    )
    assert columns_of(on_accounts("name eq description or not (creditlimit gt 1)")) == {
        ColumnPath(("name",)),
        ColumnPath(("description",)),
        ColumnPath(("creditlimit",)),
    }


def test_a_range_expression_binds_alike() -> None:
    tree = parse_range("(CustTable.PARTYTYPE == DirPartyType::organization) && (ONHOLD = 1)")
    assert tree is not None
    assert bind(tree, table=CUSTOMERS, schema=FINOPS) == And(
        (
            Compare(Comparison.EQ, ColumnPath(("PartyType",)), "Organization"),
            Compare(Comparison.EQ, ColumnPath(("OnHold",)), "Yes"),
        )
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Nope eq 1", "CustCustomerV3Entity has no column 'Nope'"),
        ("Name/First eq 'x'", "Name is not a lookup"),
        ("Name eq 1", "column Name (string): 1 is not a text"),
        ("Name eq 'a\x00'", "cannot be stored"),
        ("Name eq '\ud800'", "cannot be stored"),
        ("contains(Name,'\x00')", "cannot be stored"),
        ("Name eq '*\x00'", "cannot be stored"),
        ("Name eq 'a*b*c'", "too many wildcards"),
        ("PartyType gt 'Person'", "only be compared by eq and ne"),
        ("PartyType eq 'Robot'", "'Robot' is not a member of DirPartyType (None, Person, Organization)"),
        ("PartyType eq 9", "9 is not a member"),
        ("contains(PartyType,'P')", "is not text"),
        ("CreditLimit eq 'much'", "'much' is not a number"),
        ("CreditLimit eq true", "True is not a number"),
        ("BirthDate eq 'today'", "is not a date"),
        ("BirthDate eq 5", "is not a date"),
        ("PartyGuid eq 'x'", "is not a GUID"),
        ("Name eq Priority", "cannot be compared with column Priority (int)"),
        ("BirthDate gt ChangedAt", "cannot be compared"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(text: str, says: str) -> None:
    with pytest.raises(FilterRefused) as refusal:
        on_customers(text)
    assert says in refusal.value.message
    assert "CustCustomerV3Entity" in refusal.value.message or "Name" in refusal.value.message


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("primarycontactid/nope eq 1", "contact, which primarycontactid/nope leads to, has no column 'nope'"),
        ("customerid/nope eq 1", "account or contact, which customerid/nope leads to, has no column 'nope'"),
        ("_name_value eq 'x'", "account has no column '_name_value'"),
        ("primarycontactid eq 'Contoso'", "column primarycontactid (lookup): 'Contoso' is not a GUID"),
        ("customertypecode eq 'Friend'", "'Friend' is not one of its choices (Competitor, Customer)"),
        ("customertypecode eq 1.5", "1.5 is not a whole number"),
        ("msdyn_sellable eq 2", "2 is neither true nor false"),
        ("_primarycontactid_value gt 3f2504e0-4f89-11d3-9a0c-0305e82c3301", "only be compared by eq and ne"),
    ],
)
def test_what_does_not_fit_dataverse_is_refused_by_name(text: str, says: str) -> None:
    with pytest.raises(FilterRefused) as refusal:
        on_accounts(text)
    assert says in refusal.value.message


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("Name eq 'x' and Nope eq 1", 16),
        ("Name eq 'x' or contains(PartyType,'P')", 24),
        ("CreditLimit gt 1 and not (CreditLimit eq 'much')", 26),
        ("'x' lt Name and 9 eq PartyType", 21),
        ("Name eq 'x' and Name eq 'a*b*c'", 16),
        ("Microsoft.Dynamics.CRM.In(PropertyName='Nope',PropertyValues=['1'])", 39),
    ],
)
def test_a_refusal_points_at_the_column_in_the_text(text: str, position: int) -> None:
    with pytest.raises(FilterRefused) as refusal:
        on_customers(text)
    assert refusal.value.position == position


def test_a_refused_range_expression_points_at_the_column_too() -> None:
    tree = parse_range('(Name == "x") || ([CustTable].[Nope] == 2)')
    assert tree is not None
    with pytest.raises(FilterRefused) as refusal:
        bind(tree, table=CUSTOMERS, schema=FINOPS)
    assert refusal.value.position == 18


def test_a_column_is_told_where_the_text_names_it_first() -> None:
    (column,) = columns_of(on_customers("(Name eq 'x' or Name eq 'y') and contains(NAME,'z')"))
    assert column.position == 1


@pytest.mark.parametrize("text", ["BirthDate eq '12/31/1985'", "BirthDate eq '1985-12-31'"])
def test_dates_in_quotes_are_read_in_both_notations(text: str) -> None:
    assert value_of(on_customers(text)) == date(1985, 12, 31)


def test_a_filter_may_not_have_more_values_than_a_statement_has_room_for() -> None:
    values = tuple(range(binding.MAX_LITERALS + 1))
    with pytest.raises(FilterRefused, match="more than 20000 values"):
        bind(OneOf(ColumnPath(("numberofemployees",)), values), table=ACCOUNTS, schema=DATAVERSE)
