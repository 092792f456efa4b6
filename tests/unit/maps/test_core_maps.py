"""The core solution: every map compiles against the catalog's schemas and runs on generated rows."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from map_samples import values_of

from dualwrite.catalog import load_schema
from dualwrite.catalog.maps import SOLUTIONS, SolutionMap, load_core, load_solution
from dualwrite.errors import CatalogRefused, ValueRefused
from dualwrite.maps.compile import compile_map
from dualwrite.maps.convert import End
from dualwrite.maps.equality import differs
from dualwrite.maps.execute import read_paths, transform
from dualwrite.maps.plan import Path as ColumnPath
from dualwrite.maps.plan import Plan
from dualwrite.maps.text import parse_map, render_map
from dualwrite.maps.values import Default
from dualwrite.metadata.schema import Side
from dualwrite.metadata.values import Value

CORE = load_core()
IDS = [entry.id for entry in CORE.entries]
UNCOVERED = {
    ("customer-payment-methods", "columns[10].transforms", "PAYMENTSTATUS >< msdyn_paymentstatus", "Approved"),
    ("vendor-payment-methods", "columns[4].transforms", "PAYMENTSTATUS >< msdyn_paymentstatus", "Confirmed"),
    (
        "vendors",
        "columns[3].transforms",
        "VENDORPARTYTYPE >< msdyn_isperson",
        "LegalEntity, Team, OperatingUnit, None",
    ),
    (
        "customers-contacts",
        "columns[10].transforms",
        "PERSONMARITALSTATUS >< familystatuscode",
        "Cohabiting, RegisteredPartnership",
    ),
    (
        "contacts-of-customers",
        "columns[20].transforms",
        "MARITALSTATUS >< familystatuscode",
        "Cohabiting, RegisteredPartnership",
    ),
    (
        "contacts-of-vendors",
        "columns[20].transforms",
        "MARITALSTATUS >< familystatuscode",
        "Cohabiting, RegisteredPartnership",
    ),
}
LOOKED_UP_LATER = {("vendors", "contact"), ("customers-accounts", "contact"), ("customers-accounts", "account")}


def plan_of(entry: SolutionMap) -> Plan:
    plan = compile_map(entry.map, finops=load_schema(Side.FINOPS), dataverse=load_schema(Side.DATAVERSE))
    assert isinstance(plan, Plan), [str(finding) for finding in plan]
    return plan


PLANS = {entry.id: plan_of(entry) for entry in CORE.entries}


@pytest.mark.parametrize("entry", CORE.entries, ids=IDS)
def test_every_map_is_written_as_it_reads(entry: SolutionMap) -> None:
    assert parse_map(render_map(entry.map)) == entry.map


def test_only_known_members_are_left_without_a_counterpart() -> None:
    """The published value maps do not cover them, and a value for them would be made up."""
    rest = "are in no pair and will be refused"
    expected = {
        (name, f"DIPV1030 {path}: {line}: the finance and operations values {members} {rest}")
        for name, path, line, members in UNCOVERED
    }
    assert {(name, str(warning)) for name, plan in PLANS.items() for warning in plan.warnings} == expected


def test_what_is_looked_up_is_mapped_earlier_but_for_known_circles() -> None:
    seen: set[str] = set()
    late: set[tuple[str, str]] = set()
    for name, plan in PLANS.items():
        assert plan.to_dataverse is not None
        late |= {(name, table) for table in plan.to_dataverse.lookup_tables - seen - {plan.dataverse.name}}
        seen.add(plan.dataverse.name)
    assert late <= LOOKED_UP_LATER


def test_companies_and_units_are_kept_in_finance_and_operations() -> None:
    assert {name for name, plan in PLANS.items() if plan.to_finops is None} == {"legal-entities", "units"}


def test_only_shared_reference_data_is_global() -> None:
    shared = {name for name, plan in PLANS.items() if not plan.company_specific}
    assert shared == {"legal-entities", "currencies", "units", "name-affixes"}


def test_every_map_is_told_apart_by_its_name() -> None:
    assert len({plan.map.name for plan in PLANS.values()}) == len(PLANS)


def test_two_maps_split_the_contact_persons_between_them() -> None:
    vendors, customers = PLANS["contacts-of-vendors"], PLANS["contacts-of-customers"]
    assert vendors.map.finops_entity == customers.map.finops_entity
    assert vendors.to_dataverse is not None and customers.to_dataverse is not None
    assert vendors.to_dataverse.filter != customers.to_dataverse.filter


def test_the_customer_map_has_the_columns_it_had_before_the_party_model() -> None:
    columns = {(each.finops, each.dataverse): each for each in PLANS["customers-accounts"].map.columns}
    assert len(columns) == 62
    assert columns[None, "customertypecode"].transforms == (Default("3"),)
    assert ("CONTACTPERSONID", "primarycontactid.msdyn_contactpersonid") in columns
    assert columns["ONHOLDSTATUS", "msdyn_onholdstatus"].map_type == "><"


@pytest.mark.parametrize("name", IDS)
@settings(max_examples=15)
@given(data=st.data())
def test_generated_rows_travel_to_dataverse_and_do_not_differ_then(name: str, data: st.DataObject) -> None:
    plan = PLANS[name]
    assert plan.to_dataverse is not None
    mapped = plan.to_dataverse.source_columns
    row: dict[str, Value] = {
        column.name: data.draw(values_of(End(plan.finops, column)), label=column.name)
        for column in plan.finops.columns
        if column.name in mapped
    }
    row |= {part.finops_column: row[part.finops_column] or "K1" for part in plan.key}
    try:
        done = transform(plan.to_dataverse, row, changed=None, label="K1")
    except ValueRefused as refusal:
        assert refusal.message.startswith(f"{plan.map.name}, K1: ")
        return
    related: dict[ColumnPath, Value] = {}
    for pending in done.lookups:
        for condition, value in zip(pending.plan.alternatives[0].conditions, pending.values[0], strict=True):
            related[pending.plan.column, *condition.target_path] = value
    assert set(related) <= plan.comparison_paths
    there = {**{column.name: None for column in plan.dataverse.columns}, **done.values}
    assert differs(plan, row, there, related=related) == ()


@pytest.mark.parametrize("name", [name for name, plan in PLANS.items() if plan.to_finops is not None])
@settings(max_examples=15)
@given(data=st.data())
def test_generated_rows_travel_back(name: str, data: st.DataObject) -> None:
    plan = PLANS[name]
    back = plan.to_finops
    assert back is not None
    row: dict[str, Value] = {
        column.name: data.draw(values_of(End(plan.dataverse, column)), label=column.name)
        for column in plan.dataverse.columns
        if column.name in back.source_columns
    }
    related: dict[ColumnPath, Value] = dict.fromkeys(read_paths(back, None), "K1")
    row |= {part.dataverse_path[0]: row[part.dataverse_path[0]] or 806380000 for part in plan.key}
    row |= {part.dataverse_path[0]: "K1" for part in plan.key if plan.dataverse.column(part.dataverse_path[0]).length}
    try:
        done = transform(back, row, related=related, changed=None, label="K1")
    except ValueRefused as refusal:
        assert refusal.message.startswith(f"{plan.map.name}, K1: ")
        return
    assert set(done.values) == {column.target_column for column in back.columns}
    assert None not in done.values.values()


def test_a_folder_whose_files_are_not_the_listed_maps_is_refused(tmp_path: Path) -> None:
    home = tmp_path / "odd"
    home.mkdir()
    listed = "name: odd\ndisplay_name: Odd\nversion: 1.0.0.0\npublisher: p\ndescription: d\nmaps: [units, missing]\n"
    (home / "solution.yaml").write_text(listed)
    (home / "units.yaml").write_text((SOLUTIONS / "core" / "units.yaml").read_text())
    with pytest.raises(CatalogRefused, match="missing"):
        load_solution("odd", folder=tmp_path)


def test_a_wrong_map_file_is_refused_with_file_and_line(tmp_path: Path) -> None:
    home = tmp_path / "odd"
    home.mkdir()
    listed = "name: odd\ndisplay_name: Odd\nversion: 1.0.0.0\npublisher: p\ndescription: d\nmaps: [units]\n"
    (home / "solution.yaml").write_text(listed)
    (home / "units.yaml").write_text("name: x\ncolour: red\n")
    with pytest.raises(CatalogRefused, match=r"units\.yaml:2: unknown key 'colour'"):
        load_solution("odd", folder=tmp_path)
