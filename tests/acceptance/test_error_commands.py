"""What failed is found, mended and tried again on the command line, beside the running program."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from conftest import Program

CUSTOMERS = "Customers V3 (accounts)"


@pytest.fixture
def program(first_start: tuple[Program, float]) -> Program:
    """The program of the other tests, running."""
    program = first_start[0]
    if program.process is None:
        program.start()
    return program


def customer(account: str, group: str) -> dict[str, object]:
    return {
        "dataAreaId": "usmf",
        "CustomerAccount": account,
        "CustomerGroupId": group,
        "SalesCurrencyCode": "USD",
        "PartyType": "Organization",
        "OrganizationName": f"Customer {account}",
    }


def accounts(program: Program, number: str) -> int:
    return len(program.rows("dataverse", f"/accounts?$filter=accountnumber eq '{number}'"))


def test_a_queued_change_that_failed_is_tried_again_once_its_cause_is_mended(program: Program, tmp_path: Path) -> None:
    program.cli("maps", "pause", CUSTOMERS)
    assert program.finops("POST", "/CustomersV3", customer("ER1", "ER")).status_code == 201
    program.run("maps", "resume", CUSTOMERS)
    assert accounts(program, "ER1") == 0

    (group,) = program.cli("errors", "groups", "--map", CUSTOMERS, "--kind", "catch-up")
    assert (group["map"], group["errors"], group["records"]) == (CUSTOMERS, 1, ["ER1"])
    listed = program.cli("errors", "list", "--cause", group["cause"])
    (error,) = listed["items"]
    number = str(error["id"])
    assert (error["kind"], error["operation"], error["legal_entity"]) == ("catch-up", "create", "usmf")
    assert program.cli("errors", "show", number)["row"]["OrganizationName"] == "Customer ER1"
    assert "ER1" in program.run("errors", "list").stdout
    assert "Customer ER1" in program.run("errors", "show", number).stdout

    refused = program.cli("errors", "retry", number, code=1)
    assert (refused["total"]["refused"], "ER" in refused["refusals"][0]) == (1, True)
    group_body = {"dataAreaId": "usmf", "CustomerGroupId": "ER", "Description": "mended"}
    assert program.finops("POST", "/CustomerGroups", group_body).status_code == 201
    assert program.cli("errors", "retry", "--all", "--map", CUSTOMERS)["total"]["completed"] == 1
    assert accounts(program, "ER1") == 1
    assert (
        program.cli("errors", "show", number)["state"],
        program.cli("errors", "list", "--record", "ER1")["items"],
    ) == ("completed", [])

    file = tmp_path / "errors.csv"
    assert program.cli("errors", "download", "--to", str(file), "--settled", "--map", CUSTOMERS)["errors"] >= 1
    with file.open(newline="") as lines:
        (line,) = [each for each in csv.DictReader(lines) if each["id"] == number]
    assert (line["state"], line["attempts"], line["OrganizationName"]) == ("completed", "2", "Customer ER1")


def test_a_save_that_is_refused_is_a_live_error_and_can_be_dismissed(program: Program) -> None:
    assert program.finops("POST", "/CustomersV3", customer("ER2", "nix")).status_code >= 400
    (error,) = program.cli("errors", "list", "--record", "er2")["items"]
    assert (error["kind"], error["category"], error["map"]) == ("live", "application", CUSTOMERS)
    number = str(error["id"])
    assert program.cli("errors", "dismiss", number) == {"dismissed": 1}
    again = program.cli("errors", "retry", number, code=1)
    assert "is dismissed: only open errors are tried again" in again["error"]["message"]
    assert program.cli("errors", "show", "999999", code=1)["error"]["message"] == "There is no error 999999."
