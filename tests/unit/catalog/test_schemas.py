"""The environment schemas of the catalog: complete, coherent, and right where the customer cluster stands on them."""

import re

import pytest

from dualwrite.catalog import load_schema
from dualwrite.metadata.schema import Column, ColumnRole, ColumnType, EnvironmentSchema, Side, Table

FINOPS = load_schema(Side.FINOPS)
DATAVERSE = load_schema(Side.DATAVERSE)
COLUMNS = [(table, column) for schema in (FINOPS, DATAVERSE) for table in schema for column in table.columns]
IDENTIFIER_BYTES = 63


def finops(table: str, column: str) -> Column:
    return FINOPS.table(table).by_name[column]


def dataverse(table: str, column: str) -> Column:
    return DATAVERSE.table(table).by_name[column]


def test_every_table_of_both_sides_is_there() -> None:
    assert (len(FINOPS.tables), len(DATAVERSE.tables)) == (148, 136)


@pytest.mark.parametrize("schema", [FINOPS, DATAVERSE], ids=lambda schema: schema.side.value)
def test_entity_sets_are_unique(schema: EnvironmentSchema) -> None:
    assert len({table.entity_set.casefold() for table in schema}) == len(schema.tables)


def test_names_fit_into_the_database() -> None:
    names = [column.name for _, column in COLUMNS] + [t.name for s in (FINOPS, DATAVERSE) for t in s]
    assert [name for name in names if len(name.encode()) > IDENTIFIER_BYTES] == []


def test_columns_of_a_table_differ_by_more_than_case() -> None:
    for schema in (FINOPS, DATAVERSE):
        for table in schema:
            assert len({column.name.casefold() for column in table.columns}) == len(table.columns), table.name


def test_types_carry_the_facts_they_need() -> None:
    for table, column in COLUMNS:
        place = f"{table.name}.{column.name}"
        assert (column.enumeration is not None) == (column.type in (ColumnType.ENUM, ColumnType.CHOICE)), place
        assert (column.length is not None) == column.type.is_text, place
        assert (column.scale is not None) == (column.type in (ColumnType.DECIMAL, ColumnType.MONEY)), place
        assert bool(column.targets) == (column.type is ColumnType.LOOKUP), place


def test_enumerations_have_members_and_no_number_twice() -> None:
    for table, column in COLUMNS:
        if column.enumeration is not None:
            numbers = [number for _, number in column.enumeration.members]
            assert numbers, f"{table.name}.{column.name}"
            assert len(set(numbers)) == len(numbers), f"{table.name}.{column.name}"


def test_a_finops_enum_is_one_type_with_members_that_are_identifiers() -> None:
    seen: dict[str, object] = {}
    for table in FINOPS:
        for column in table.columns:
            if column.enumeration is not None:
                assert seen.setdefault(column.enumeration.name, column.enumeration) == column.enumeration
                assert all(re.fullmatch(r"[A-Za-z_]\w*", member) for member, _ in column.enumeration.members)


def test_lookups_point_to_tables_of_the_environment() -> None:
    dangling = [(t.name, c.name) for t, c in COLUMNS if any(target not in DATAVERSE.by_name for target in c.targets)]
    assert dangling == []


@pytest.mark.parametrize("table", FINOPS.tables, ids=lambda table: table.name)
def test_finops_companies_lead_the_key(table: Table) -> None:
    if table.is_company_specific:
        assert table.company_column == table.key[0] == "dataAreaId"
    else:
        assert "dataAreaId" not in table.key


@pytest.mark.parametrize("table", DATAVERSE.tables, ids=lambda table: table.name)
def test_every_dataverse_table_keeps_who_and_when(table: Table) -> None:
    types = {"createdon": ColumnType.DATETIME, "modifiedon": ColumnType.DATETIME, "versionnumber": ColumnType.BIGINT}
    for name, kind in types.items():
        assert (table.by_name[name].type, table.by_name[name].role) == (kind, ColumnRole.SYSTEM)
    for name in ("createdby", "modifiedby"):
        assert table.by_name[name].targets == ("systemuser",)
        assert not table.by_name[name].writable
    assert table.by_name[table.key[0]].type is ColumnType.GUID
    assert table.by_name[table.key[0]].role is ColumnRole.PLAIN
    assert table.primary_name in table.by_name


