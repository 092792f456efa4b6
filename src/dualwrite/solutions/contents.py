"""What a solution brings: its maps with their versions, and how they stand on the connection."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dualwrite.catalog.maps import exclusions, load_solution
from dualwrite.solutions.application import active_versions
from dualwrite.solutions.library import KnownSolution
from dualwrite.store.database import Store
from dualwrite.store.maps import MapState


@dataclass(frozen=True, slots=True)
class BroughtMap:
    """A map of a solution. ``state`` and ``active_version`` are None where the connection does not know it."""

    name: str
    versions: tuple[str, ...]
    to_run: str
    state: MapState | None
    active_version: str | None


@dataclass(frozen=True, slots=True)
class SolutionContents:
    """A solution with its maps in their order of starting."""

    solution: KnownSolution
    maps: tuple[BroughtMap, ...]
    excludes: tuple[tuple[str, ...], ...]


async def contents_of(store: Store, connection: str, solution: KnownSolution) -> SolutionContents:
    """What ``solution`` brings; of a solution of the catalog, what applying it now would bring."""
    versions: dict[str, list[str]] = defaultdict(list)
    excludes: tuple[tuple[str, ...], ...] = ()
    to_run: Mapping[str, object]
    if solution.in_catalog:
        found = load_solution(solution.name)
        excludes = exclusions(found)
        to_run = {each.name: each.version for each in found.active}
        pairs: Sequence[tuple[str, str]] = [(each.name, str(each.version)) for each in found.maps]
    else:
        record = await store.solutions.get(connection, solution.name)
        members = await store.solutions.members(connection, solution.name)
        to_run = active_versions(record, members) if record is not None else {}
        pairs = [(each.map, each.version) for each in members]
    for name, version in pairs:
        versions[name].append(version)
    known = {each.name: each for each in await store.maps.list(connection)}
    maps = tuple(
        BroughtMap(
            name=name,
            versions=tuple(numbers),
            to_run=str(to_run[name]),
            state=known[name].state if name in known else None,
            active_version=known[name].active_version if name in known else None,
        )
        for name, numbers in versions.items()
    )
    return SolutionContents(solution, maps, excludes)
