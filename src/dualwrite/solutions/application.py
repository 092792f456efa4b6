"""Applying a solution: its tables are there, its maps are known to the connection, and none of them runs for that."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from dualwrite.catalog.maps import Solution, exclusions, load_solution
from dualwrite.catalog.tables import tables_needed
from dualwrite.errors import SolutionRefused
from dualwrite.maps.text import parse_map, render_map
from dualwrite.maps.values import MapVersion, Version
from dualwrite.solutions.library import Fulfilment, KnownSolution, Need, find_solution, known_solutions, needs_of
from dualwrite.solutions.package.values import read_version
from dualwrite.store.database import Repositories, Store
from dualwrite.store.maps import MapState
from dualwrite.store.solutions import SolutionMember, SolutionRecord


class EnsureTables(Protocol):
    """Makes both environments have these tables of the catalog; tells how many steps that took."""

    async def __call__(self, finops: Iterable[str], dataverse: Iterable[str]) -> int: ...


@dataclass(frozen=True, slots=True)
class Raised:
    """A map that was known before, and what became of its active version."""

    map: str
    before: str
    offered: str
    reason: str = ""
    """Why ``before`` stays active; empty where ``offered`` is active now."""

    def __str__(self) -> str:
        if self.reason:
            way = f"dualwrite maps activate {self.map!r} {self.offered}"
            return f"{self.map}: {self.before} stays active, for {self.reason}; for the other: {way}"
        return f"{self.map}: {self.offered} is active instead of {self.before}"


@dataclass(frozen=True, slots=True)
class Application:
    """What applying one solution did."""

    solution: str
    display_name: str
    version: str
    added: tuple[str, ...]
    """Maps that the connection did not know."""
    raised: tuple[Raised, ...] = ()
    kept: tuple[str, ...] = ()
    """Versions that exist with other content, which stay as they are."""
    tables: int = 0
    """Steps that the environments' tables took."""


async def apply_named(
    store: Store,
    connection: str,
    name: str,
    *,
    who: str,
    with_dependencies: bool = False,
    ensure_tables: EnsureTables | None = None,
) -> tuple[Application, ...]:
    """The solution called ``name`` is applied, after those it needs when ``with_dependencies`` says so.

    Raises: SolutionRefused, for an unknown one, or naming the solutions to be applied first.
    """
    known = await known_solutions(store, connection)
    order = _in_order(find_solution(known, name), known)
    *first, wanted = order
    if first and not with_dependencies:
        names = ", ".join(each.name for each in first)
        raise SolutionRefused(
            f"{wanted.name} needs {names}, which {'is' if len(first) == 1 else 'are'} not applied. "
            f"Apply all of them: dualwrite solutions apply {shlex.quote(wanted.name)} --with-dependencies",
            solution=wanted.name,
            needs=[each.name for each in first],
        )
    done: list[Application] = []
    for each in order:
        if each.in_catalog:
            solution = load_solution(each.name)
            done.append(await apply_solution(store, connection, solution, who=who, ensure_tables=ensure_tables))
        else:
            done.append(await apply_imported(store, connection, each.name, who=who, ensure_tables=ensure_tables))
    return tuple(done)


async def apply_solution(
    store: Store, connection: str, solution: Solution, *, who: str, ensure_tables: EnsureTables | None = None
) -> Application:
    """The connection knows the map versions of a solution of the catalog, and its tables are there.

    Of a map that the connection did not know the highest version is active; of others as :func:`apply_imported`
    tells. Atomicity: tables, then all maps or none. Idempotency: by map and version.
    """
    steps = await ensure_tables(*tables_needed(solution.maps)) if ensure_tables is not None else 0
    positions = {version.name: number for number, version in enumerate(solution.active, start=1)}
    kept: list[str] = []
    async with store.transaction() as repositories:
        await repositories.maps.lock(connection)
        stored = {(each.name, each.version): each for each in await repositories.maps.all_versions(connection)}
        for version in solution.maps:
            there = stored.get((version.name, str(version.version)))
            if there is None:
                await _save(repositories, connection, version, solution.name, who=who)
            elif there.document != render_map(version):
                kept.append(f"{version.name} {version.version}")
        await repositories.solutions.save(
            connection,
            solution.name,
            display_name=solution.display_name,
            version=str(solution.version),
            publisher=solution.publisher,
            description=solution.description,
            managed=True,
            document={"excludes": [list(group) for group in exclusions(solution)]},
            members=[SolutionMember(each.name, str(each.version), positions[each.name]) for each in solution.maps],
        )
        active = {version.name: version.version for version in solution.active}
        added, raised = await _make_active(repositories, connection, active, solution.name)
        await _finish(repositories, connection, solution.name, who=who)
    return Application(solution.name, solution.display_name, str(solution.version), added, raised, tuple(kept), steps)


