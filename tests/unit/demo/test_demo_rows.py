"""Demonstration rows fit their tables, name only what is there, and are the same every time."""

from collections import Counter, defaultdict
from datetime import date, datetime
from decimal import Decimal

import pytest

from dualwrite.catalog import load_schema
from dualwrite.demo.finops import CONTACTS, CUSTOMERS, VENDORS, finops_rows
from dualwrite.demo.setup import DemoRow
from dualwrite.metadata.schema import Column, ColumnType, Side
from dualwrite.metadata.values import Value

SCHEMA = load_schema(Side.FINOPS)
ROWS: dict[str, list[DemoRow]] = defaultdict(list)
for _entity, _rows in finops_rows():
    ROWS[_entity] += _rows

PYTHON_TYPES: dict[ColumnType, type] = {
    ColumnType.STRING: str,
    ColumnType.ENUM: str,
    ColumnType.INTEGER: int,
    ColumnType.DECIMAL: Decimal,
    ColumnType.DATE: date,
    ColumnType.DATETIME: datetime,
}
# Lengths of the Dataverse columns that are shorter than their finance and operations counterparts.
DATAVERSE_LENGTHS = {
    "PrimaryContactEmail": 100,
    "PrimaryContactPhone": 50,
    "PrimaryContactFax": 50,
    "PrimaryContactURL": 200,
    "PrimaryEmailAddress": 100,
    "PrimaryPhoneNumber": 50,
    "PrimaryFaxNumber": 50,
    "PrimaryURL": 200,
    "SalesMemo": 2000,
}


def problem(column: Column, value: Value) -> str | None:
    if type(value) is not PYTHON_TYPES[column.type]:
        return f"{type(value).__name__} is not {column.type.value}"
    if isinstance(value, str):
        if column.enumeration is not None:
            return None if value in dict(column.enumeration.members) else f"{value!r} is no member"
        longest = min(column.length or 0, DATAVERSE_LENGTHS.get(column.name, 2000))
        if len(value) > longest:
            return f"{value!r} is longer than {longest}"
        if column.required and not value:
            return "is empty"
    return None


def codes(entity: str, column: str) -> set[tuple[Value, Value]]:
    return {(row["dataAreaId"], row[column]) for row in ROWS[entity]}


@pytest.mark.parametrize("entity", sorted(ROWS))
def test_rows_satisfy_their_table(entity: str) -> None:
    table = SCHEMA.table(entity)
    for row in ROWS[entity]:
        for name, value in row.items():
            assert (found := problem(table.by_name[name], value)) is None, f"{entity}.{name}: {found}"
        missing = [c.name for c in table.columns if c.required and c.name not in row]
        assert missing == [], entity


@pytest.mark.parametrize("entity", sorted(ROWS))
def test_no_key_is_used_twice(entity: str) -> None:
    key = SCHEMA.table(entity).key
    assert max(Counter(tuple(row[name] for name in key) for row in ROWS[entity]).values()) == 1


@pytest.mark.parametrize(
    ("entity", "column", "target", "key"),
    [
        (CUSTOMERS, "CustomerGroupId", "CustCustomerGroupEntity", "CustomerGroupId"),
        (CUSTOMERS, "PaymentTerms", "PaymentTermEntity", "Name"),
        (CUSTOMERS, "PaymentMethod", "CustomerPaymentMethodEntity", "Name"),
        (CUSTOMERS, "PaymentSchedule", "PaymentScheduleEntity", "Name"),
        (CUSTOMERS, "PaymentDay", "PaymentDayCdsEntity", "Name"),
        (CUSTOMERS, "SalesTaxGroup", "TaxGroupEntity", "TaxGroupCode"),
        (CUSTOMERS, "InvoiceAccount", CUSTOMERS, "CustomerAccount"),
        (CUSTOMERS, "VendorAccount", VENDORS, "VendorAccountNumber"),
        (CUSTOMERS, "ContactPersonId", CONTACTS, "ContactPersonId"),
        (VENDORS, "VendorGroupId", "VendVendorGroupEntity", "VendorGroupId"),
        (VENDORS, "DefaultPaymentTermsName", "PaymentTermEntity", "Name"),
        (VENDORS, "DefaultVendorPaymentMethodName", "VendorPaymentMethodEntity", "Name"),
        (VENDORS, "DefaultPaymentScheduleName", "PaymentScheduleEntity", "Name"),
        (VENDORS, "DefaultPaymentDayName", "PaymentDayCdsEntity", "Name"),
        (VENDORS, "SalesTaxGroupCode", "TaxGroupEntity", "TaxGroupCode"),
        (VENDORS, "InvoiceVendorAccountNumber", VENDORS, "VendorAccountNumber"),
        (VENDORS, "PrimaryContactPersonId", CONTACTS, "ContactPersonId"),
        ("CustCustomerGroupEntity", "PaymentTermId", "PaymentTermEntity", "Name"),
        ("CustCustomerGroupEntity", "ClearingPeriodPaymentTermName", "PaymentTermEntity", "Name"),
        ("VendVendorGroupEntity", "DefaultPaymentTermName", "PaymentTermEntity", "Name"),
        ("PaymentTermEntity", "PaymentDayName", "PaymentDayCdsEntity", "Name"),
        ("PaymentTermEntity", "PaymentScheduleName", "PaymentScheduleEntity", "Name"),
        ("PaymentScheduleLineEntity", "PaymentScheduleName", "PaymentScheduleEntity", "Name"),
        ("PaymentDayLineCdsV2Entity", "Name", "PaymentDayCdsEntity", "Name"),
    ],
)
def test_references_stay_in_their_company_and_are_there(entity: str, column: str, target: str, key: str) -> None:
    named = {(row["dataAreaId"], row[column]) for row in ROWS[entity] if row.get(column)}
    assert named, "nothing refers to anything"
    assert named - codes(target, key) == set()


