"""Comparing the two halves of a record."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from map_samples import CUSTOMER, compiled, customers, values_of

from dualwrite.maps.end import End
from dualwrite.maps.equality import ColumnDifference, differs
from dualwrite.maps.execute import transform
from dualwrite.maps.plan import DirectionPlan, Path
from dualwrite.metadata.values import Value

PLAN = compiled(customers())
assert PLAN.to_dataverse is not None
FORWARD: DirectionPlan = PLAN.to_dataverse
ACCOUNT: Mapping[str, Value] = {
    **{column.name: None for column in PLAN.dataverse.columns},
    **transform(FORWARD, CUSTOMER, changed=None, label="x").values,
}
RELATED: Mapping[Path, Value] = {("groupid", "name"): "90"}


def test_a_copied_row_does_not_differ() -> None:
    assert differs(PLAN, CUSTOMER, ACCOUNT, related=RELATED) == ()


def test_natural_keys_behind_lookups_compare_without_case_and_plain_text_with_it() -> None:
    row = {**CUSTOMER, "GroupId": "ab"}
    assert differs(PLAN, row, ACCOUNT, related={("groupid", "name"): "AB"}) == ()
    (difference,) = differs(PLAN, CUSTOMER, {**ACCOUNT, "name": "CAVE wholesales"}, related=RELATED)
    assert difference.finops_column == "OrganizationName"


def test_a_difference_tells_both_values_and_what_was_expected() -> None:
    assert differs(PLAN, CUSTOMER, {**ACCOUNT, "hold": 806380002}, related=RELATED) == (
        ColumnDifference("Hold", "hold", "Invoice", 806380002, 806380001),
    )


def test_a_missing_lookup_is_a_difference() -> None:
    (difference,) = differs(PLAN, CUSTOMER, ACCOUNT)
    assert (difference.dataverse_path, difference.dataverse_value, difference.expected) == ("groupid.name", None, "90")


def test_a_polymorphic_lookup_is_compared_in_the_table_it_points_to() -> None:
    row = {**CUSTOMER, "ParentId": "P1"}
    account = {**ACCOUNT, "parent@table": "contact"}
    assert differs(PLAN, row, account, related={**RELATED, ("parent", "personid"): "p1"}) == ()
    (difference,) = differs(PLAN, row, account, related={**RELATED, ("parent", "personid"): "P2"})
    assert difference.dataverse_path == "parent.personid"


def test_a_one_way_column_is_judged_in_its_direction() -> None:
    (difference,) = differs(PLAN, {**CUSTOMER, "Employees": 5}, ACCOUNT, related=RELATED)
    assert (difference.expected, difference.dataverse_value) == (5, 0)


def test_either_direction_may_prove_a_two_way_column_equal() -> None:
    """Null in Dataverse and 0 in finance and operations are the same amount, though 0 would be copied as 0."""
    assert differs(PLAN, {**CUSTOMER, "CreditLimit": Decimal(0)}, {**ACCOUNT, "credit": None}, related=RELATED) == ()


def test_constants_are_not_compared() -> None:
    assert differs(PLAN, {**CUSTOMER, "LanguageId": "de"}, {**ACCOUNT, "kind": 12}, related=RELATED) == ()


def test_a_value_that_cannot_be_copied_tells_why() -> None:
    (difference,) = differs(PLAN, {**CUSTOMER, "CreditRating": "x" * 12}, ACCOUNT, related=RELATED)
    assert difference.expected is None
    assert difference.refusal == "CreditRating is 12 characters long, accounts.rating holds 10."


@given(st.data())
def test_whatever_is_copied_does_not_differ(data: st.DataObject) -> None:
    row: dict[str, Value] = {
        column.name: data.draw(values_of(End(PLAN.finops, column)), label=column.name) for column in PLAN.finops.columns
    }
    row |= {"CustomerAccount": "C1", "CreditRating": str(row["CreditRating"])[:10]}
    done = transform(FORWARD, row, changed=None, label="C1")
    related: dict[Path, Value] = {}
    for pending in done.lookups:
        for condition, value in zip(pending.plan.alternatives[0].conditions, pending.values[0], strict=True):
            related[pending.plan.column, *condition.target_path] = value
    account = {**ACCOUNT, **done.values, "parent@table": "account"}
    assert differs(PLAN, row, account, related=related) == ()
