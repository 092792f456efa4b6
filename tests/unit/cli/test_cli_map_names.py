"""Maps as people name them."""

from __future__ import annotations

import pytest

from dualwrite.cli.map_names import find_map, short_names
from dualwrite.errors import NotAllowed

KNOWN = ("Customers V3 (accounts)", "Customers V3 (contacts)", "Vendors V2 (msdyn_vendors)")


@pytest.mark.parametrize("text", ["Customers V3 (accounts)", "customers v3 (acc", "ACCOUNTS", "(accounts"])
def test_a_part_that_only_one_map_has_is_enough(text: str) -> None:
    assert find_map(KNOWN, text) == "Customers V3 (accounts)"


def test_a_part_of_several_maps_is_refused_with_their_names() -> None:
    with pytest.raises(NotAllowed, match=r"\(accounts\); Customers V3 \(contacts\)"):
        find_map(KNOWN, "customers")


def test_an_unknown_name_is_refused_with_the_maps_there_are() -> None:
    with pytest.raises(NotAllowed, match="Vendors V2"):
        find_map(KNOWN, "invoices")


def test_an_unknown_name_among_many_maps_is_answered_by_those_that_sound_like_it() -> None:
    many = (*KNOWN, *(f"Map {number} (tables{number})" for number in range(100)))
    with pytest.raises(NotAllowed, match=r"There is: Vendors V2 \(msdyn_vendors\)\.$"):
        find_map(many, "vendor v2")
    with pytest.raises(NotAllowed, match=r"There are 103 maps: dualwrite maps list$"):
        find_map(many, "invoices")


def test_a_short_name_leaves_the_table_out_where_that_leaves_no_doubt() -> None:
    shown = short_names(KNOWN)
    assert list(shown.values()) == ["Customers V3 (accounts)", "Customers V3 (contacts)", "Vendors V2"]
    assert [find_map(KNOWN, each) for each in shown.values()] == list(KNOWN)