def test_currencies_are_there() -> None:
    currencies = {row["CurrencyCode"] for row in ROWS["CurrencyEntity"]}
    assert {row["SalesCurrencyCode"] for row in ROWS[CUSTOMERS]} <= currencies
    assert {row["CurrencyCode"] for row in ROWS[VENDORS]} <= currencies


def test_there_is_enough_of_everything() -> None:
    customers = ROWS[CUSTOMERS]
    assert {row["LegalEntityId"] for row in ROWS["OMLegalEntity"]} == {"usmf", "usrt", "demf"}
    assert len(customers) >= 600
    assert len(ROWS[VENDORS]) >= 150
    for company in ("usmf", "usrt", "demf"):
        kinds = Counter(row["PartyType"] for row in customers if row["dataAreaId"] == company)
        assert min(kinds["Person"], kinds["Organization"]) > 30, company


def test_only_organisations_are_billed_for_others() -> None:
    kinds = {(row["dataAreaId"], row["CustomerAccount"]): row["PartyType"] for row in ROWS[CUSTOMERS]}
    billed = [row for row in ROWS[CUSTOMERS] if row.get("InvoiceAccount")]
    assert {row["PartyType"] for row in billed} == {"Organization"}
    assert {kinds[row["dataAreaId"], row["InvoiceAccount"]] for row in billed} == {"Organization"}
    assert all(row["InvoiceAccount"] != row["CustomerAccount"] for row in billed)


def test_contact_persons_belong_to_whom_they_are_the_primary_contact_of() -> None:
    contacts = {(row["dataAreaId"], row["ContactPersonId"]): row for row in ROWS[CONTACTS]}
    for entity, kind, column, account in (
        (CUSTOMERS, "Customer", "ContactPersonId", "CustomerAccount"),
        (VENDORS, "Vendor", "PrimaryContactPersonId", "VendorAccountNumber"),
    ):
        for row in ROWS[entity]:
            if row.get(column):
                contact = contacts[row["dataAreaId"], row[column]]
                assert (contact["AssociatedContactType"], contact["AssociatedContactNumber"]) == (kind, row[account])


def test_contact_ids_never_collide_with_customer_accounts() -> None:
    accounts = codes(CUSTOMERS, "CustomerAccount") | codes(VENDORS, "VendorAccountNumber")
    assert codes(CONTACTS, "ContactPersonId") & accounts == set()


def test_party_numbers_are_unique_over_all_companies() -> None:
    numbers = [row["PartyNumber"] for row in ROWS[CUSTOMERS]] + [row["VendorPartyNumber"] for row in ROWS[VENDORS]]
    numbers += [row["ContactPersonPartyNumber"] for row in ROWS[CONTACTS]]
    assert len(set(numbers)) == len(numbers)


def test_the_same_seed_gives_the_same_rows_and_another_gives_others() -> None:
    def customers(seed: int) -> list[DemoRow]:
        return [row for entity, rows in finops_rows(seed=seed) if entity == CUSTOMERS for row in rows]

    assert customers(7) == customers(7)
    assert customers(7) != customers(8)


def test_german_names_keep_their_umlauts_and_addresses_lose_them() -> None:
    german = [row for row in ROWS[CUSTOMERS] if row["dataAreaId"] == "demf"]
    assert any("ü" in str(row.get("OrganizationName")) for row in german)
    assert all(str(row["PrimaryContactEmail"]).isascii() for row in german)
    assert all(str(row["PrimaryContactEmail"]).endswith(".example") for row in ROWS[CUSTOMERS])


def test_the_exported_sample_finds_its_reference_rows() -> None:
    assert ("usmf", "10") in codes("CustCustomerGroupEntity", "CustomerGroupId")
    assert ("usmf", "Net30") in codes("PaymentTermEntity", "Name")
    assert any(row["CurrencyCode"] == "USD" for row in ROWS["CurrencyEntity"])
