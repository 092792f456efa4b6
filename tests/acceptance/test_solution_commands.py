"""A published solution from outside: imported, applied while the program runs, run both ways, exported, uninstalled."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from urllib.parse import quote

from tests.acceptance.conftest import Program

from solution_files import FREE, MapElement, cabinet, column, default, mapping, solution, solution_xml

MAP = "Price customer groups (msdyn_pricecustomergroups)"
PRICES = mapping(
    "Price customer groups",
    "msdyn_pricecustomergroups",
    [
        column("GROUPCODE", "msdyn_groupcode", "3"),
        column("GROUPNAME", "msdyn_groupname", 3, [default("(no name)")]),
    ],
)
ELEMENT = MapElement("fab_[msdyn_pricecustomergroups - Price customer groups]", "1.0.0.7", PRICES, dict(FREE))


def test_a_published_solution_runs_beside_the_maps_that_run(program: Program, tmp_path: Path) -> None:
    cab, out = tmp_path / "prices.cab", tmp_path / "out.zip"
    broken = MapElement("fab_[broken]", "1.0.0.0", "{")
    cab.write_bytes(cabinet({"prices.zip": solution([ELEMENT, broken], manifest=solution_xml("FabrikamPrices"))}))

    imported = program.cli("solutions", "import", str(cab), code=1)
    assert [(each["name"], each["version"], each["to_run"]) for each in imported["maps"]] == [(MAP, "1.0.0.7", True)]
    assert [each["lost"] for each in imported["problems"]] == [True]
    assert MAP not in {each["name"] for each in program.cli("maps", "list")}

    applied = program.cli("solutions", "apply", "FabrikamPrices")
    assert applied["applied"][0]["added"] == [MAP]
    assert applied["applied"][0]["table_changes"] > 0
    listed = {each["name"]: each for each in program.cli("maps", "list")}
    assert (listed[MAP]["state"], listed[MAP]["version"], listed[MAP]["publisher"]) == (
        "not running",
        "1.0.0.7",
        "contoso",
    )

    program.cli("maps", "run", MAP)
    created = program.finops(
        "POST", "/PriceCustomerGroups", {"dataAreaId": "usmf", "GroupCode": "GOLD", "GroupName": ""}
    )
    assert created.status_code == 201, created.text
    where = "msdyn_groupcode eq 'GOLD'"
    row_id = program.row_id("msdyn_pricecustomergroups", where)
    [row] = program.rows("dataverse", f"/msdyn_pricecustomergroups?$filter={quote(where)}")
    assert row["msdyn_groupname"] == "(no name)"
    renamed = program.dataverse("PATCH", f"/msdyn_pricecustomergroups({row_id})", {"msdyn_groupname": "Gold"})
    assert renamed.status_code == 204, renamed.text
    group = program.finops("GET", "/PriceCustomerGroups(dataAreaId='usmf',GroupCode='GOLD')?cross-company=true").json()
    assert group["GroupName"] == "Gold"

    refused = program.run("solutions", "import", str(_changed(tmp_path)))
    assert refused.returncode == 1
    assert f"{MAP} 1.0.0.7" in refused.stderr
    assert "maps stop" in refused.stderr

    exported = program.cli("solutions", "export", "FabrikamPrices", "-o", str(out), "--managed")
    assert exported["managed"]
    with zipfile.ZipFile(out) as archive:
        text = archive.read("customizations.xml").decode("utf-8-sig")
    assert json.dumps(PRICES) in text

    program.cli("maps", "stop", MAP)
    program.cli("solutions", "uninstall", "FabrikamPrices")
    assert MAP in {each["name"] for each in program.cli("maps", "list")}, "of an unmanaged solution the maps stay"


def test_overwriting_asks_and_without_a_terminal_tells(program: Program, tmp_path: Path) -> None:
    file = tmp_path / "own.zip"
    listed = {each["name"]: each for each in program.cli("solutions", "list")}
    assert listed["company"]["state"] == "applied"
    program.cli("solutions", "export", "Own", "--maps", "Units", "--publisher", "Mia", "-o", str(file))
    version = program.cli("maps", "show", "Units")["version"]
    content = mapping("Units", "uoms", [column("UNITSYMBOL", "name")])
    file.write_bytes(solution([MapElement("mia_[uoms - Units]", version, content, dict(FREE))]))
    shown = program.run("solutions", "import", str(file))
    assert shown.returncode == 1
    assert "Units (uoms)" in shown.stderr

    missing = program.run("solutions", "apply", "nothing")
    assert missing.returncode == 1
    assert "There is no solution 'nothing'" in missing.stderr
    text = tmp_path / "text.zip"
    text.write_text("not a zip")
    assert "neither a zip nor a cabinet" in program.run("solutions", "import", str(text)).stderr


def _changed(folder: Path) -> Path:
    file = folder / "changed.zip"
    content = mapping("Price customer groups", "msdyn_pricecustomergroups", [column("GROUPCODE", "msdyn_groupcode")])
    element = MapElement(ELEMENT.name, ELEMENT.version, content, dict(FREE))
    file.write_bytes(solution([element], manifest=solution_xml("FabrikamPrices")))
    return file
