"""What differs between two versions of a map, and that its changes lead from one to the other."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from map_samples import FORTH, HOLD_MAP, MAPS, customers

from dualwrite.maps.diff import compare_versions, difference_lines
from dualwrite.maps.edit import apply_changes
from dualwrite.maps.values import ColumnMapping, MapVersion, Truncate, ValueMap, Version


@st.composite
def _neighbours(draw: st.DrawFn) -> tuple[MapVersion, MapVersion]:
    """Two versions that have much in common: lines moved, doubled, lost, turned, joined with other columns."""
    old, other = draw(MAPS), draw(MAPS)
    lines = draw(st.lists(st.sampled_from([*old.columns, *other.columns]), max_size=8)) if old.columns else []
    turned = [
        replace(each, dataverse=each.dataverse and each.dataverse + "x") if draw(st.booleans()) else each
        for each in lines
    ]
    return old, replace(draw(st.sampled_from([old, other])), columns=tuple(turned))


@given(MAPS, MAPS)
def test_the_changes_lead_from_one_version_to_the_other(old: MapVersion, new: MapVersion) -> None:
    assert apply_changes(old, compare_versions(old, new).changes) == new


@given(_neighbours())
def test_the_changes_lead_to_a_version_that_is_nearly_the_same(pair: tuple[MapVersion, MapVersion]) -> None:
    old, new = pair
    assert apply_changes(old, compare_versions(old, new).changes) == new


@given(MAPS)
def test_a_version_does_not_differ_from_itself(version: MapVersion) -> None:
    assert compare_versions(version, version).changes == ()


@given(MAPS, MAPS)
def test_whatever_differs_is_told(old: MapVersion, new: MapVersion) -> None:
    assert bool(difference_lines(compare_versions(old, new))) == (old != new)


def test_a_difference_is_told_column_by_column() -> None:
    old = customers()
    columns = [each for each in old.columns if each.dataverse != "employees"]
    columns[1] = replace(columns[1], sync_direction=FORTH, transforms=(Truncate(),))
    hold = next(number for number, each in enumerate(columns) if each.dataverse == "hold")
    columns[hold] = replace(columns[hold], transforms=(ValueMap((*HOLD_MAP.pairs[:2], ("all", "806380009"))),))
    columns[2] = replace(columns[2], dataverse="group.name")
    new = replace(
        old, version=Version(1, 0, 0, 1), columns=(*columns, ColumnMapping("NEW", "new")), source_filter="A = 1"
    )
    assert difference_lines(compare_versions(old, new)) == (
        "~ version: 1.0.0.0  ->  1.0.0.1",
        "~ source filter: A = 1 (new)",
        "- EMPLOYEES > employees",
        "~ ORGANIZATIONNAME = name  ->  ORGANIZATIONNAME >> name",
        "    direction: both ways  ->  finance and operations to Dataverse",
        "    transform: truncate (new)",
        "~ GROUPID = groupid.name  ->  GROUPID = group.name",
        "    Dataverse column: groupid.name  ->  group.name",
        "~ HOLD >< hold",
        "    value: all: 806380002  ->  all: 806380009",
        "+ NEW = new",
    )


def test_another_order_alone_is_a_difference() -> None:
    old = customers()
    new = replace(old, columns=tuple(reversed(old.columns)))
    assert difference_lines(compare_versions(old, new)) == ("~ the columns stand in another order",)


def test_name_number_and_publisher_are_not_what_a_map_does() -> None:
    old = customers()
    new = replace(old, name="Other", version=Version(2), publisher="me")
    assert compare_versions(old, new).substantial == ()
