"""Files in and out as users do it: packages, refused records downloaded, mended, tried again."""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path

from conftest import Program

HEAD = "DATAAREAID,CUSTOMERACCOUNT,PARTYTYPE,ORGANIZATIONNAME,CUSTOMERGROUPID,SALESCURRENCYCODE\n"


def test_a_package_that_was_exported_is_imported_and_finds_everything_unchanged(
    program: Program, tmp_path: Path
) -> None:
    path = tmp_path / "customers.zip"
    exported = program.cli("export", "--map", "customer groups", "--map", "customers v3 (accounts)", "--to", str(path))
    records = sum(each["records"] for each in exported["tables"])
    assert records > 100
    with zipfile.ZipFile(path) as archive:
        assert {"Manifest.xml", "PackageHeader.xml"} < set(archive.namelist())
    report = program.cli("import", str(path))
    assert (report["read"], report["unchanged"], report["refused"]) == (records, records, 0)


def test_refused_records_are_listed_downloaded_mended_and_tried_again(program: Program, tmp_path: Path) -> None:
    file = tmp_path / "CustomersV3.csv"
    file.write_text(
        f"{HEAD}usmf,FI-1,Organization,Fine,10,USD\nusmf,FI-2,Robot,No such type,10,USD\n"
        "usmf,FI-3,Organization,No such group,LATE,USD\nusmf,FI-4,Organization\n"
    )
    report = program.cli("import", str(file), code=1)
    assert (report["read"], report["created"], report["refused"]) == (4, 1, 3)
    number = str(report["import"])
    robot, late, short = report["refusals"]
    assert (robot["line"], robot["column"], short["line"]) == (3, "PartyType", 5)
    assert len(program.cli("imports", "refused", number, "--by-cause")) == 3
    (found,) = program.cli("imports", "refused", number, "--cause", late["cause"])
    assert (found["line"], found["row"]["CustomerGroupId"]) == (4, "LATE")

    groups = tmp_path / "groups.csv"
    groups.write_text("DATAAREAID,CUSTOMERGROUPID,DESCRIPTION\nusmf,LATE,Came late\n")
    assert program.cli("import", str(groups), "--entity", "CustomerGroups")["created"] == 1
    again = program.cli("import", "--rerun-failed", number, code=1)
    assert (again["read"], again["created"], again["refused"], again["not_tried_again"]) == (2, 1, 1, 1)
    account = program.account("FI-3")
    assert account is not None and account["name"] == "No such group"

    path = tmp_path / "refused.csv"
    assert program.cli("imports", "refused", str(again["import"]), "--csv", str(path))[0]["records"] == 1
    with path.open(newline="") as stream:
        (record,) = csv.DictReader(stream)
    assert record["@reason"].startswith("'Robot' is not one of")
    path.write_text(path.read_text().replace("Robot", "Organization"))
    assert program.cli("import", str(path), "--entity", "CustomersV3")["created"] == 1
    assert program.account("FI-2") is not None
    history = program.cli("imports", "list")
    assert history[1]["rerun_of"] == int(number)


def test_what_cannot_be_an_import_is_told_in_a_line(program: Program, tmp_path: Path) -> None:
    missing = program.run("import", str(tmp_path / "nowhere.csv"))
    assert (missing.returncode, missing.stderr.count("\n")) == (1, 1)
    assert "cannot be read: no such file" in missing.stderr
    strange = tmp_path / "notes.csv"
    strange.write_text("A\n1\n")
    assert "--entity CustomersV3" in program.run("import", str(strange)).stderr
    several = program.run("export", "CustomersV3", "CustomerGroups", "--to", str(tmp_path / "both.csv"))
    assert "name a package (.zip) or a folder" in several.stderr
    assert not (tmp_path / "both.csv").exists()
