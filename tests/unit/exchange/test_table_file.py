"""Definitions of tables as users write them, and what is wrong with them, by line."""

from __future__ import annotations

import pytest

from dualwrite.catalog import load_schema
from dualwrite.environments.hosted.migration import Insistence, plan_migration
from dualwrite.errors import CatalogRefused
from dualwrite.exchange.table_file import read_tables
from dualwrite.metadata.schema import ColumnRole, ColumnType, Side, Table

SCHEMAS = {side: load_schema(side) for side in Side}
FINOPS = """\
side: finops
name: FleetVehicleEntity
company_specific: true
key: [VehicleId]
columns:
  VehicleId: {type: string, length: 20, required: true}
  Name: string(60)
  Price: decimal(4)
  Insured: noyes
  Fuel: {type: enum, options: [Petrol, Diesel]}
  Size: {type: enum, enum: FleetSize, options: {Small: 3, Large: 7}}
"""
DATAVERSE = """\
side: dataverse
name: new_vehicle
label: Vehicle
company_specific: true
primary_name: new_text
keys: [[new_number, new_company]]
columns:
  new_number: string(20)
  new_text: string(60)
  new_fuel: {type: choice, options: [Petrol, Diesel]}
  new_keeper: {type: lookup, to: [account, contact]}
  new_built: date
"""


def read(text: str, *, side: Side | None = None) -> Table:
    (table,) = read_tables(text, SCHEMAS, side=side, file="t.yaml")
    return table


def test_an_entity_of_finance_and_operations() -> None:
    table = read(FINOPS)
    assert (table.entity_set, table.label, table.key) == ("FleetVehicles", "FleetVehicle", ("dataAreaId", "VehicleId"))
    assert table.company_column == "dataAreaId"
    assert (table.column("VehicleId").length, table.column("VehicleId").required) == (20, True)
    assert (table.column("Price").type, table.column("Price").scale) == (ColumnType.DECIMAL, 4)
    fuel, size, insured = (table.column(name).enumeration for name in ("Fuel", "Size", "Insured"))
    assert fuel is not None and fuel.members == (("Petrol", 0), ("Diesel", 1))
    assert size is not None and (size.name, size.members) == ("FleetSize", (("Small", 3), ("Large", 7)))
    assert insured is not None and insured.name == "NoYes"
    assert plan_migration(SCHEMAS[Side.FINOPS], [table]).conflicts == ()


def test_a_table_of_dataverse_has_what_every_table_has() -> None:
    table = read(DATAVERSE)
    assert (table.entity_set, table.key, table.primary_name) == ("new_vehicles", ("new_vehicleid",), "new_text")
    assert (table.company_column, table.alternate_keys) == ("new_company", (("new_number", "new_company"),))
    assert table.column("statecode").role is ColumnRole.STATE and table.column("ownerid").role is ColumnRole.OWNER
    assert table.column("new_keeper").targets == ("account", "contact")
    fuel = table.column("new_fuel").enumeration
    assert fuel is not None and fuel.members == (("Petrol", 100_000_000), ("Diesel", 100_000_001))


def test_several_tables_in_a_file() -> None:
    tables = read_tables(f"{FINOPS}---\n{DATAVERSE}", SCHEMAS)
    assert [table.name for table in tables] == ["FleetVehicleEntity", "new_vehicle"]


def test_a_table_that_is_there_gets_more() -> None:
    table = read("name: account\ncolumns:\n  new_tier: string(10)\nkeys: [[new_tier]]", side=Side.DATAVERSE)
    there = SCHEMAS[Side.DATAVERSE].table("account")
    assert table.columns[:-1] == there.columns and table.columns[-1].name == "new_tier"
    plan = plan_migration(SCHEMAS[Side.DATAVERSE], [table], insistence=Insistence.EXACTLY)
    assert [str(step) for step in plan.steps] == ["add column account.new_tier", "add key account (new_tier)"]


@pytest.mark.parametrize("text", [FINOPS, DATAVERSE])
def test_reading_a_file_again_changes_nothing(text: str) -> None:
    table = read(text)
    there = SCHEMAS[table.side]
    grown = plan_migration(there, [table]).tables
    larger = {**SCHEMAS, table.side: type(there)(table.side, (*there.tables, *grown))}
    (again,) = read_tables(text, larger)
    assert plan_migration(larger[table.side], [again], insistence=Insistence.EXACTLY).steps == ()


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("name: X\ncolumns: {}", 1, "which side"),
        ("side: both\nname: X", 1, "finops or dataverse"),
        ("[1, 2]", 1, "entries"),
        ("side: finops\nname: X\nsurprise: 1", 3, "'surprise'"),
        ("side: finops\nname: X\nname: Y", 3, "name is there twice"),
        ("side: finops\nname: X\nkey: [A]\ncolumns:\n  B: int", 3, "key column A"),
        ("side: finops\nname: X\nkey: A\ncolumns:\n  A: int", 3, "a list of columns"),
        ("side: finops\nname: X\ncolumns:\n  A: int", 1, "key is missing"),
        ("side: finops\nname: X\nkey: [A]", 1, "columns is missing"),
        ("side: finops\nname: X\nkey: [A]\ncolumns:\n  A: text", 5, "'text' is no type"),
        ("side: finops\nname: X\nkey: [A]\ncolumns:\n  A: picklist", 5, "'picklist' is no type of this side"),
        ("side: finops\nname: X\nkey: [A]\ncolumns:\n  A: int\n  a: int", 6, "a is there twice"),
        ("side: finops\nname: X\nkey: [A]\ncolumns:\n  A: {length: 3}", 5, "type is missing"),
        ("side: finops\nname: X\nkey: [A]\ncolumns:\n  A: {type: string, length: long}", 5, "no whole number"),
        ("side: finops\nname: X\nkey: [A]\ncolumns:\n  A: {type: string, required: maybe}", 5, "true or false"),
        ("side: finops\nname: X\nkey: [A]\ncolumns:\n  A: enum", 5, "options are missing"),
        ("side: dataverse\nname: Vehicle\ncolumns:\n  new_a: int", 2, "publisher's prefix"),
        ("side: dataverse\nname: new_x\ncolumns:\n  a: int", 4, "publisher's prefix"),
        ("side: dataverse\nname: new_x\ncolumns:\n  new_a: lookup", 4, "tells where to"),
        ("side: dataverse\nname: new_x\nprimary_name: new_b\ncolumns:\n  new_a: string", 3, "'new_b'"),
        ("side: finops\nname: CustCustomerV3Entity\nkey: [PartyNumber]", 3, "which stays"),
        ("side: dataverse\nname: account\ncompany_specific: false", 3, "company-specific"),
        ("side: finops\nname: [X", 2, "expected"),
        ("", 1, "defines no table"),
    ],
)
def test_what_is_wrong_is_told_by_its_line(text: str, line: int, words: str) -> None:
    with pytest.raises(CatalogRefused) as refused:
        read(text)
    assert refused.value.message.startswith(f"t.yaml:{line}: ")
    assert words in refused.value.message
