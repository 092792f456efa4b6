"""Map versions as values: versions, map types, dotted paths."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from map_samples import PATHS

from dualwrite.errors import MapRefused
from dualwrite.maps.lookup_path import LookupPath, PathAlternative, parse_lookup_path
from dualwrite.maps.values import ColumnMapping, Default, Direction, SyncDirection, Version
from dualwrite.metadata.schema import Side

PARTS = st.integers(0, 999_999_999)


@given(st.builds(Version, PARTS, PARTS, PARTS, PARTS))
def test_a_version_reads_back_what_it_prints(version: Version) -> None:
    assert Version.parse(str(version)) == version


def test_versions_are_ordered_by_number_and_not_by_text() -> None:
    assert Version.parse("1.0.0.10") > Version.parse("1.0.0.9")
    assert Version.parse("2.0.0.0") > Version.parse("1.99.99.99")


@pytest.mark.parametrize(
    "text", ["1", "1.0.0", "1.0.0.0.0", "1.0.0.x", "", "v1.0.0.0", "-1.0.0.0", "1.0.0.01", "1.0.0.²"]
)
def test_what_is_not_four_numbers_is_no_version(text: str) -> None:
    with pytest.raises(MapRefused, match="four numbers"):
        Version.parse(text)


@pytest.mark.parametrize(
    ("direction", "transformed", "symbol"),
    [
        (SyncDirection.BOTH, False, "="),
        (SyncDirection.BOTH, True, "><"),
        (SyncDirection.TO_DATAVERSE, False, ">"),
        (SyncDirection.TO_DATAVERSE, True, ">>"),
        (SyncDirection.TO_FINOPS, False, "<"),
        (SyncDirection.TO_FINOPS, True, "<<"),
    ],
)
def test_a_mapping_tells_its_public_symbol(direction: SyncDirection, transformed: bool, symbol: str) -> None:
    mapping = ColumnMapping("A", "b", direction, (Default("1"),) if transformed else ())
    assert mapping.map_type == symbol


def test_a_sync_direction_tells_the_ways_it_includes() -> None:
    assert all(SyncDirection.BOTH.includes(direction) for direction in Direction)
    assert not SyncDirection.TO_FINOPS.includes(Direction.TO_DATAVERSE)
    assert Direction.TO_FINOPS.source is Side.DATAVERSE


@given(PATHS)
def test_a_path_reads_back_what_it_prints(text: str) -> None:
    assert str(parse_lookup_path(text)) == text


def test_a_polymorphic_path_lists_its_tables_in_order() -> None:
    path = parse_lookup_path("customerid.Account(accountnumber).Contact(msdyn_contactpersonid)")
    assert path == LookupPath(
        "customerid",
        (PathAlternative("Account", ("accountnumber",)), PathAlternative("Contact", ("msdyn_contactpersonid",))),
    )
    assert path.is_lookup and path.is_polymorphic


def test_a_dotted_path_may_have_several_levels() -> None:
    path = parse_lookup_path("msdyn_salesproductcategory.msdyn_hierarchy.msdyn_name")
    assert path.alternatives == (PathAlternative(None, ("msdyn_hierarchy", "msdyn_name")),)


@pytest.mark.parametrize(
    "text", ["", ".a", "a.", "a..b", "a b", "a.(b)", "a.B()", "a.B(c", "a.B(c).d", "1a", "a.B(c.)"]
)
def test_a_malformed_path_is_refused(text: str) -> None:
    with pytest.raises(MapRefused, match="not a column path"):
        parse_lookup_path(text)