@pytest.mark.parametrize("table", DATAVERSE.tables, ids=lambda table: table.name)
def test_owned_tables_have_all_owner_columns(table: Table) -> None:
    owner = table.find("ownerid")
    if owner is None:
        return
    assert (owner.role, owner.targets) == (ColumnRole.OWNER, ("systemuser", "team"))
    for name in ("owningbusinessunit", "owninguser", "owningteam"):
        assert table.by_name[name].role is ColumnRole.SYSTEM


def test_state_and_status_come_in_pairs_with_roles() -> None:
    for table in DATAVERSE:
        roles = [column.role for column in table.columns]
        assert roles.count(ColumnRole.STATE) <= 1 and roles.count(ColumnRole.STATUS) <= 1, table.name
        if ColumnRole.STATE in roles:
            assert ColumnRole.STATUS in roles, table.name
            assert table.by_name["statecode"].enumeration is not None


def test_dataverse_requires_nothing_its_web_api_does_not() -> None:
    assert [(t.name, c.name) for t in DATAVERSE for c in t.columns if c.required] == []


def test_company_specific_dataverse_tables_have_their_company_in_the_alternate_key() -> None:
    for table in DATAVERSE:
        if table.company_column is not None:
            assert table.by_name[table.company_column].targets == ("cdm_company",)
            assert any(table.company_column in key for key in table.alternate_keys), table.name


@pytest.mark.parametrize(
    ("table", "required"),
    [
        ("CustomersV3", {"dataAreaId", "CustomerAccount", "CustomerGroupId", "SalesCurrencyCode"}),
        ("VendorsV2", {"dataAreaId", "VendorAccountNumber", "VendorGroupId"}),
        ("CustomerGroups", {"dataAreaId", "CustomerGroupId"}),
        ("VendorGroups", {"dataAreaId", "VendorGroupId"}),
        ("PaymentTerms", {"dataAreaId", "Name"}),
        ("CDSContactsV2", {"dataAreaId", "ContactPersonId"}),
        ("LegalEntities", {"LegalEntityId"}),
        ("Currencies", {"CurrencyCode"}),
    ],
)
def test_the_customer_cluster_requires_what_the_system_cannot_do_without(table: str, required: set[str]) -> None:
    assert {column.name for column in FINOPS.table(table).columns if column.required} == required


def test_blank_parts_of_a_key_may_stay_empty() -> None:
    assert not finops("InventProductSpecificOrderSettingsV2Entity", "ProductColorId").required


def test_numbers_keep_the_places_of_their_system() -> None:
    assert finops("CustomersV3", "CreditLimit").scale == 16
    assert dataverse("account", "creditlimit").scale == 4
    assert dataverse("msdyn_vendor", "msdyn_vendorcreditlimit").scale == 10
    assert dataverse("transactioncurrency", "exchangerate").scale == 12


def test_what_the_service_computes_cannot_be_written() -> None:
    for table in ("contact", "lead", "systemuser"):
        assert not dataverse(table, "fullname").writable
    assert not dataverse("account", "exchangerate").writable
    assert not dataverse("account", "creditlimit_base").writable
    assert dataverse("transactioncurrency", "exchangerate").writable


def test_lookups_to_tables_outside_the_catalog_are_plain_ids() -> None:
    assert dataverse("account", "slaid").type is ColumnType.GUID
    assert "type" in dataverse("account", "slaid").inferred


def test_polymorphic_lookups_keep_all_their_tables() -> None:
    assert dataverse("contact", "parentcustomerid").targets == ("account", "contact")
    assert {"account", "msdyn_vendor", "salesorder"} <= set(dataverse("annotation", "objectid").targets)


def test_enums_without_known_members_are_text() -> None:
    level = finops("CustomersV3", "CreditCardAddressVerificationLevel")
    assert (level.type, level.length) == (ColumnType.STRING, 30)
    statement = finops("CustomersV3", "AccountStatement").enumeration
    assert statement is not None and statement.canonical("always") == "Always"


def test_the_company_knows_its_owning_team() -> None:
    assert dataverse("cdm_company", "cdm_defaultowningteam").targets == ("team",)
    assert dataverse("cdm_company", "cdm_isenabledfordualwrite").type is ColumnType.BOOLEAN


def test_employments_and_notes_are_those_of_companies() -> None:
    entities = ("HcmEmploymentEntity", "HcmEmploymentDetailEntity", "CustomerAttachmentsEntity")
    assert all(FINOPS.table(name).company_column == "dataAreaId" for name in entities)
    assert DATAVERSE.table("annotation").company_column == "msdyn_company"
    assert DATAVERSE.table("annotation").alternate_keys == (("msdyn_notesid", "msdyn_company"),)
