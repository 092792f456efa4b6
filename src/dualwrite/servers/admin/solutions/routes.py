"""The solutions: which there are, and applying them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, Path

from dualwrite.errors import NotFound
from dualwrite.servers.admin.callers import Customizer, Reader
from dualwrite.servers.admin.desk import Desk, TheDesk
from dualwrite.servers.admin.model import Asked, Flag, Name, Told
from dualwrite.servers.admin.problems import refusals
from dualwrite.solutions.application import Application, apply_named
from dualwrite.solutions.library import KnownSolution, Standing, known_solutions

router = APIRouter(tags=["solutions"])

SolutionName = Annotated[Name, Path(description="The solution's name.", examples=["finance"])]


class SolutionShown(Told):
    """A solution by its facts."""

    name: str
    display_name: str
    version: str
    publisher: str
    description: str
    managed: bool
    standing: Standing
    maps: int
    in_catalog: bool
    depends_on: Mapping[str, str]
    """The lowest version by solution."""
    newer: str | None
    """The version of the catalog, where it is higher than the one applied."""

    @classmethod
    def of(cls, each: KnownSolution) -> SolutionShown:
        return cls(
            name=each.name,
            display_name=each.display_name,
            version=str(each.version),
            publisher=each.publisher,
            description=each.description,
            managed=each.managed,
            standing=each.standing,
            maps=each.maps,
            in_catalog=each.in_catalog,
            depends_on=each.depends_on,
            newer=None if each.newer is None else str(each.newer),
        )


class Apply(Asked):
    """How the solution is applied."""

    with_dependencies: Flag = False
    """Also those that it needs."""


class SolutionApplied(Told):
    """What applying one solution did."""

    solution: str
    display_name: str
    version: str
    added: Sequence[str]
    """Maps that the connection did not know."""
    raised: Sequence[str]
    """Maps that were known, and what became of their active version, in words."""
    kept: Sequence[str]
    """Versions that exist with other content, which stay as they are."""
    tables: int
    """Steps that the environments' tables took."""

    @classmethod
    def of(cls, each: Application) -> SolutionApplied:
        return cls(
            solution=each.solution,
            display_name=each.display_name,
            version=each.version,
            added=each.added,
            raised=[str(one) for one in each.raised],
            kept=each.kept,
            tables=each.tables,
        )


@router.get("/solutions", operation_id="listSolutions")
async def list_solutions(caller: Reader, desk: TheDesk) -> Sequence[SolutionShown]:
    """The solutions of the catalog, each after those it depends on, then the imported ones."""
    return [SolutionShown.of(each) for each in await known_solutions(desk.store, desk.connection)]


@router.get("/solutions/{solution}", operation_id="showSolution")
async def show_solution(caller: Reader, desk: TheDesk, solution: SolutionName) -> SolutionShown:
    """One solution by its facts."""
    return SolutionShown.of(await _known(desk, solution))


@router.post("/solutions/{solution}/apply", operation_id="applySolution", responses=refusals(409))
async def apply(caller: Customizer, desk: TheDesk, solution: SolutionName, asked: Apply) -> Sequence[SolutionApplied]:
    """Its tables are there and its maps are known to the connection; none of them runs for that."""
    known = await _known(desk, solution)
    done = await apply_named(
        desk.store,
        desk.connection,
        known.name,
        who=caller.name,
        with_dependencies=asked.with_dependencies,
        ensure_tables=desk.ensure_tables,
    )
    await desk.router.renew()
    return [SolutionApplied.of(each) for each in done]


async def _known(desk: Desk, name: str) -> KnownSolution:
    known = await known_solutions(desk.store, desk.connection)
    found = next((each for each in known if each.name == name), None)
    if found is None:
        there = ", ".join(each.name for each in known)
        raise NotFound(f"There is no solution {name!r}. The solutions are: {there}.", solution=name)
    return found
