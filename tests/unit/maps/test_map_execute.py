"""Running a compiled map on rows."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from map_samples import CUSTOMER, FORTH, HOLD_MAP, compiled, customers

from dualwrite.errors import RecordRefused, ReferenceNotFound, ValueProblem, ValueRefused
from dualwrite.maps.execute import affects, key_of, lookup_refusal, read_paths, transform
from dualwrite.maps.plan import DirectionPlan
from dualwrite.maps.values import ColumnMapping, Default

PLAN = compiled(customers())
assert PLAN.to_dataverse is not None and PLAN.to_finops is not None
FORWARD: DirectionPlan = PLAN.to_dataverse
BACKWARD: DirectionPlan = PLAN.to_finops
ACCOUNT = {column.name: None for column in PLAN.dataverse.columns}


def test_a_new_row_becomes_all_columns_constants_included() -> None:
    done = transform(FORWARD, CUSTOMER, changed=None, label="US-004")
    assert done.values == {
        "number": "US-004",
        "name": "Cave Wholesales",
        "category": None,
        "parent": None,
        "rating": "Good",
        "credit": Decimal("10.5"),
        "employees": 0,
        "since": None,
        "seenat": None,
        "hold": 806380001,
        "grade": None,
        "onetime": True,
        "kind": 3,
    }
    assert [(pending.plan.column, pending.values) for pending in done.lookups] == [("groupid", (("90",),))]
    assert done.key == ("US-004",)


def test_a_changed_row_becomes_only_what_the_change_reaches() -> None:
    done = transform(FORWARD, CUSTOMER, changed=frozenset({"CreditRating", "Hold"}), label="US-004")
    assert done.values == {"rating": "Good", "hold": 806380001}
    assert done.lookups == ()
    assert done.key == ("US-004",)


def test_a_change_of_unmapped_columns_reaches_nothing() -> None:
    assert transform(FORWARD, CUSTOMER, changed=frozenset({"dataAreaId"}), label="US-004").values == {}


def test_one_of_two_columns_behind_a_lookup_asks_for_it_with_both() -> None:
    row = {**CUSTOMER, "CategoryName": "Lamps", "HierarchyName": "Retail"}
    done = transform(FORWARD, row, changed=frozenset({"HierarchyName"}), label="US-004")
    (pending,) = done.lookups
    assert pending.values == (("Lamps", "Retail"),)


def test_a_polymorphic_lookup_asks_in_each_table() -> None:
    done = transform(FORWARD, {**CUSTOMER, "ParentId": "P1"}, changed=frozenset({"ParentId"}), label="US-004")
    (pending,) = done.lookups
    assert pending.values == (("P1",), ("P1",))


def test_back_the_values_behind_lookups_are_read_first() -> None:
    assert read_paths(BACKWARD, frozenset({"rating"})) == frozenset()
    assert read_paths(BACKWARD, frozenset({"groupid"})) == {("groupid", "name")}
    assert read_paths(BACKWARD, None) == {
        ("groupid", "name"),
        ("category", "name"),
        ("category", "hierarchy", "name"),
        ("parent", "number"),
        ("parent", "personid"),
    }


def test_back_they_become_columns() -> None:
    row = {**ACCOUNT, "number": "US-004", "parent@table": "contact"}
    related = {("groupid", "name"): "90", ("parent", "personid"): "P1"}
    done = transform(BACKWARD, row, related=related, changed=None, label="US-004")
    assert (done.values["GroupId"], done.values["ParentId"], done.values["CategoryName"]) == ("90", "P1", "")
    assert (done.values["Since"], done.values["Hold"], done.values["LanguageId"]) == (date(1900, 1, 1), "No", "en-us")
    assert done.key == ("US-004",)


def test_a_default_stands_in_for_an_empty_source() -> None:
    version = customers(
        columns=(
            ColumnMapping("CUSTOMERACCOUNT", "number"),
            ColumnMapping("CREDITRATING", "rating", FORTH, (Default("New"),)),
        )
    )
    plan = compiled(version).to_dataverse
    assert plan is not None
    assert transform(plan, {**CUSTOMER, "CreditRating": ""}, changed=None, label="x").values["rating"] == "New"
    assert transform(plan, CUSTOMER, changed=None, label="x").values["rating"] == "Good"


def test_a_member_is_never_taken_for_an_empty_source() -> None:
    hold = ColumnMapping("HOLD", "hold", FORTH, (HOLD_MAP, Default("806380002")))
    plan = compiled(customers(columns=(ColumnMapping("CUSTOMERACCOUNT", "number"), hold))).to_dataverse
    assert plan is not None
    assert transform(plan, {**CUSTOMER, "Hold": "No"}, changed=None, label="x").values["hold"] == 806380000


def test_only_mapped_columns_trigger() -> None:
    assert affects(FORWARD, frozenset({"CreditRating"}))
    assert affects(FORWARD, frozenset({"HierarchyName", "dataAreaId"}))
    assert not affects(FORWARD, frozenset({"dataAreaId"}))
    assert not affects(FORWARD, frozenset({"LanguageId"}))
    assert not affects(BACKWARD, frozenset({"employees", "kind", "createdon"}))
    assert affects(BACKWARD, frozenset({"parent"}))


def test_the_filters_columns_do_not_trigger() -> None:
    filtered = compiled(replace(customers(), reversed_source_filter="kind eq 3")).to_finops
    assert filtered is not None
    assert not affects(filtered, frozenset({"kind"}))


def test_a_value_that_does_not_fit_names_map_record_and_both_columns() -> None:
    with pytest.raises(ValueRefused) as refusal:
        transform(FORWARD, {**CUSTOMER, "CreditRating": "x" * 12}, changed=None, label="US-004")
    assert refusal.value.message == (
        "Customers (accounts), US-004: CreditRating is 12 characters long, accounts.rating holds 10."
    )
    assert (refusal.value.table, refusal.value.column) == ("account", "rating")
    assert refusal.value.problem is ValueProblem.TOO_LONG


@pytest.mark.parametrize("empty", ["", None])
def test_a_record_without_its_key_is_refused_with_the_column_to_fill(empty: str | None) -> None:
    with pytest.raises(RecordRefused) as refusal:
        key_of(FORWARD, {**CUSTOMER, "CustomerAccount": empty}, label="new record")
    assert refusal.value.message == (
        "Customers (accounts), new record: CustomerAccount is empty. Fill it in: it identifies the record in accounts."
    )


def test_a_lookup_without_a_row_names_value_table_company_and_way_out() -> None:
    (pending,) = transform(FORWARD, CUSTOMER, changed=frozenset({"GroupId"}), label="US-004").lookups
    refusal = lookup_refusal(
        FORWARD, pending, label="US-004", company="usmf", maps={"group": "Customer groups (msdyn_customergroups)"}
    )
    assert isinstance(refusal, ReferenceNotFound)
    assert refusal.message == (
        "Customers (accounts), US-004: GroupId '90' was not found in groups (company usmf). "
        "Create it there or run the Customer groups map."
    )


def test_without_a_known_map_the_way_out_is_to_create_the_row() -> None:
    row = {**CUSTOMER, "CategoryName": "Lamps", "HierarchyName": "Retail", "ParentId": "P1"}
    category, parent = transform(FORWARD, row, changed=frozenset({"CategoryName", "ParentId"}), label="US-004").lookups
    assert lookup_refusal(FORWARD, category, label="US-004", company="usmf").message == (
        "Customers (accounts), US-004: CategoryName 'Lamps', HierarchyName 'Retail' were not found in categorys. "
        "Create it there."
    )
    assert lookup_refusal(FORWARD, parent, label="US-004", company="usmf").message == (
        "Customers (accounts), US-004: ParentId 'P1' was not found in accounts or contacts (company usmf). "
        "Create it there."
    )


def test_awkward_texts_travel_unharmed() -> None:
    text = 'O\'Neil & "Søn" 😀 <\\>'
    there = transform(
        FORWARD, {**CUSTOMER, "OrganizationName": text}, changed=frozenset({"OrganizationName"}), label="x"
    )
    assert there.values == {"name": text}
