"""Uninstalling a solution: a managed one takes its map versions along, of an unmanaged one only the container goes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from dualwrite.catalog.maps import load_solution
from dualwrite.errors import NotAllowed, SolutionRefused
from dualwrite.maps.text import render_map
from dualwrite.maps.values import MapVersion
from dualwrite.solutions.library import Fulfilment, KnownSolution, Standing, find_solution, known_solutions, needs_of
from dualwrite.store.database import Repositories, Store
from dualwrite.store.maps import MapState
from dualwrite.store.maps import MapVersion as StoredVersion


@dataclass(frozen=True, slots=True)
class Removal:
    """What uninstalling did: the versions that are gone, those that another solution brings, too, and the maps that
    nobody knows any more."""

    solution: str
    versions: tuple[str, ...]
    handed_over: tuple[str, ...]
    maps: tuple[str, ...]


async def uninstall(store: Store, connection: str, name: str, *, who: str) -> Removal:
    """The library no longer has the solution; rows, tables and other versions of its maps stay.

    A version that another solution brings, too, stays, with what the catalog says of it where that one is from there.
    Where a map's active version goes, its highest other one is active. Atomicity: all or nothing.

    Raises: SolutionRefused, for an unknown one, one that was never applied or imported, or one that others need;
    NotAllowed, while one of its maps runs.
    """
    async with store.transaction() as repositories:
        await repositories.maps.lock(connection)
        known = await known_solutions(repositories, connection)
        solution = find_solution(known, name)
        _check_removable(solution, known)
        before = {each.name for each in await repositories.maps.list(connection)}
        handed_over = await _hand_over(repositories, connection, solution, known, who=who)
        gone: tuple[str, ...] = ()
        if solution.managed:
            gone = await _delete_versions(repositories, connection, solution.name)
        else:
            await repositories.maps.release(connection, solution.name)
        await repositories.solutions.remove(connection, solution.name)
        left = {each.name for each in await repositories.maps.list(connection)}
        removal = Removal(solution.name, gone, handed_over, tuple(sorted(before - left)))
        await repositories.activity.record(
            "uninstall solution",
            who=who,
            result="completed",
            details={"solution": solution.name, "versions": list(removal.versions)},
        )
    return removal


def _check_removable(solution: KnownSolution, known: Sequence[KnownSolution]) -> None:
    if solution.standing is Standing.AVAILABLE:
        raise SolutionRefused(f"{solution.name} is not applied; there is nothing to uninstall.", solution=solution.name)
    rest = [each for each in known if each.name != solution.name]
    dependents = [
        each.name
        for each in rest
        if each.standing is Standing.APPLIED
        and any(
            need.by is not None and need.by.name == solution.name and need.fulfilment is Fulfilment.APPLIED
            for need in needs_of(each.depends_on, [solution, *rest])
        )
    ]
    if dependents:
        names = ", ".join(dependents)
        raise SolutionRefused(
            f"{solution.name} is needed by {names}. Uninstall first: dualwrite solutions uninstall {dependents[-1]}",
            solution=solution.name,
            dependents=dependents,
        )


async def _hand_over(
    repositories: Repositories, connection: str, solution: KnownSolution, known: Sequence[KnownSolution], *, who: str
) -> tuple[str, ...]:
    """The versions that another solution brings, too, are that one's now, and go with it. Raises: NotAllowed."""
    owners = await repositories.solutions.owners(connection)
    rest = {each.name: each for each in known if each.name != solution.name}
    handed_over: list[str] = []
    for each in await repositories.maps.all_versions(connection):
        others = owners.get((each.name, each.version), frozenset()) & rest.keys()
        if each.solution != solution.name or not others:
            continue
        heir = rest[min(others)]
        underneath = _catalog_content(heir, each) if solution.managed else None
        if underneath is None or render_map(underneath) == each.document:
            await repositories.maps.hand_over(connection, each.name, each.version, to=heir.name, managed=heir.managed)
        else:
            await repositories.maps.save_version(
                connection,
                each.name,
                version=each.version,
                publisher=underneath.publisher,
                document=render_map(underneath),
                created_by=who,
                managed=True,
                solution=heir.name,
                known=False,
                overwrite=True,
            )
        handed_over.append(f"{each.name} {each.version}")
    return tuple(handed_over)


def _catalog_content(heir: KnownSolution, stored: StoredVersion) -> MapVersion | None:
    """What a solution of the catalog says of a version; None of a solution that has no content apart from the store."""
    if not heir.in_catalog:
        return None
    wanted = (stored.name, stored.version)
    return next((each for each in load_solution(heir.name).maps if (each.name, str(each.version)) == wanted), None)


async def _delete_versions(repositories: Repositories, connection: str, solution: str) -> tuple[str, ...]:
    """The versions that the solution alone brought are gone."""
    versions: dict[str, list[str]] = defaultdict(list)
    for each in await repositories.maps.all_versions(connection):
        if each.solution == solution:
            versions[each.name].append(each.version)
    states = {each.name: each.state for each in await repositories.maps.list(connection)}
    busy = [name for name in versions if states.get(name, MapState.NOT_RUNNING) is not MapState.NOT_RUNNING]
    if busy:
        names = " ".join(repr(name) for name in busy)
        raise NotAllowed(
            f"{solution} cannot be uninstalled while its maps do anything but stand still: {', '.join(busy)}. "
            f"Stop them first: dualwrite maps stop {names}",
            solution=solution,
            maps=busy,
        )
    for name, numbers in versions.items():
        await repositories.maps.delete_versions(connection, name, numbers)
    return tuple(f"{name} {number}" for name, numbers in versions.items() for number in numbers)
