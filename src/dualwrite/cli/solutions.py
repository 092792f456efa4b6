"""``dualwrite solutions``: packages of table maps: of the catalog, imported from published files, exported as such."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from dualwrite.catalog import load_schema
from dualwrite.cli.invocation import invocation
from dualwrite.cli.map_choices import WHO, may_ask
from dualwrite.cli.map_names import chosen_maps
from dualwrite.cli.output import grid
from dualwrite.cli.solution_changes import (
    application_document,
    application_text,
    import_document,
    import_text,
    warnings_of,
)
from dualwrite.composition.house import CONNECTION, House
from dualwrite.errors import SettingsRefused, SolutionRefused
from dualwrite.maps.values import Version
from dualwrite.metadata.schema import Side
from dualwrite.solutions.application import Application, apply_named, unfulfilled
from dualwrite.solutions.contents import SolutionContents, contents_of
from dualwrite.solutions.exporting import Export, Wishes, export_maps, export_solution, own_manifest
from dualwrite.solutions.importing import ImportPlan, carry_out, plan_import
from dualwrite.solutions.library import KnownSolution, Need, find_solution, known_solutions
from dualwrite.solutions.package.file import read_package
from dualwrite.solutions.package.values import Naming
from dualwrite.solutions.removal import Removal, uninstall

_WIDE = 100
"""Columns of a terminal that has room for what solutions are called beside their unique names."""
STANDING_STYLES: Mapping[str, str] = {"applied": "green", "imported": "yellow", "available": "dim"}

app = typer.Typer(
    help="Solutions: packages of table maps, as published files or from the catalog.", no_args_is_help=True
)

Name = Annotated[str, typer.Argument(help="Unique name of a solution; see: dualwrite solutions list")]
Yes = Annotated[bool, typer.Option("--yes", help="Overwrite without asking.")]


@app.command("list")
def list_solutions(context: typer.Context) -> None:
    """List the solutions of the catalog and those imported: how far each has come, and whose it is."""
    call = invocation(context)
    known = call.in_house(lambda house: known_solutions(house.store, CONNECTION))
    about = ("about",) if call.output.console.width >= _WIDE else ()
    table = grid("solution", "state", "version", "maps", "publisher", *about, numbers=("maps",), cut=about)
    for each in known:
        standing = each.standing.value
        managed = "" if each.managed else ", unmanaged"
        newer = f" ({each.newer} at hand)" if each.newer is not None else ""
        state = Text(f"{standing}{managed}", style=STANDING_STYLES[standing])
        facts = (Text(each.name), state, f"{each.version}{newer}", str(each.maps), Text(each.publisher))
        table.add_row(*facts, *(Text(each.display_name) for _ in about))
    call.output.show([_document(each) for each in known], table)


@app.command("show")
def show_solution(context: typer.Context, name: Name) -> None:
    """Show what a solution brings and what it needs."""

    async def found(house: House) -> tuple[SolutionContents, Sequence[Need]]:
        known = await known_solutions(house.store, CONNECTION)
        solution = find_solution(known, name)
        return await contents_of(house.store, CONNECTION, solution), unfulfilled(solution, known)

    call = invocation(context)
    contents, needs = call.in_house(found)
    call.output.show(_contents_document(contents), *_shown(contents, needs))


@app.command("import")
def import_solution(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A solution file: .zip, or .cab around one.")],
    yes: Yes = False,
) -> None:
    """Import a solution file into the library. Nothing runs for that: apply it next. Exit code 1 if a map is lost."""
    call = invocation(context)
    data = _read(file)

    async def imported(house: House) -> ImportPlan:
        package = read_package(data, file=str(file), naming=await _naming(house))
        plan = await plan_import(house.store, CONNECTION, package)
        if plan.questions and not yes:
            if not may_ask(call):
                raise SolutionRefused(
                    f"{file} was not imported: {'; '.join(plan.questions)}. To import all the same: "
                    f"dualwrite solutions import {file} --yes",
                    questions=list(plan.questions),
                )
            for question in plan.questions:
                call.output.console.print(Text(question, style="yellow"))
            typer.confirm("Import all the same?", abort=True)
        await carry_out(house.store, CONNECTION, plan, who=WHO)
        return plan

    plan = call.in_house(imported)
    warnings = warnings_of(plan, application=call.settings().finops_application)
    call.output.show(import_document(plan, warnings), *import_text(plan, warnings))
    if any(problem.lost for problem in plan.package.problems):
        raise typer.Exit(1)


@app.command("apply")
def apply(
    context: typer.Context,
    name: Name,
    with_dependencies: Annotated[bool, typer.Option("--with-dependencies", help="Apply what it needs first.")] = False,
) -> None:
    """Apply a solution: its tables are there, its maps are listed, none of them runs for that."""

    async def applied(house: House) -> tuple[Sequence[Application], Sequence[Need]]:
        done = await apply_named(
            house.store,
            CONNECTION,
            name,
            who=WHO,
            with_dependencies=with_dependencies,
            ensure_tables=house.ensure_tables,
        )
        known = await known_solutions(house.store, CONNECTION)
        return done, unfulfilled(find_solution(known, name), known)

    call = invocation(context)
    done, needs = call.in_house(applied)
    shown: list[RenderableType] = [line for each in done for line in application_text(each)]
    shown += [Text(f"{need}.", style="yellow") for need in needs]
    document = {"applied": [application_document(each) for each in done], "needs": [str(need) for need in needs]}
    call.output.show(document, *shown)


@app.command("export")
def export(
    context: typer.Context,
    file: Annotated[Path, typer.Option("-o", "--output", help="The solution file to write.")],
    name: Annotated[str | None, typer.Argument(help="Unique name of the solution; of a new one with --maps.")] = None,
    maps: Annotated[
        list[str] | None, typer.Option("--maps", help="A map instead of a solution; may stand several times.")
    ] = None,
    publisher: Annotated[str | None, typer.Option("--publisher", help="Publisher of the maps' new solution.")] = None,
    version: Annotated[str | None, typer.Option("--version", help="Version that the file gets.")] = None,
    managed: Annotated[
        bool | None, typer.Option("--managed/--unmanaged", help="As which kind; a new solution is unmanaged.")
    ] = None,
) -> None:
    """Export a solution, or a choice of maps in their active versions under your own publisher, as a solution file."""
    call = invocation(context)
    number = Version.parse(version) if version is not None else None
    if maps is None and (name is None or publisher is not None):
        raise typer.BadParameter("name a solution, or give --maps with --publisher")
    if maps is not None and (name is None or not publisher):
        raise SettingsRefused(
            "A new solution needs a name and a publisher: solutions export NAME --maps … --publisher P"
        )

    async def exported(house: House) -> Export:
        naming = await _naming(house)
        if maps is None:
            return await export_solution(
                house.store, CONNECTION, str(name), naming=naming, wishes=Wishes(managed, number)
            )
        chosen = await chosen_maps(house, maps)
        manifest = own_manifest(
            str(name), publisher=str(publisher), version=number or Version(1), managed=bool(managed)
        )
        return await export_maps(house.store, CONNECTION, dict.fromkeys(chosen), manifest=manifest, naming=naming)

    found = call.in_house(exported)
    _write(file, found.content)
    kind = "managed" if found.manifest.managed else "unmanaged"
    facts = f"{found.manifest.unique_name} {found.manifest.version}"
    document = {
        "file": file,
        "solution": found.manifest.unique_name,
        "version": str(found.manifest.version),
        "managed": found.manifest.managed,
        "maps": [{"name": each.name, "version": str(each.version)} for each in found.versions],
    }
    call.output.show(document, Text(f"{file}: {facts}, {kind}, {_counted(len(found.versions), 'map version')}"))


@app.command("uninstall")
def uninstall_solution(context: typer.Context, name: Name) -> None:
    """Uninstall a solution. A managed one takes its map versions along; of an unmanaged one the maps stay."""

    async def uninstalled(house: House) -> Removal:
        return await uninstall(house.store, CONNECTION, name, who=WHO)

    call = invocation(context)
    removal = call.in_house(uninstalled)
    facts = []
    if removal.versions:
        facts.append(f"{_counted(len(removal.versions), 'map version')} gone")
    if removal.handed_over:
        facts.append(f"{_counted(len(removal.handed_over), 'map version')} left to other solutions that bring the same")
    what = ", ".join(facts) or "its maps stay"
    call.output.show(
        {
            "solution": removal.solution,
            "versions": removal.versions,
            "handed_over": removal.handed_over,
            "maps": removal.maps,
        },
        Text(f"{removal.solution} is uninstalled: {what}."),
    )


# --- what the commands share ----------------------------------------------------------------------------------------


async def _naming(house: House) -> Naming:
    """Tables by the names of solution files: those of the two environments, then those of the catalog."""
    return Naming(
        (await house.finops.current_schema(), load_schema(Side.FINOPS)),
        (await house.dataverse.current_schema(), load_schema(Side.DATAVERSE)),
    )


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise SettingsRefused(f"{file} cannot be read: {error.strerror or error}") from error


def _write(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as error:
        raise SettingsRefused(f"{file} cannot be written: {error.strerror or error}") from error


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _document(known: KnownSolution) -> dict[str, object]:
    return {
        "name": known.name,
        "display_name": known.display_name,
        "version": str(known.version),
        "publisher": known.publisher,
        "state": known.standing,
        "managed": known.managed,
        "in_catalog": known.in_catalog,
        "maps": known.maps,
        "newer": str(known.newer) if known.newer is not None else None,
    }


def _contents_document(contents: SolutionContents) -> dict[str, object]:
    known = contents.solution
    return {
        **_document(known),
        "description": known.description,
        "depends_on": known.depends_on,
        "provides": {name: str(version) for name, version in known.provides.items()},
        "excludes": contents.excludes,
        "application": known.application,
        "maps": [
            {
                "name": each.name,
                "versions": each.versions,
                "to_run": each.to_run,
                "state": each.state,
                "active_version": each.active_version,
            }
            for each in contents.maps
        ],
    }


def _shown(contents: SolutionContents, needs: Sequence[Need]) -> list[RenderableType]:
    known = contents.solution
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim")
    facts.add_column(overflow="fold")
    lines = {
        "solution": f"{known.name} {known.version} by {known.publisher}",
        "called": known.display_name,
        "state": f"{known.standing.value}, {'managed' if known.managed else 'unmanaged'}",
        "about": known.description,
        "needs": ", ".join(f"{name} {version}" for name, version in known.depends_on.items()),
        "stands for": ", ".join(f"{name} {version}" for name, version in known.provides.items() if name != known.name),
        "one of these at a time": " | ".join(", ".join(group) for group in contents.excludes),
    }
    for name, text in lines.items():
        if text:
            facts.add_row(name, Text(text))
    table = grid("map", "to run", "other versions", "here")
    for each in contents.maps:
        others = ", ".join(version for version in each.versions if version != each.to_run)
        here = f"{each.state.value}, {each.active_version}" if each.state is not None else ""
        table.add_row(Text(each.name), each.to_run, Text(others, style="dim"), Text(here))
    return [facts, Text(), table, *(Text(f"{need}.", style="yellow") for need in needs)]
