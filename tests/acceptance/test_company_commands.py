"""Rows that Dataverse has had for years get their company from the command line: seen first, then done."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from conftest import Program

TABLE, CODE = "msdyn_taxauthorities", "msdyn_taxauthoritycode"


def company_of(program: Program, code: str) -> str | None:
    (row,) = program.rows("dataverse", f"/{TABLE}?$filter={CODE} eq '{code}'&$expand=msdyn_company")
    company = row["msdyn_company"]
    return None if company is None else str(company["cdm_companycode"])


@pytest.fixture(scope="module")
def authorities(first_start: tuple[Program, float]) -> Program:
    """The program, with tax authorities that belong to no company; their map has never run."""
    program = first_start[0]
    for code in ("WA", "CA", "BY"):
        answer = program.dataverse("POST", f"/{TABLE}", {CODE: code, "msdyn_description": f"Authority of {code}"})
        assert answer.status_code == 204, answer.text
    return program


def test_assigning_by_a_column_is_shown_and_then_done(authorities: Program, tmp_path: Path) -> None:
    left = tmp_path / "left.csv"
    line = ("companies", "assign", TABLE, "--by", f"{CODE}=WA:usmf,BY:demf,TX:usrt", "--left", str(left))
    seen = authorities.cli(*line)
    (table,) = seen["tables"]
    assert not seen["applied"]
    assert {each["company"]: each["rows"] for each in table["assigned"]} == {"usmf": 1, "demf": 1}
    assert company_of(authorities, "WA") is None
    authorities.cli(*line, "--apply", code=1)
    assert [company_of(authorities, code) for code in ("WA", "BY", "CA")] == ["usmf", "demf", None]
    with left.open() as file:
        (row,) = csv.DictReader(file)
    assert (row["table"], row["record"]) == ("msdyn_taxauthority", "ca")
    assert row["reason"] == f"the rule names no company for {CODE} = ca"
    authorities.cli("companies", "assign", TABLE, "--constant", "usmf", "--apply")
    assert company_of(authorities, "CA") == "usmf"


def test_tables_of_running_maps_and_unclear_lines_are_refused(authorities: Program) -> None:
    running = authorities.cli("companies", "assign", "accounts", "--constant", "usmf", "--apply", code=1)
    assert "Stop first: dualwrite maps stop" in running["error"]["message"]
    two = authorities.cli("companies", "assign", TABLE, "--constant", "usmf", "--by", "a=b:c", code=1)
    assert "not --constant and --by at once" in two["error"]["message"]
    none = authorities.cli("companies", "assign", "--constant", "usmf", code=1)
    assert "Name the tables, or take --all-maps" in none["error"]["message"]
