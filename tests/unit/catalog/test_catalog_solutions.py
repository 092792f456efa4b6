"""The solutions of the catalog: every published map is there, compiles, and stands where it can be started."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import yaml

from dualwrite.catalog import load_schema
from dualwrite.catalog.maps import (
    DEMONSTRATION,
    SOLUTIONS,
    STARTER,
    Solution,
    SolutionMap,
    demonstration_maps,
    dependencies,
    exclusions,
    load_manifests,
    load_solution,
    load_solutions,
)
from dualwrite.catalog.tables import tables_needed
from dualwrite.errors import CatalogRefused
from dualwrite.maps.compile import compile_map
from dualwrite.maps.findings import Finding, Severity
from dualwrite.maps.plan import Plan
from dualwrite.maps.text import render_map
from dualwrite.maps.values import ColumnMapping, Default, MapVersion, Version
from dualwrite.metadata.schema import Side

FINOPS, DATAVERSE = load_schema(Side.FINOPS), load_schema(Side.DATAVERSE)
CATALOG = load_solutions()
ENTRIES = [(solution, entry) for solution in CATALOG for entry in solution.entries]
IDS = [f"{solution.name}/{entry.full_id}" for solution, entry in ENTRIES]
PARTY_TABLES = {
    "msdyn_party",
    "msdyn_contactforparty",
    "msdyn_postaladdress",
    "msdyn_postaladdresscollection",
    "msdyn_partypostaladdress",
    "msdyn_partyelectronicaddress",
}
LOOKED_UP_LATER = {
    ("customers-accounts", "contact"),
    ("vendors", "contact"),
    ("vendors", "msdyn_contactforparty"),
    ("customers-accounts", "msdyn_contactforparty"),
    ("customers-contacts", "msdyn_contactforparty"),
    ("quotations", "salesorder"),
}
"""Circles: a customer has a primary contact, who is the contact person of a customer; a quotation names the order that
came of it. A second copy fills these."""


def compiled(version: MapVersion) -> Plan | tuple[Finding, ...]:
    return compile_map(version, finops=FINOPS, dataverse=DATAVERSE)


PLANS = {(solution.name, entry.full_id): compiled(entry.map) for solution, entry in ENTRIES}


# --- what there is ----------------------------------------------------------------------------------------------------


def test_every_published_map_is_there() -> None:
    names = {entry.map.name for _, entry in ENTRIES}
    assert len(names) == 149, "148 published ones and the inferred one of the contacts of customers"
    assert {solution.name: len(solution.ids) for solution in CATALOG} == {
        "company": 1,
        "currency-exchange-rates": 4,
        "common": 8,
        "finance": 31,
        "asset-management": 11,
        "human-resources": 18,
        "supply-chain": 55,
        "party": 21,
        "commerce": 3,
        "notes": 4,
    }


def test_the_party_solution_brings_newer_versions_of_six_maps_and_the_published_numbers() -> None:
    party = {entry.id: entry.map.version for entry in load_solution("party").entries}
    older = {e.id: e.map.version for s in CATALOG if s.name in ("finance", "supply-chain") for e in s.entries}
    shared = {id for id in party if id in older}
    assert shared == {
        "customers-accounts",
        "customers-contacts",
        "vendors",
        "quotations",
        "sales-orders",
        "sales-invoices",
        "contacts-of-vendors",
    }
    assert all(party[id] > older[id] for id in shared)
    assert party["customers-accounts"] == Version.parse("1.0.0.5")
    assert party["quotations"] == Version.parse("1.0.0.7")


def test_versions_differ_by_more_than_their_number() -> None:
    contents: dict[tuple[object, ...], str] = {}
    for _, entry in ENTRIES:
        version = entry.map
        content = (entry.id, version.columns, version.source_filter, version.reversed_source_filter)
        assert contents.setdefault(content, entry.full_id) == entry.full_id


def test_an_id_is_one_map_and_a_map_version_is_in_one_solution() -> None:
    names = {(entry.id, entry.map.name) for _, entry in ENTRIES}
    assert len({id for id, _ in names}) == len({name for _, name in names}) == len(names)
    assert [full for full, count in Counter(entry.full_id for _, entry in ENTRIES).items() if count > 1] == []


def test_maps_are_named_by_what_they_join() -> None:
    odd = {
        entry.map.name
        for _, entry in ENTRIES
        if entry.map.name
        != f"{FINOPS.table(entry.map.finops_entity).label} ({DATAVERSE.table(entry.map.dataverse_table).entity_set})"
    }
    assert odd == {"CDS Contacts V2 (contacts of customers)"}


def test_everything_is_described_and_of_the_catalogs_publisher() -> None:
    for solution in CATALOG:
        assert solution.publisher == "dualwrite" and solution.description.endswith(".")
        assert solution.name == "commerce" or solution.provides
    assert all(entry.map.publisher == "dualwrite" and entry.map.description.endswith(".") for _, entry in ENTRIES)


# --- whether it works -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("solution", "entry"), ENTRIES, ids=IDS)
def test_a_map_compiles_and_what_is_found_is_explained(solution: Solution, entry: SolutionMap) -> None:
    plan = PLANS[solution.name, entry.full_id]
    found = plan.warnings if isinstance(plan, Plan) else plan
    assert [str(finding) for finding in found if finding.severity is Severity.ERROR] == []
    explained = {each.code for each in solution.explained if entry.full_id in each.maps}
    assert {finding.code.value for finding in found} == explained, [str(finding) for finding in found]


def test_only_shipped_versions_are_explained() -> None:
    for solution in CATALOG:
        shipped = {entry.full_id for entry in solution.entries}
        assert {full for each in solution.explained for full in each.maps} <= shipped


@pytest.mark.parametrize(("solution", "entry"), ENTRIES, ids=IDS)
def test_a_file_is_what_would_be_written(solution: Solution, entry: SolutionMap) -> None:
    text = (SOLUTIONS / solution.name / f"{entry.full_id}.yaml").read_text(encoding="utf-8")
    assert "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#")) == render_map(entry.map)


def test_what_is_mended_says_so() -> None:
    mends = yaml.safe_load((Path(__file__).parents[3] / "tools" / "map_mends.yaml").read_text(encoding="utf-8"))
    files = {path: _comments(path) for path in SOLUTIONS.glob("*/*@*.yaml")}
    for mend in mends:
        wanted = mend.get("maps", [mend["map"]] if "map" in mend else None)
        told = [path for path, comments in files.items() if mend["reason"] in comments]
        assert told, mend
        assert set(wanted or ()) <= {path.stem.partition("@")[0] for path in told}, mend


def _comments(path: Path) -> str:
    lines = path.read_text(encoding="utf-8").splitlines()
    return " ".join(line.removeprefix("#").strip() for line in lines if line.startswith("#"))


# --- what needs what --------------------------------------------------------------------------------------------------


def test_solutions_come_after_those_they_depend_on() -> None:
    seen: dict[str, Version] = {}
    for manifest in load_manifests():
        assert all(seen[name] >= version for name, version in manifest.depends_on.items())
        seen[manifest.name] = manifest.version
    assert list(dependencies("finance")) == ["company", "currency-exchange-rates", "common"]
    assert set(STARTER) <= set(seen)


def test_what_is_looked_up_is_mapped_before_but_for_known_circles() -> None:
    """In the solution itself, or in one that it depends on; tables that nothing maps are filled by hand."""
    mapped = {entry.map.dataverse_table for _, entry in ENTRIES}
    late: set[tuple[str, str]] = set()
    for solution in CATALOG:
        needed = set(dependencies(solution.name))
        there = {entry.map.dataverse_table for other in CATALOG if other.name in needed for entry in other.entries}
        for entry in solution.entries:
            plan = PLANS[solution.name, entry.full_id]
            assert isinstance(plan, Plan)
            there.add(plan.dataverse.name)
            if plan.to_dataverse is not None:
                late |= {(entry.id, table) for table in (plan.to_dataverse.lookup_tables & mapped) - there}
    assert late == LOOKED_UP_LATER


def test_party_tables_are_needed_by_the_solutions_that_need_parties_only() -> None:
    needing = {solution.name for solution in CATALOG if PARTY_TABLES & set(tables_needed(solution.maps)[1])}
    assert needing == {"party", "commerce"}


def test_a_solutions_tables_are_those_it_maps_and_those_behind_its_lookups() -> None:
    finops, dataverse = tables_needed(load_solution("company").maps)
    assert (finops, dataverse) == (("OMLegalEntity",), ("cdm_company",))
    _, dataverse = tables_needed(load_solution("supply-chain").maps)
    assert {"product", "msdyn_vendor", "cdm_worker", "contact", "uom"} <= set(dataverse)
    for solution in CATALOG:
        finops, dataverse = tables_needed(solution.maps)
        assert all(FINOPS.find(name) for name in finops) and all(DATAVERSE.find(name) for name in dataverse)


def test_what_may_not_run_together_is_named() -> None:
    classic, sales = exclusions(load_solution("supply-chain"))
    assert "CDS sales order headers (salesorders)" in classic
    assert "Dynamics 365 Sales order headers (salesorders)" in sales
    assert exclusions(load_solution("party")) == (
        ("CDS Contacts V2 (contacts of customers)", "CDS Contacts V2 (contacts)"),
        ("Contacts V2 (msdyn_contactforparties)",),
    )


def test_the_demonstration_runs_maps_of_the_starters_before_the_party_model() -> None:
    assert [entry.id for entry in demonstration_maps()] == list(DEMONSTRATION)
    assert {entry.map.name for entry in demonstration_maps()} <= {
        version.name for name in STARTER for version in load_solution(name).active
    }


# --- the customer cluster ---------------------------------------------------------------------------------------------


def version_of(solution: str, id: str, version: str = "1.0.0.0") -> MapVersion:
    return next(each for each in load_solution(solution).versions_of(id) if str(each.version) == version)


def test_the_customer_map_has_the_columns_it_had_before_the_party_model() -> None:
    columns = {(each.finops, each.dataverse): each for each in version_of("finance", "customers-accounts").columns}
    assert len(columns) == 62
    assert columns[None, "customertypecode"].transforms == (Default("3"),)
    assert ("CONTACTPERSONID", "primarycontactid.msdyn_contactpersonid") in columns
    assert columns["ONHOLDSTATUS", "msdyn_onholdstatus"].map_type == "><"


def test_the_customer_map_of_the_party_model_refers_to_parties() -> None:
    columns = version_of("party", "customers-accounts", "1.0.0.5").columns
    assert len(columns) == 25
    assert ColumnMapping("PARTYNUMBER", "msdyn_partyid.msdyn_partynumber") in columns


def test_two_maps_split_the_contact_persons_between_them() -> None:
    vendors, customers = (version_of("finance", f"contacts-of-{whom}", "1.0.0.1") for whom in ("vendors", "customers"))
    assert vendors.finops_entity == customers.finops_entity
    assert vendors.source_filter != customers.source_filter
    assert vendors.reversed_source_filter != customers.reversed_source_filter


def test_the_highest_version_is_the_active_one() -> None:
    chain = load_solution("supply-chain")
    active = {each.name: str(each.version) for each in chain.active}
    assert active["CDS released distinct products (products)"] == "1.0.0.3"
    assert len(active) == len(chain.ids) < len(chain.entries)


# --- damaged folders --------------------------------------------------------------------------------------------------

MANIFEST = "name: odd\ndisplay_name: Odd\nversion: 1.0.0.0\npublisher: p\ndescription: d\nmaps: [units{more}]\n"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "odd"
    folder.mkdir()
    (folder / "solution.yaml").write_text(MANIFEST.format(more=""))
    (folder / "units@1.0.0.0.yaml").write_text((SOLUTIONS / "common" / "units@1.0.0.0.yaml").read_text())
    return folder


@pytest.mark.parametrize(
    ("file", "content", "complaint"),
    [
        ("solution.yaml", MANIFEST.format(more=", missing"), r"there is no file for missing"),
        ("solution.yaml", MANIFEST.format(more=", units"), r"a map is listed twice"),
        ("solution.yaml", MANIFEST.format(more="") + "colour: red\n", r"a solution has the keys"),
        ("solution.yaml", MANIFEST.format(more="").replace("1.0.0.0", "one"), r"'one' is not a version"),
        ("solution.yaml", "[", r"solution\.yaml"),
        ("spare@1.0.0.0.yaml", "{units}", r"does not list a map spare"),
        ("units@1.0.0.1.yaml", "{units}", r"named for version 1\.0\.0\.1, it holds 1\.0\.0\.0"),
        ("units@1.0.0.0.yaml", "name: x\ncolour: red\n", r"units@1\.0\.0\.0\.yaml:2: unknown key 'colour'"),
    ],
)
def test_a_damaged_solution_is_refused_with_its_file(home: Path, file: str, content: str, complaint: str) -> None:
    units = (home / "units@1.0.0.0.yaml").read_text()
    (home / file).write_text(units if content == "{units}" else content)
    with pytest.raises(CatalogRefused, match=complaint) as refusal:
        load_solution("odd", folder=home.parent)
    assert str(home) in refusal.value.message


@pytest.mark.parametrize(
    ("depends_on", "complaint"),
    [("{odd: 1.0.0.0}", r"odd -> odd depend on each other"), ("{even: 1.0.0.0}", r"even, which is not in the catalog")],
)
def test_dependencies_that_lead_nowhere_are_refused(home: Path, depends_on: str, complaint: str) -> None:
    (home / "solution.yaml").write_text(MANIFEST.format(more="") + f"depends_on: {depends_on}\n")
    with pytest.raises(CatalogRefused, match=complaint):
        load_manifests(folder=home.parent)
