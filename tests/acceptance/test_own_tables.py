"""A table of one's own on either side and a map between them, made while the program runs; then another solution."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from conftest import Program

VEHICLES = """\
side: finops
name: FleetVehicleEntity
label: Fleet vehicles
company_specific: true
key: [VehicleId]
columns:
  VehicleId: {type: string, length: 20, required: true}
  Description: string(60)
  Mileage: int
  Price: decimal
  Fuel: {type: enum, options: [None, Petrol, Diesel]}
"""
MAP = "Fleet vehicles (new_vehicles)"


def label(text: str) -> dict[str, object]:
    return {"LocalizedLabels": [{"Label": text, "LanguageCode": 1033}]}


def attribute(kind: str, name: str, **facts: object) -> dict[str, object]:
    metadata = f"Microsoft.Dynamics.CRM.{kind}AttributeMetadata"
    return {"@odata.type": metadata, "SchemaName": name, "DisplayName": label(name), **facts}


def created(program: Program, path: str, body: object) -> None:
    answer = program.dataverse("POST", path, body)
    assert answer.status_code == 204, answer.text


@pytest.fixture(scope="module")
def own_map(first_start: tuple[Program, float], tmp_path_factory: pytest.TempPathFactory) -> Program:
    """The program, with both tables and a running map between them."""
    program = first_start[0]
    name = attribute("String", "new_Number", IsPrimaryName=True, MaxLength=20)
    entity = {"SchemaName": "new_Vehicle", "DisplayName": label("Vehicle"), "Attributes": [name]}
    created(program, "/EntityDefinitions", {**entity, "OwnershipType": "UserOwned"})
    attributes = "/EntityDefinitions(LogicalName='new_vehicle')/Attributes"
    options = [{"Value": 7, "Label": label("Petrol")}, {"Value": 8, "Label": label("Diesel")}]
    for body in (
        attribute("String", "new_Text", MaxLength=60),
        attribute("Integer", "new_Mileage"),
        attribute("Money", "new_Price"),
        attribute("Picklist", "new_Fuel", OptionSet={"IsGlobal": False, "Options": options}),
    ):
        created(program, attributes, body)
    relationship = {
        "@odata.type": "Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata",
        "SchemaName": "new_company_vehicle",
        "ReferencedEntity": "cdm_company",
        "ReferencingEntity": "new_vehicle",
        "Lookup": attribute("Lookup", "new_Company"),
    }
    created(program, "/RelationshipDefinitions", relationship)
    key = {"SchemaName": "new_VehicleKey", "KeyAttributes": ["new_number", "new_company"]}
    created(program, "/EntityDefinitions(LogicalName='new_vehicle')/Keys", key)
    file: Path = tmp_path_factory.mktemp("tables") / "vehicles.yaml"
    file.write_text(VEHICLES)
    steps = program.cli("tables", "create", "-f", str(file))["steps"]
    assert steps == ["create table FleetVehicleEntity with 6 columns"]
    assert program.cli("tables", "create", "-f", str(file))["steps"] == []
    program.cli("maps", "new", MAP, "--finops", "FleetVehicles", "--dataverse", "new_vehicles", "--publisher", "us")
    lines = ["Description = new_text", "Mileage = new_mileage", "Price = new_price"]
    lines += ["Fuel >< new_fuel: {None: '', Petrol: 7, Diesel: 8}"]
    added = [part for line in lines for part in ("--add", line)]
    program.cli("maps", "change", MAP, "--set", "VehicleId = new_number", *added, "--activate", "--publisher", "us")
    assert program.cli("maps", "validate", MAP, code=0) is not None
    program.cli("maps", "run", MAP)
    return program


def vehicle(program: Program, number: str) -> dict[str, Any]:
    (row,) = program.rows("dataverse", f"/new_vehicles?$filter=new_number eq '{number}'")
    return dict(row)


def test_rows_travel_to_dataverse(own_map: Program) -> None:
    row = {
        "dataAreaId": "usmf",
        "VehicleId": "V-1",
        "Description": "Truck",
        "Mileage": 5,
        "Price": 99.5,
        "Fuel": "Diesel",
    }
    answer = own_map.finops("POST", "/FleetVehicles", row)
    assert answer.status_code == 201, answer.text
    found = vehicle(own_map, "V-1")
    shown = {name: found[name] for name in ("new_text", "new_mileage", "new_price", "new_fuel")}
    assert shown == {"new_text": "Truck", "new_mileage": 5, "new_price": 99.5, "new_fuel": 8}


def test_rows_travel_to_finance_and_operations(own_map: Program) -> None:
    company = own_map.row_id("cdm_companies", "cdm_companycode eq 'usmf'")
    body = {"new_number": "V-2", "new_fuel": 7, "new_company@odata.bind": f"/cdm_companies({company})"}
    answer = own_map.dataverse("POST", "/new_vehicles", body)
    assert answer.status_code == 204, answer.text
    (row,) = own_map.rows("finops", "/FleetVehicles?cross-company=true&$filter=VehicleId eq 'V-2'")
    assert (row["dataAreaId"], row["Fuel"], row["Mileage"], row["Description"]) == ("usmf", "Petrol", 0, "")


def test_commands_know_the_tables(own_map: Program) -> None:
    own_map.cli("records", "create", "finops", "FleetVehicles", "dataAreaId=usmf", "VehicleId=V-3", "Mileage=12")
    row = own_map.cli("records", "get", "dataverse", "new_vehicles", "usmf,V-3")
    assert row["new_mileage"] == 12
    assert own_map.cli("tables", "show", "FleetVehicles")["name"] == "FleetVehicleEntity"
    assert own_map.cli("tables", "propose", MAP)["definition"] == ""
    made = own_map.cli("tables", "list", "--own")
    assert {each["name"] for each in made} == {"FleetVehicleEntity", "new_vehicle"}


def test_a_table_of_the_catalog_can_be_added_alone(own_map: Program) -> None:
    assert own_map.dataverse("GET", "/cdm_veteranstatuses").status_code == 404
    refused = own_map.run("tables", "show", "cdm_veteranstatus")
    assert refused.returncode == 1 and "dualwrite tables add cdm_veteranstatus" in refused.stderr
    own_map.cli("tables", "add", "cdm_veteranstatus")
    assert own_map.dataverse("GET", "/cdm_veteranstatuses").status_code == 200
    latest = own_map.cli("tables", "history", "--side", "dataverse")[0]
    assert (latest["changed_by"], latest["steps"][0][:30]) == ("local administrator", "create table cdm_veteranstatus")


def test_what_a_map_uses_cannot_be_removed(own_map: Program) -> None:
    for path in ("", "/Attributes(LogicalName='new_mileage')"):
        answer = own_map.dataverse("DELETE", f"/EntityDefinitions(LogicalName='new_vehicle'){path}")
        assert answer.status_code == 400 and MAP in answer.json()["error"]["message"]


def test_another_solution_brings_its_tables_and_touches_no_row(own_map: Program) -> None:
    assert own_map.dataverse("GET", "/cdm_jobs").status_code == 404
    before = own_map.rows("dataverse", "/accounts?$orderby=accountid")
    own_map.cli("solutions", "apply", "human-resources", "--with-dependencies")
    assert own_map.dataverse("GET", "/cdm_jobs").status_code == 200
    assert own_map.finops("GET", "/Jobs").status_code in (200, 404)
    after = {row["accountid"]: row for row in own_map.rows("dataverse", "/accounts?$orderby=accountid")}
    for row in before:
        assert row.items() <= after[row["accountid"]].items()
