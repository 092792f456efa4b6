"""Which map comes before which: lookups between maps, cycles, waves, and what has to be filled in a second pass.

Pure. A *way* is a map in one direction; what a way looks up has to be in its target first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from dualwrite.maps.plan import Plan
from dualwrite.maps.values import Direction
from dualwrite.sync.initial_sync.job import ChosenMap
from dualwrite.sync.link import COMPANY_TABLE

Way: TypeAlias = tuple[str, Direction]
"""A map's name and the direction."""


def dependencies(plans: Sequence[Plan]) -> Mapping[str, frozenset[str]]:
    """The maps, by name, whose rows each map needs to be there first; never the map itself.

    Those are the maps that fill the tables it looks up and, for a map of a company, the companies themselves.
    """
    return {plan.map.name: frozenset(each.map.name for each in plans if _needs(plan, each)) for plan in plans}


def ordered(plans: Sequence[Plan]) -> Sequence[Plan]:
    """The maps so that what is looked up comes first; as given where nothing tells, cycles cut where they close."""
    needed, by_name = dependencies(plans), {plan.map.name: plan for plan in plans}
    done: dict[str, Plan] = {}
    under_way: set[str] = set()

    def visit(name: str) -> None:
        if name in done or name in under_way:
            return
        under_way.add(name)
        for other in by_name:
            if other in needed[name]:
                visit(other)
        under_way.discard(name)
        done[name] = by_name[name]

    for name in by_name:
        visit(name)
    return tuple(done.values())


def related(names: Iterable[str], plans: Sequence[Plan]) -> Sequence[str]:
    """The maps among ``plans`` that the maps called ``names`` need, directly or through others; without ``names``."""
    needed = dependencies(plans)
    chosen = frozenset(names)
    found, wanted = set(chosen), list(chosen)
    while wanted:
        new = needed.get(wanted.pop(), frozenset()) - found
        found |= new
        wanted += new
    return tuple(plan.map.name for plan in plans if plan.map.name in found and plan.map.name not in chosen)


def waves(maps: Sequence[ChosenMap]) -> Mapping[Way, int]:
    """The wave of each way, from 0: behind what it needs as far as that comes earlier in the order of ``maps``.

    A map's way back follows its master's way.
    """
    found: dict[Way, int] = {}
    for number, chosen in enumerate(maps):
        for way in chosen.ways:
            earlier = [
                found[each.plan.map.name, way]
                for each in maps[:number]
                if way in each.ways and _needs(chosen.plan, each.plan)
            ]
            first = [found[chosen.plan.map.name, each] for each in chosen.ways if (chosen.plan.map.name, each) in found]
            found[chosen.plan.map.name, way] = max((*earlier, *first), default=-1) + 1
    return found


def open_tables(maps: Sequence[ChosenMap]) -> Mapping[Way, frozenset[str]]:
    """Per way, the tables looked up in whose rows are still to come when the way begins.

    Those are filled by the way itself, or by one that is not in an earlier wave: what is not found there is left open
    and needs a second pass.
    """
    wave = waves(maps)
    fills = [(each.plan.direction(way), (each.plan.map.name, way)) for each in maps for way in each.ways]
    return {
        own: route.lookup_tables & {each.target.name for each, way in fills if each and wave[way] >= wave[own]}
        for route, own in fills
        if route is not None
    }


def _needs(plan: Plan, other: Plan) -> bool:
    if plan.map.name == other.map.name:
        return False
    looked_up = plan.to_dataverse is not None and other.dataverse.name in plan.to_dataverse.lookup_tables
    return looked_up or (
        other.dataverse.name == COMPANY_TABLE and plan.company_specific and plan.dataverse.name != COMPANY_TABLE
    )
