"""Existing data on both sides, brought into step from the command line beside the running program."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from conftest import Program

MAP = "Exempt codes in step (msdyn_taxexemptcodes)"
CODES = {"S1": "known", "S2": "strange", "S3": "odd", "S4": "strange"}
HERE = ("--legal-entity", "demf")


@pytest.fixture(scope="module")
def codes(first_start: tuple[Program, float]) -> Iterator[Program]:
    """A map that knows one description only; four rows in F&O, one of them in Dataverse, too, and one only there."""
    program = first_start[0]
    if program.process is None:
        program.start()
    between = ("--finops", "TaxExemptCodeCdsEntity", "--dataverse", "msdyn_taxexemptcodes")
    program.cli("maps", "new", MAP, *between, "--publisher", "us")
    line = "DESCRIPTION >> msdyn_description: {known: Known}"
    program.cli("maps", "change", MAP, "--add", line, "--publisher", "us", "--activate")
    for name, description in CODES.items():
        row = {"dataAreaId": "demf", "Name": name, "Description": description}
        answer = program.finops("POST", "/SalesTaxExemptCodeCDS", row)
        assert answer.status_code == 201, answer.text
    company = program.row_id("cdm_companies", "cdm_companycode eq 'demf'")
    for name in ("S1", "D1"):
        body = {"msdyn_name": name, "msdyn_company@odata.bind": f"/cdm_companies({company})"}
        answer = program.dataverse("POST", "/msdyn_taxexemptcodes", body)
        assert answer.status_code == 204, answer.text
    yield program
    program.run("maps", "stop", MAP)
    program.cli("maps", "delete", MAP, "--yes")


def by_way(document: Mapping[str, Any]) -> Mapping[str, Mapping[str, int]]:
    """The counts of the legal entity by way; each adds up."""
    found = {each["direction"]: each for each in document["counts"] if each["legal_entity"] == "demf"}
    for each in document["counts"]:
        ended = ("inserted", "updated", "equal", "filtered", "refused")
        assert each["read"] == sum(each[name] for name in ended), each
    return found


def test_the_first_start_is_a_run_like_any_other(codes: Program) -> None:
    first = codes.cli("initial-sync", "list")[-1]
    assert (first["state"], first["started_by"], len(first["maps"])) == ("completed", "first start", 19)
    details = codes.cli("initial-sync", "show", first["run"][:8])
    customers = [
        each for each in details["projectExecutionResponses"] if "Customers V3 (accounts)" in each["projectName"]
    ]
    assert sum(each["upsertCount"] for each in customers) > 300


def test_rows_are_brought_into_step_and_the_refused_ones_explained(codes: Program, tmp_path: Path) -> None:
    run = ("initial-sync", "run", MAP, "--no-related", *HERE)
    preview = codes.cli(*run, "--dry-run", code=1)
    assert {each["row"]["Name"] for each in preview["refused"]} == {"S2", "S3", "S4"}
    assert not codes.rows("finops", "/SalesTaxExemptCodeCDS?cross-company=true&$filter=Name eq 'D1'")
    done = codes.cli(*run, code=1)
    assert done["state"] == "with refusals"
    assert by_way(preview) == by_way(done)
    there, back = by_way(done)["to Dataverse"], by_way(done)["to finance and operations"]
    assert (there["read"], there["updated"], there["refused"]) == (4, 1, 3)
    assert (back["inserted"], back["equal"]) == (1, 1)
    assert codes.rows("finops", "/SalesTaxExemptCodeCDS?cross-company=true&$filter=Name eq 'D1'")
    assert [each["rows"] for each in done["refused"]] == [2, 1]
    (odd,) = [each for each in done["refused"] if each["rows"] == 1]
    assert odd["column"] == "msdyn_description"
    assert "odd" in odd["cause"] and "S3" in odd["records"][0]
    listed = codes.cli("initial-sync", "refused", "--cause", odd["cause"])
    assert listed["rows"] == 1
    assert listed["refused"][0]["row"]["Description"] == "odd"
    file = tmp_path / "refused.csv"
    codes.cli("initial-sync", "refused", "--map", MAP, "--csv", str(file))
    lines = list(csv.DictReader(file.read_text().splitlines()))
    assert {(each["legal entity"], each["Name"], each["Description"]) for each in lines} == {
        ("demf", name, text) for name, text in CODES.items() if text != "known"
    }
    shown = codes.run("initial-sync", "show").stdout
    assert "3 rows were refused" in shown
    assert f"dualwrite initial-sync rerun {done['run'][:8]} --failed" in shown


def test_failed_rows_are_done_again_when_their_cause_is_mended(codes: Program) -> None:
    path = "/SalesTaxExemptCodeCDS(dataAreaId='demf',Name='S2')?cross-company=true"
    assert codes.finops("PATCH", path, {"Description": "known"}).status_code in (200, 204)
    done = codes.cli("initial-sync", "rerun", "--failed", code=1)
    assert by_way(done)["to Dataverse"]["read"] == 3
    assert by_way(done)["to Dataverse"]["refused"] == 2
    (row,) = codes.rows("dataverse", "/msdyn_taxexemptcodes?$filter=msdyn_name eq 'S2'")
    assert row["msdyn_description"] == "Known"
    still = codes.cli("initial-sync", "refused", "--open", "--map", MAP)["refused"]
    assert sorted(each["row"]["Name"] for each in still) == ["S3", "S4"]
    listed = codes.cli("initial-sync", "list")
    assert (listed[0]["rerun"], listed[0]["rerun_of"]) == ("failed", listed[1]["run"])


def test_a_run_waits_for_a_decision_when_asked_to(codes: Program) -> None:
    codes.cli("maps", "stop", MAP)
    begun = codes.cli("initial-sync", "run", MAP, *HERE, "--wait-on-refusals", "--detach")
    waiting = codes.cli("initial-sync", "watch", begun["run"][:8], code=1)
    assert waiting["state"] == "awaiting decision"
    assert standing(codes) == ("awaiting decision", "initializing")
    assert codes.cli("initial-sync", "go-live")["state"] == "with refusals"
    assert standing(codes) == (None, "running")


def standing(program: Program) -> tuple[str | None, str]:
    """The state of the run that has not ended, and that of the map."""
    status = program.call("admin", "GET", "/api/v1/status").json()
    (state,) = [each["state"] for each in status["maps"] if each["name"] == MAP]
    return status["initial_sync"] and status["initial_sync"]["state"], state


def test_what_cannot_be_asked_of_a_run_is_refused_with_the_way_out(codes: Program) -> None:
    ended = codes.run("initial-sync", "pause")
    assert ended.returncode == 1
    assert "It has ended" in ended.stderr
    assert "No initial sync begins with 'zz'" in codes.run("initial-sync", "show", "zz").stderr
    elsewhere = codes.run("initial-sync", "run", MAP, "--legal-entity", "usrt")
    assert "usrt is not linked" in elsewhere.stderr
