"""Changing maps line by line: what is meant, and what is in the way."""

from __future__ import annotations

import pytest
from hypothesis import given
from map_samples import FORTH, HOLD_MAP, MAPS, customers

from dualwrite.errors import MapRefused
from dualwrite.maps.edit import (
    AddColumn,
    Fact,
    OrderColumns,
    RemoveColumn,
    SetFact,
    add_line,
    apply_changes,
    fact_of,
    next_version,
    remove_line,
    set_line_text,
)
from dualwrite.maps.text import parse_column
from dualwrite.maps.values import ColumnMapping, MapVersion, Version


@given(MAPS)
def test_a_line_that_is_added_and_removed_leaves_the_map_as_it_was(version: MapVersion) -> None:
    line = ColumnMapping("NO-SUCH", "no_such")
    added = apply_changes(version, [add_line(version, line)])
    assert added.columns[-1] == line
    assert apply_changes(added, [remove_line(added, "no-such")]) == version


@given(MAPS, MAPS)
def test_facts_can_be_taken_over_one_by_one(version: MapVersion, other: MapVersion) -> None:
    changes = [SetFact(fact, fact_of(other, fact)) for fact in Fact]
    taken = apply_changes(version, [*changes, *map(RemoveColumn, version.columns), *map(AddColumn, other.columns)])
    assert taken == other


def test_a_pair_of_columns_is_joined_once() -> None:
    with pytest.raises(MapRefused, match="has the line CUSTOMERACCOUNT = number already"):
        add_line(customers(), parse_column("CustomerAccount > NUMBER"))


def test_a_line_is_set_by_its_pair_or_by_either_column() -> None:
    version = customers()
    for text, was in (
        ("EMPLOYEES = employees", "EMPLOYEES > employees"),
        ("EMPLOYEES = headcount", "EMPLOYEES > employees"),
        ("HEADCOUNT = employees", "EMPLOYEES > employees"),
    ):
        change = set_line_text(version, text)
        assert (str(change.was), str(change.mapping)) == (was, text)
        assert change.mapping in apply_changes(version, [change]).columns


def test_a_line_keeps_its_transforms_when_only_its_direction_is_set() -> None:
    change = set_line_text(customers(), "HOLD >> hold")
    assert change.mapping == ColumnMapping("HOLD", "hold", FORTH, (HOLD_MAP,))
    with pytest.raises(MapRefused, match="has no transform to keep"):
        set_line_text(customers(), "GRADE >< grade")


def test_what_could_mean_several_lines_is_refused_with_the_lines() -> None:
    version = customers(ColumnMapping("CATEGORYNAME", "other"))
    for call in (lambda: set_line_text(version, "CATEGORYNAME = third"), lambda: remove_line(version, "categoryname")):
        with pytest.raises(MapRefused, match=r"CATEGORYNAME = category\.name; CATEGORYNAME = other"):
            call()
    assert remove_line(version, "CATEGORYNAME = other").mapping.dataverse == "other"


def test_a_line_is_removed_by_either_column_and_a_lookup_by_its_name() -> None:
    for text, finops in (
        ("sinCE", "SINCE"),
        ("groupid.name", "GROUPID"),
        ("groupid", "GROUPID"),
        ("none >> kind", None),
    ):
        assert remove_line(customers(), text).mapping.finops == finops
    with pytest.raises(MapRefused, match="has no line with the column nix"):
        remove_line(customers(), "nix")


def test_an_order_names_every_line() -> None:
    with pytest.raises(MapRefused, match="does not name the lines"):
        apply_changes(customers(), [OrderColumns(customers().columns[1:])])


@pytest.mark.parametrize(
    ("taken", "proposed"),
    [
        ([], "1.0.0.0"),
        (["1.0.0.0"], "1.0.0.1"),
        (["1.0.0.9", "1.0.0.10", "1.0.0.2"], "1.0.0.11"),
        (["1.0.0.0", "9.9.9.9"], "1.0.0.1"),
        (["9.9.9.9"], "9.9.9.10"),
    ],
)
def test_the_next_number_is_free_and_leaves_parked_versions_aside(taken: list[str], proposed: str) -> None:
    assert str(next_version(map(Version.parse, taken))) == proposed
