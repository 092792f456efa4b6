"""What the options of a run make of the maps that are proposed for it."""

from __future__ import annotations

import pytest

from dualwrite.cli.initial_sync.arrangement import Arrangement, Wishes, arranged, read_masters
from dualwrite.errors import NotAllowed, SettingsRefused
from dualwrite.lifecycle.initial_sync.options import MapChoice, Proposal, ProposedMap
from dualwrite.metadata.schema import Side

CUSTOMERS = "Customers V3 (accounts)"


def proposal() -> Proposal:
    """Groups run already, terms do not; both are looked up by customers, who are looked up by contacts."""
    maps = (
        ("Groups (msdyn_groups)", (CUSTOMERS,), True),
        ("Terms (msdyn_terms)", (CUSTOMERS,), False),
        (CUSTOMERS, (), False),
        ("Contacts (contacts)", (), False),
    )
    return Proposal(
        tuple(
            ProposedMap(MapChoice(name), number, bool(needed_by), needed_by, not needed_by, running)
            for number, (name, needed_by, running) in enumerate(maps, start=1)
        )
    )


def arrangement(wishes: Wishes) -> Arrangement:
    proposed = proposal()
    known = [*(each.choice.name for each in proposed.maps), "Vendors (msdyn_vendors)"]
    return arranged(proposed, wishes, known=known)


def names(wishes: Wishes) -> list[str]:
    return [each.choice.name.partition(" ")[0] for each in arrangement(wishes).maps]


@pytest.mark.parametrize(
    ("wishes", "expected"),
    [
        (Wishes(), ["Terms", "Customers", "Contacts"]),
        (Wishes(related=True), ["Groups", "Terms", "Customers", "Contacts"]),
        (Wishes(related=False), ["Customers", "Contacts"]),
        (Wishes(without=("terms",)), ["Customers", "Contacts"]),
        (Wishes(related=False, masters=(("groups", Side.DATAVERSE),)), ["Groups", "Customers", "Contacts"]),
        (Wishes(order=("contacts", "terms")), ["Contacts", "Customers", "Terms"]),
        (Wishes(order=("contacts", "customers", "terms", "contacts")), ["Contacts", "Customers", "Terms"]),
    ],
    ids=["related that do not run", "all related", "none", "without one", "named", "two change places", "all named"],
)
def test_the_options_choose_and_order_the_maps(wishes: Wishes, expected: list[str]) -> None:
    assert names(wishes) == expected


def test_what_is_left_out_is_kept_for_the_screen() -> None:
    found = arrangement(Wishes(without=("terms", "contacts")))
    assert [each.choice.name for each in found.left_out] == ["Groups (msdyn_groups)", "Terms (msdyn_terms)"]
    assert [each.position for each in found.maps] == [1]


def test_each_map_has_its_master_and_all_have_the_legal_entities() -> None:
    wishes = Wishes(master=Side.DATAVERSE, masters=(("customers", Side.FINOPS),), legal_entities=("usmf",))
    found = {each.name: each for each in arrangement(wishes).choices}
    assert found[CUSTOMERS].master is Side.FINOPS
    assert found["Contacts (contacts)"].master is Side.DATAVERSE
    assert {each.legal_entities for each in found.values()} == {("usmf",)}


@pytest.mark.parametrize(
    "wishes", [Wishes(order=("vendors",)), Wishes(without=("vendors",)), Wishes(order=("groups",))]
)
def test_a_map_that_is_no_part_of_the_run_is_told_apart_from_one_that_is_not_there(wishes: Wishes) -> None:
    with pytest.raises(NotAllowed, match="is no part of this run"):
        arrangement(wishes)
    with pytest.raises(NotAllowed, match="There is no map 'invoices'"):
        arrangement(Wishes(order=("invoices",)))


def test_masters_are_of_all_maps_or_of_one() -> None:
    assert read_masters(()) == (Side.FINOPS, {})
    assert read_masters(("dataverse", "A=B (c)=FINOPS")) == (Side.DATAVERSE, {"A=B (c)": Side.FINOPS})
    with pytest.raises(SettingsRefused, match=r"'crm' is no side\. Write finops or dataverse"):
        read_masters(("Customers=crm",))
