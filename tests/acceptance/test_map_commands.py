"""A consultant's day with maps on the command line, beside the running program."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import Program

MINE = "Exempt codes of ours (msdyn_taxexemptcodes)"
BETWEEN = ("--finops", "TaxExemptCodeCdsEntity", "--dataverse", "msdyn_taxexemptcodes")


@pytest.fixture
def mine(program: Program) -> Iterator[str]:
    """A map of one's own that nothing else uses, not running."""
    made = program.cli("maps", "new", MINE, *BETWEEN, "--publisher", "us")
    assert (made["version"], made["active"], made["can_run"]) == ("1.0.0.0", True, True)
    assert made["columns"] == ["NAME = msdyn_name"]
    yield MINE
    program.run("maps", "stop", MINE)
    program.cli("maps", "delete", MINE, "--yes")


def test_a_map_is_made_changed_activated_and_carries_records(program: Program, mine: str) -> None:
    changed = program.cli("maps", "change", mine, "--add", "DESCRIPTION > msdyn_description", "--publisher", "us")
    assert (changed["version"], changed["active"]) == ("1.0.0.1", False)
    (line,) = [each for each in changed["changes"] if each["change"] == "added"]
    assert line["column"] == "DESCRIPTION > msdyn_description"
    difference = program.run("maps", "diff", mine, "1.0.0.0", "1.0.0.1").stdout
    assert "+ DESCRIPTION > msdyn_description" in difference
    program.cli("maps", "activate", mine, "1.0.0.1")
    program.cli("maps", "run", mine)
    (listed,) = [each for each in program.cli("maps", "list") if each["name"] == mine]
    assert (listed["running_version"], listed["versions"]) == ("1.0.0.1", 2)
    code = {"dataAreaId": "usmf", "Name": "OURS", "Description": "by our map"}
    assert program.finops("POST", "/SalesTaxExemptCodeCDS", code).status_code == 201
    (row,) = program.rows("dataverse", "/msdyn_taxexemptcodes?$filter=msdyn_name eq 'OURS'")
    assert row["msdyn_description"] == "by our map"
    refused = program.cli("maps", "change", mine, "--remove", "DESCRIPTION", "--publisher", "us", code=1)
    assert "is running and cannot change" in refused["error"]["message"]
    assert f"dualwrite maps stop {mine!r}" in refused["error"]["message"]


def test_a_map_that_cannot_run_is_refused_with_code_line_and_way_out(program: Program, mine: str) -> None:
    change = ("--add", "NIX = msdyn_description", "--filter", "Name ==", "--publisher", "us", "--activate")
    assert not program.cli("maps", "change", mine, *change)["can_run"]
    found = program.cli("maps", "run", mine, code=1)["maps"][0]["findings"]
    assert [(each["code"], each["line"]) for each in found] == [("DIPV1012", 6), ("DIPV1023", 9)]
    assert all(each["remedy"] for each in found)
    shown = program.run("maps", "validate", mine)
    assert shown.returncode == 1
    assert "line 9" in shown.stdout
    (state,) = {each["state"] for each in program.cli("maps", "list") if each["name"] == mine}
    assert state == "not running"


def test_a_file_is_checked_before_it_is_anywhere(program: Program, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    head = "name: X\nversion: 1.0.0.0\npublisher: us\nfinops_entity: TaxExemptCodeCdsEntity\n"
    good.write_text(head + "dataverse_table: msdyn_taxexemptcode\ncolumns:\n- NAME = msdyn_name\n")
    bad.write_text(head + "dataverse_table: uom\ncolumns:\n- NAME => msdyn_name\n")
    assert program.cli("maps", "validate", "-f", str(good))["can_run"]
    shown = program.run("maps", "validate", "-f", str(tmp_path))
    assert shown.returncode == 1
    assert f"{bad}:7" in shown.stdout
    bad.write_text(head + "dataverse_table: uom\ncolumns:\n- NAME = msdyn_name\n")
    (found,) = program.cli("maps", "validate", "-f", str(bad), code=1)["maps"]
    assert {each["code"] for each in found["findings"]} >= {"DIPV1002"}


def test_a_map_is_edited_and_nothing_is_lost_on_a_mistake(
    program: Program, mine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "editor"
    script.write_text("#!/bin/sh\necho '- DESCRIPTION => msdyn_description  # half done' >> \"$1\"\n")
    script.chmod(0o755)
    monkeypatch.setenv("EDITOR", str(script))
    monkeypatch.delenv("VISUAL", raising=False)
    failed = program.run("maps", "edit", mine, "--publisher", "us")
    assert failed.returncode == 1
    assert ":8: " in failed.stderr
    assert "Nothing is lost" in failed.stderr
    script.write_text("#!/bin/sh\nsed -i 's/=>/=/' \"$1\"\n")
    saved = program.cli("maps", "edit", mine, "--activate")
    assert (saved["version"], saved["active"]) == ("1.0.0.1", True)
    assert saved["columns"] == ["NAME = msdyn_name", "DESCRIPTION = msdyn_description"]
    script.write_text("#!/bin/sh\ntrue\n")
    assert program.cli("maps", "edit", mine, "--publisher", "us") == {"saved": None}


def test_maps_live_in_a_folder_under_version_control(program: Program, mine: str, tmp_path: Path) -> None:
    folder = ("-f", str(tmp_path / "maps"))
    plan = ("maps", "plan", *folder, "--detailed-exit-code")
    program.cli("maps", "export", *folder, mine)
    assert program.cli("maps", "export", *folder, mine)["written"] == []
    assert program.cli(*plan) == {"steps": [], "conflicts": []}
    (file,) = (tmp_path / "maps").glob("exempt*.yaml")
    file.write_text(file.read_text().replace("1.0.0.0", "1.0.0.5") + "- DESCRIPTION = msdyn_description # too\n")
    connection = tmp_path / "maps" / "connection.yaml"
    connection.write_text(
        connection.read_text().replace("1.0.0.0", "1.0.0.5")
        + "integration_keys:\n  msdyn_taxexemptcode: [msdyn_name]\n"
    )
    steps = program.cli(*plan, code=2)["steps"]
    assert [each["step"] for each in steps] == ["new version", "activate", "integration key"]
    assert program.cli("maps", "apply", *folder)["steps"] == steps
    assert program.cli(*plan)["steps"] == []
    (key,) = program.cli("keys", "list", "msdyn_taxexemptcode")
    assert (key["keys"], key["origin"]) == ([["msdyn_name"]], "by hand")
    program.cli("keys", "reset", "msdyn_taxexemptcode")
    assert [each["step"] for each in program.cli(*plan, code=2)["steps"]] == ["integration key"]


def test_a_managed_map_is_copied_to_be_changed(program: Program) -> None:
    name = "Customer groups (msdyn_customergroups)"
    (shown,) = program.cli("maps", "versions", name)
    assert shown["managed"]
    assert shown["running"]
    refused = program.cli("maps", "copy", name, "--publisher", "us", code=1)
    assert "is running" in refused["error"]["message"]
    copied = program.cli("maps", "copy", name, "--publisher", "us", "--name", "Groups of ours")
    assert (copied["name"], copied["publisher"], copied["can_run"]) == ("Groups of ours", "us", True)
    program.cli("maps", "delete", "Groups of ours", "--yes")