async def apply_imported(
    store: Store, connection: str, name: str, *, who: str, ensure_tables: EnsureTables | None = None
) -> Application:
    """The connection knows the maps of an imported solution, and the tables of the catalog that they need are there.

    A map that runs keeps its active version, and so does one whose active version somebody saved; of the others the
    solution's is active where it is higher. Idempotency: by map and version. Raises: SolutionRefused.
    """
    record = await store.solutions.get(connection, name)
    if record is None:
        raise SolutionRefused(f"There is no solution {name} in the library; import its file first.", solution=name)
    members = await store.solutions.members(connection, name)
    versions = [await store.maps.version(connection, each.map, version=each.version) for each in members]
    maps = [parse_map(each.document, file=each.name) for each in versions if each is not None]
    steps = await ensure_tables(*tables_needed(maps)) if ensure_tables is not None else 0
    async with store.transaction() as repositories:
        await repositories.maps.lock(connection)
        active = active_versions(record, members)
        added, raised = await _make_active(repositories, connection, active, name)
        await _finish(repositories, connection, name, who=who)
    return Application(name, record.display_name, record.version, added, raised, (), steps)


def unfulfilled(solution: KnownSolution, known: Sequence[KnownSolution]) -> tuple[Need, ...]:
    """What the solution needs and nobody has, or has in too old a version: told, and no obstacle."""
    hopeless = (Fulfilment.MISSING, Fulfilment.TOO_OLD)
    needs = needs_of(solution.depends_on, known, but=solution.name)
    return tuple(each for each in needs if each.fulfilment in hopeless)


def _in_order(solution: KnownSolution, known: Sequence[KnownSolution]) -> tuple[KnownSolution, ...]:
    """The solution, behind those that it needs and that are not applied, each after those that it needs itself."""
    order: dict[str, KnownSolution] = {}

    def gather(each: KnownSolution, waiting: tuple[str, ...]) -> None:
        for need in needs_of(each.depends_on, known, but=each.name):
            other = need.by
            if need.fulfilment is Fulfilment.NOT_APPLIED and other is not None and other.name not in waiting:
                gather(other, (*waiting, other.name))
        order.setdefault(each.name, each)

    gather(solution, (solution.name,))
    return tuple(order.values())


def active_versions(record: SolutionRecord, members: Sequence[SolutionMember]) -> Mapping[str, Version]:
    """The version of each map that the solution wants to run, in its order of starting."""
    chosen = record.document.get("active")
    texts = chosen if isinstance(chosen, dict) else {}
    active: dict[str, Version] = {}
    for each in members:
        version = read_version(str(texts.get(each.map, each.version))) or Version(0)
        active[each.map] = version if each.map in texts else max(version, active.get(each.map, Version(0)))
    return active


async def _make_active(
    repositories: Repositories, connection: str, active: Mapping[str, Version], solution: str
) -> tuple[tuple[str, ...], tuple[Raised, ...]]:
    """The maps that are new, and what became of the others; see :func:`apply_imported`."""
    before = {each.name: each for each in await repositories.maps.list(connection)}
    added: list[str] = []
    raised: list[Raised] = []
    for name, version in active.items():
        there = before.get(name)
        if there is None:
            await repositories.maps.make_known(connection, name, version=str(version))
            added.append(name)
            continue
        if there.active_version == str(version):
            continue
        reason = await _obstacle(repositories, connection, name, version, solution, running=there.state)
        if not reason:
            await repositories.maps.activate(connection, name, str(version))
        raised.append(Raised(name, there.active_version, str(version), reason))
    return tuple(added), tuple(raised)


async def _obstacle(
    repositories: Repositories, connection: str, name: str, version: Version, solution: str, *, running: MapState
) -> str:
    """Why the active version stays; empty when nothing speaks against the new one."""
    if running is not MapState.NOT_RUNNING:
        return f"the map is {running.value}"
    current = await repositories.maps.version(connection, name)
    if current is not None and not current.managed and current.solution is None:
        return f"{current.created_by} saved it"
    if current is not None and current.solution != solution and (read_version(current.version) or Version(0)) > version:
        return "it is the higher one"
    return ""


async def _save(repositories: Repositories, connection: str, version: MapVersion, solution: str, *, who: str) -> None:
    await repositories.maps.save_version(
        connection,
        version.name,
        version=str(version.version),
        publisher=version.publisher,
        document=render_map(version),
        created_by=who,
        managed=True,
        solution=solution,
        known=False,
    )


async def _finish(repositories: Repositories, connection: str, solution: str, *, who: str) -> None:
    await repositories.solutions.mark_applied(connection, solution)
    await repositories.activity.record("apply solution", who=who, result="completed", details={"solution": solution})
