"""Tables are found by any of their names, columns in any spelling, and a table that contradicts itself is refused."""

from __future__ import annotations

import pytest

from dualwrite.catalog import load_schema
from dualwrite.errors import CatalogRefused
from dualwrite.metadata.empty import empty_member, empty_value
from dualwrite.metadata.schema import Column, ColumnType, Enumeration, Side, Table


@pytest.mark.parametrize("name", ["CustCustomerV3Entity", "customersv3", "Customers V3", "CUSTOMERS V3"])
def test_a_table_goes_by_name_entity_set_and_label(name: str) -> None:
    assert load_schema(Side.FINOPS).table(name).name == "CustCustomerV3Entity"


def test_maps_write_columns_in_capitals() -> None:
    customers = load_schema(Side.FINOPS).table("CustomersV3")
    assert customers.column("CUSTOMERACCOUNT").name == "CustomerAccount"
    with pytest.raises(CatalogRefused, match="no column 'NOBODY'"):
        customers.column("NOBODY")


def test_everything_that_may_point_to_a_table_is_known() -> None:
    schema = load_schema(Side.DATAVERSE)
    pointing = {(other.name, column.name) for other, column in schema.referencing(schema.table("account"))}
    assert {("account", "msdyn_billingaccount"), ("contact", "parentcustomerid")} <= pointing


def test_a_key_is_made_of_columns() -> None:
    with pytest.raises(CatalogRefused, match="key column 'missing'"):
        Table(Side.FINOPS, "T", "Ts", "T", ("missing",), (Column("here", ColumnType.STRING),))


def test_every_column_of_finance_and_operations_has_an_empty_value() -> None:
    for table in load_schema(Side.FINOPS):
        for column in table.columns:
            assert empty_value(column) is not None


def test_the_empty_member_is_number_zero_or_else_the_first() -> None:
    assert empty_member(Enumeration("E", (("One", 1), ("Zero", 0)))) == "Zero"
    assert empty_member(Enumeration("E", (("One", 1), ("Two", 2)))) == "One"
