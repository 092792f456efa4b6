"""Maps whose rows are looked up come first; what closes a circle is filled in a second pass."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from dualwrite.maps.plan import Plan
from dualwrite.maps.values import Direction
from dualwrite.metadata.schema import Side
from dualwrite.sync.initial_sync.job import ChosenMap
from dualwrite.sync.initial_sync.order import dependencies, open_tables, ordered, related, waves
from linked_pair import demonstration_plans

PLANS = {plan.map.name: plan for plan in demonstration_plans()}
ACCOUNTS = "Customers V3 (accounts)"
CONTACTS = "CDS Contacts V2 (contacts of customers)"
GROUPS = "Customer groups (msdyn_customergroups)"
COMPANIES = "Legal entities (cdm_companies)"

some_plans = st.permutations(list(PLANS.values())).flatmap(
    lambda plans: st.integers(0, len(plans)).map(lambda number: plans[:number])
)
masters = st.sampled_from(Side)


def chosen(plans: list[Plan], draw: st.DataObject) -> list[ChosenMap]:
    return [ChosenMap(plan, draw.draw(masters)) for plan in plans]


def test_a_map_needs_the_maps_that_fill_what_it_looks_up() -> None:
    needed = dependencies(list(PLANS.values()))
    assert {GROUPS, CONTACTS, COMPANIES} <= needed[ACCOUNTS]
    assert needed[COMPANIES] == frozenset()
    assert ACCOUNTS not in needed[ACCOUNTS]


@given(some_plans)
def test_what_is_needed_comes_first_unless_it_needs_the_other_too(plans: list[Plan]) -> None:
    needed = dependencies(plans)
    places = {plan.map.name: place for place, plan in enumerate(ordered(plans))}
    assert sorted(places) == sorted(needed)
    for name, others in needed.items():
        for other in others:
            assert places[other] < places[name] or name in _reached(needed, other)


def _reached(needed: Mapping[str, frozenset[str]], name: str) -> set[str]:
    found: set[str] = set()
    wanted = [name]
    while wanted:
        new = needed[wanted.pop()] - found
        found |= new
        wanted += new
    return found


@given(some_plans, st.data())
def test_a_way_waits_for_what_comes_earlier_and_is_needed(plans: list[Plan], data: st.DataObject) -> None:
    maps = chosen(plans, data)
    wave, needed = waves(maps), dependencies(plans)
    assert set(wave) == {(each.plan.map.name, way) for each in maps for way in each.ways}
    for place, each in enumerate(maps):
        name = each.plan.map.name
        assert [wave[name, way] for way in each.ways] == sorted({wave[name, way] for way in each.ways})
        for earlier in maps[:place]:
            if earlier.plan.map.name in needed[name]:
                for way in set(each.ways) & set(earlier.ways):
                    assert wave[earlier.plan.map.name, way] < wave[name, way]
    assert not wave or set(wave.values()) == set(range(max(wave.values()) + 1))


@given(some_plans, st.data())
def test_only_what_is_still_to_come_is_left_open(plans: list[Plan], data: st.DataObject) -> None:
    maps = chosen(plans, data)
    wave = waves(maps)
    for (name, way), tables in open_tables(maps).items():
        route = PLANS[name].direction(way)
        assert route is not None and tables <= route.lookup_tables
        for table in route.lookup_tables:
            to_come = any(
                wave[each.plan.map.name, other] >= wave[name, way]
                for each in maps
                for other in each.ways
                if (filling := each.plan.direction(other)) is not None and filling.target.name == table
            )
            assert (table in tables) == to_come


def test_a_map_that_refers_to_itself_is_left_open() -> None:
    maps = [ChosenMap(PLANS[ACCOUNTS], Side.FINOPS)]
    assert open_tables(maps)[ACCOUNTS, Direction.TO_DATAVERSE] == {"account"}


def test_related_maps_are_found_through_others() -> None:
    found = related([ACCOUNTS], list(PLANS.values()))
    assert ACCOUNTS not in found
    assert {GROUPS, COMPANIES, "Payment days CDS (msdyn_paymentdays)"} <= set(found)
    assert related([COMPANIES], list(PLANS.values())) == ()


def test_the_masters_way_comes_first() -> None:
    plan = PLANS[ACCOUNTS]
    assert ChosenMap(plan, Side.FINOPS).ways == (Direction.TO_DATAVERSE, Direction.TO_FINOPS)
    assert ChosenMap(plan, Side.DATAVERSE).ways == (Direction.TO_FINOPS, Direction.TO_DATAVERSE)
    assert ChosenMap(PLANS[COMPANIES], Side.DATAVERSE).ways == (Direction.TO_DATAVERSE,)
