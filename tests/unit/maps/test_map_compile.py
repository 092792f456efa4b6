"""Compiling maps: what a plan holds, and which findings stop it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from map_samples import (
    BACK,
    BOTH,
    CUSTOMER_COLUMNS,
    DATAVERSE,
    FINOPS,
    FORTH,
    compiled,
    customers,
    refused,
)

from dualwrite.filters.tree import Compare
from dualwrite.maps.compile import compile_map
from dualwrite.maps.findings import Severity
from dualwrite.maps.plan import KeyPart, Plan
from dualwrite.maps.values import ColumnMapping, Default, Direction, MapVersion, ValueMap, Version

ACCOUNT = ColumnMapping("CUSTOMERACCOUNT", "number")


def test_a_right_map_yields_a_plan_without_warnings() -> None:
    plan = compiled(customers())
    assert plan.company_specific
    assert plan.warnings == ()
    assert plan.key == (KeyPart(("number",), "CustomerAccount"),)
    assert plan.direction(Direction.TO_DATAVERSE) is plan.to_dataverse
    assert plan.direction(Direction.TO_FINOPS) is plan.to_finops


def test_each_direction_writes_its_own_columns() -> None:
    plan = compiled(customers())
    assert plan.to_dataverse is not None and plan.to_finops is not None
    forth = [column.target_column for column in plan.to_dataverse.columns]
    back = [column.target_column for column in plan.to_finops.columns]
    assert "employees" in forth and "Employees" not in back
    assert "LanguageId" in back
    assert [column.target_column for column in plan.to_dataverse.columns if column.on_create_only] == ["kind"]


def test_lines_on_one_lookup_become_one_column_with_several_conditions() -> None:
    plan = compiled(customers()).to_dataverse
    assert plan is not None
    (category,) = (column for column in plan.columns if column.target_column == "category")
    assert category.lookup is not None
    (alternative,) = category.lookup.alternatives
    assert [(each.target_path, each.source_column) for each in alternative.conditions] == [
        (("name",), "CategoryName"),
        (("hierarchy", "name"), "HierarchyName"),
    ]
    assert category.source_columns == {"CategoryName", "HierarchyName"}


def test_a_polymorphic_lookup_has_an_alternative_for_each_table_in_order() -> None:
    plan = compiled(customers())
    assert plan.to_dataverse is not None and plan.to_finops is not None
    (forth,) = (column for column in plan.to_dataverse.columns if column.target_column == "parent")
    assert forth.lookup is not None
    assert [(each.table, each.conditions[0].target_path) for each in forth.lookup.alternatives] == [
        ("account", ("number",)),
        ("contact", ("personid",)),
    ]
    assert plan.to_finops.via == {("parent", "number"): ("account",), ("parent", "personid"): ("contact",)}


def test_a_lookup_in_the_key_is_a_path() -> None:
    lines = MapVersion(
        "Lines",
        Version(1),
        "tests",
        "Lines",
        "line",
        columns=(
            ColumnMapping("SCHEDULE", "schedule.name"),
            ColumnMapping("LINENUMBER", "number"),
            ColumnMapping("DAYS", "days"),
        ),
    )
    plan = compiled(lines)
    assert plan.key == (KeyPart(("schedule", "name"), "Schedule"), KeyPart(("number",), "LineNumber"))
    assert plan.to_dataverse is not None and plan.to_finops is not None
    assert [(key.target_path, key.source_path) for key in plan.to_dataverse.key] == [
        (("schedule", "name"), ("Schedule",)),
        (("number",), ("LineNumber",)),
    ]
    assert plan.to_finops.key_paths == {("schedule", "name")}


def test_a_one_way_map_has_one_direction_only() -> None:
    one_way = tuple(replace(each, sync_direction=FORTH) for each in CUSTOMER_COLUMNS if each.sync_direction is not BACK)
    plan = compiled(customers(columns=one_way))
    assert plan.to_dataverse is not None and plan.to_finops is None


def test_filters_are_bound_each_on_its_own_side() -> None:
    plan = compiled(replace(customers(), source_filter='((Hold == "All"))', reversed_source_filter="kind eq 3"))
    assert plan.to_dataverse is not None and plan.to_finops is not None
    assert isinstance(plan.to_dataverse.filter, Compare) and plan.to_dataverse.filter.left.parts == ("Hold",)
    assert isinstance(plan.to_finops.filter, Compare) and plan.to_finops.filter.right == 3


def test_a_published_key_may_name_the_company() -> None:
    plan = compiled(replace(customers(), integration_key=("number", "company.cdm_companycode")))
    assert plan.key == (KeyPart(("number",), "CustomerAccount"),)


def _extra(*args: object) -> MapVersion:
    return customers(ColumnMapping(*args))  # type: ignore[arg-type]


WRONG = {
    "no such entity": (replace(customers(), finops_entity="Nothing"), "DIPV1021", "finops_entity"),
    "no such table": (replace(customers(), dataverse_table="nothing"), "DIPV1022", "dataverse_table"),
    "no such finops column": (_extra("NOTHING", "rating"), "DIPV1023", "columns[16].finops"),
    "no such dataverse column": (_extra("CREDITRATING", "nothing"), "DIPV1024", "columns[16].dataverse"),
    "no such column behind a lookup": (_extra("GROUPID", "groupid.nothing"), "DIPV1024", "columns[16].dataverse"),
    "a path through a plain column": (_extra("GROUPID", "rating.name"), "DIPV1024", "columns[16].dataverse"),
    "a lookup that does not point there": (_extra("GROUPID", "groupid.Account(number)"), "DIPV1024", "columns[16].d"),
    "a lookup without a natural key": (_extra("GROUPID", "groupid"), "DIPV1030", "columns[16].dataverse"),
    "the company of finops": (_extra("DATAAREAID", "rating"), "DIPV1002", "columns[16].finops"),
    "the company of Dataverse": (_extra("GROUPID", "company.cdm_companycode"), "DIPV1002", "columns[16].dataverse"),
    "a system column": (_extra("SEENAT", "createdon", FORTH), "DIPV1011", "columns[16]"),
    "a Dataverse column twice": (_extra("GROUPID", "rating", FORTH), "DIPV1026", "columns[16]"),
    "an F&O column twice": (_extra("CREDITRATING", "name", BACK), "DIPV1025", "columns[16]"),
    "a pair twice": (_extra("CREDITRATING", "rating"), "DIPV1029", "columns[16]"),
    "types without a conversion": (
        customers(columns=(ACCOUNT, ColumnMapping("SINCE", "onetime"))),
        "DIPV1030",
        "columns[1]",
    ),
    "a constant that does not fit": (
        customers(columns=(ACCOUNT, ColumnMapping(None, "kind", FORTH, (Default("many"),)))),
        "DIPV1018",
        "columns[1].transforms",
    ),
    "a constant that points the wrong way": (
        customers(columns=(ACCOUNT, ColumnMapping(None, "kind", BACK, (Default("3"),)))),
        "DIPV1018",
        "columns[1]",
    ),
    "a value map with a stranger": (
        customers(columns=(ACCOUNT, ColumnMapping("HOLD", "hold", BOTH, (ValueMap((("maybe", "806380000"),)),)))),
        "DIPV1018",
        "columns[1].transforms",
    ),
    "a value map that is not invertible": (
        customers(
            columns=(
                ACCOUNT,
                ColumnMapping("HOLD", "hold", BOTH, (ValueMap((("no", "806380000"), ("all", "806380000"))),)),
            )
        ),
        "DIPV1018",
        "columns[1].transforms",
    ),
    "no alternate key": (
        MapVersion("x", Version(1), "tests", "Units", "category", columns=(ColumnMapping("SYMBOL", "name"),)),
        "DIPV1003",
        "integration_key",
    ),
    "a key column that is not mapped": (
        customers(columns=(ColumnMapping("GROUPID", "groupid.name"),)),
        "DIPV1004",
        "integration_key",
    ),
    "a key of columns that are not there": (
        replace(customers(), integration_key=("nothing",)),
        "DIPV1014",
        "integration_key[0]",
    ),
    "a key column mapped one way among two-way columns": (
        customers(columns=(replace(ACCOUNT, sync_direction=FORTH), ColumnMapping("CREDITRATING", "rating"))),
        "DIPV1015",
        "columns[0]",
    ),
    "an F&O key that is not mapped": (
        customers(columns=(ColumnMapping("GROUPID", "number"),)),
        "DIPV1027",
        "columns",
    ),
    "a key that is a constant": (
        customers(columns=(ColumnMapping(None, "number", FORTH, (Default("1"),)), ColumnMapping("GROUPID", "rating"))),
        "DIPV1028",
        "columns[0]",
    ),
    "a company-specific with a global table": (
        replace(customers(), dataverse_table="unit"),
        "DIPV1002",
        "dataverse_table",
    ),
    "a mandatory column of Dataverse": (
        MapVersion("u", Version(1), "tests", "Units", "unit", columns=(ColumnMapping("SYMBOL", "symbol", FORTH),)),
        "DIPV1010",
        "columns",
    ),
    "a mandatory column of finops": (
        MapVersion("u", Version(1), "tests", "Units", "unit", columns=(ColumnMapping("SYMBOL", "symbol", BACK),)),
        "DIPV1031",
        "columns",
    ),
    "an unreadable filter": (replace(customers(), source_filter='((Hold == "All"'), "DIPV1012", "source_filter"),
    "a filter on an unknown column": (
        replace(customers(), reversed_source_filter="nothing eq 3"),
        "DIPV1012",
        "reversed_source_filter",
    ),
}


@pytest.mark.parametrize(("version", "code", "path"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_found_where_it_is(version: MapVersion, code: str, path: str) -> None:
    findings = refused(version)
    assert any(
        found.code.value == code and found.path.startswith(path) and found.severity is Severity.ERROR
        for found in findings
    ), [str(found) for found in findings]


def test_one_way_value_maps_need_not_be_invertible() -> None:
    joined = ValueMap((("no", "806380000"), ("invoice", "806380000"), ("all", "806380002")))
    plan = compile_map(
        customers(columns=(ACCOUNT, ColumnMapping("HOLD", "hold", FORTH, (joined,)))),
        finops=FINOPS,
        dataverse=DATAVERSE,
    )
    assert isinstance(plan, Plan)


def test_all_findings_come_at_once() -> None:
    findings = refused(customers(ColumnMapping("NOTHING", "rating"), ColumnMapping("GROUPID", "nothing")))
    assert {found.code.value for found in findings} == {"DIPV1023", "DIPV1024"}
