"""``dualwrite maps export``, ``import``, ``plan`` and ``apply``: maps as files under version control."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, assert_never

import typer
from rich.console import RenderableType
from rich.text import Text

from dualwrite.cli.invocation import Invocation, invocation
from dualwrite.cli.map_choices import Names, folder_of
from dualwrite.cli.map_names import chosen_maps
from dualwrite.cli.maps.differences import difference_document, difference_text
from dualwrite.composition.house import House
from dualwrite.lifecycle.checks import CheckedMap, check_text
from dualwrite.lifecycle.folder_plan import Activate, ChangeKey, FolderPlan, SaveVersion, Step

_CHANGES = 2
"""The exit code of a plan with changes, where it was asked for."""

Folder = Annotated[Path, typer.Option("--folder", "--file", "-f", help="The folder of map files.")]


def export(context: typer.Context, folder: Folder, names: Names = None) -> None:
    """Write the active versions of maps to a folder, one YAML file a map, all maps unless named.

    connection.yaml tells which versions are active, and the integration keys chosen by hand. Exporting again changes
    no file.
    """

    async def exported(house: House) -> tuple[int, tuple[str, ...]]:
        chosen = await chosen_maps(house, names or ())
        return len(chosen), await folder_of(house).export(folder, chosen)

    call = invocation(context)
    maps, files = call.in_house(exported)
    shown = Text(f"{maps} maps are in {folder}: ").append(
        f"{len(files)} files written" if files else "nothing had changed", style="green"
    )
    call.output.show({"folder": folder, "maps": maps, "written": files}, shown)


def import_folder(context: typer.Context, folder: Folder) -> None:
    """Save the map versions of a folder. Nothing is activated, and connection.yaml is left aside. All or nothing."""
    _carry_out(context, folder, maps_only=True)


def plan(
    context: typer.Context,
    folder: Folder,
    detailed_exit_code: Annotated[
        bool, typer.Option("--detailed-exit-code", help="Exit code 2 when there is something to do, 0 when not.")
    ] = False,
) -> None:
    """Show what apply would change: versions, column by column, activations, integration keys, and conflicts.

    Nothing is changed. Exit code 1 when there are conflicts.
    """

    async def planned(house: House) -> tuple[FolderPlan, Mapping[str, CheckedMap]]:
        found = await folder_of(house).plan(folder)
        return found, _checked(house, found)

    call = invocation(context)
    found, checked = call.in_house(planned)
    _show(call, found, checked, todo=folder)
    if found.conflicts:
        raise typer.Exit(1)
    if found.steps and detailed_exit_code:
        raise typer.Exit(_CHANGES)


def apply(context: typer.Context, folder: Folder) -> None:
    """Make the connection be what a folder says, all or nothing; run plan before. Applying again changes nothing."""
    _carry_out(context, folder, maps_only=False)


def _carry_out(context: typer.Context, folder: Path, *, maps_only: bool) -> None:
    async def applied(house: House) -> tuple[FolderPlan, Mapping[str, CheckedMap]]:
        found = await folder_of(house).apply(folder, maps_only=maps_only)
        return found, _checked(house, found)

    call = invocation(context)
    found, checked = call.in_house(applied)
    _show(call, found, checked)


def _checked(house: House, plan: FolderPlan) -> Mapping[str, CheckedMap]:
    """The new versions with what is wrong about them, by file."""
    return {
        step.file.file: check_text(house.router.compiled, step.file.text, file=step.file.file)
        for step in plan.steps
        if isinstance(step, SaveVersion)
    }


# --- what is shown --------------------------------------------------------------------------------------------------


def _show(call: Invocation, plan: FolderPlan, checked: Mapping[str, CheckedMap], *, todo: Path | None = None) -> None:
    """The plan is shown as carried out, or as to be carried out with the folder ``todo``."""
    document = {
        "steps": [_document(step, checked) for step in plan.steps],
        "conflicts": [{"place": each.place, "message": each.message} for each in plan.conflicts],
    }
    call.output.show(document, *plan_shown(plan, checked, todo=todo))


def _document(step: Step, checked: Mapping[str, CheckedMap]) -> Mapping[str, object]:
    match step:
        case SaveVersion(file, base):
            return {
                "step": "new map" if base is None else "new version",
                "map": file.version.name,
                "version": str(file.version.version),
                "publisher": file.version.publisher,
                "file": file.file,
                "from": None if base is None else str(base.version),
                "changes": [] if step.difference is None else difference_document(step.difference),
                "can_run": checked[file.file].can_run,
            }
        case Activate(name, was, version):
            return {"step": "activate", "map": name, "was": str(was), "version": str(version)}
        case ChangeKey(table, before, columns):
            return {"step": "integration key", "table": table, "was": before, "columns": columns}
        case _:
            assert_never(step)


def plan_shown(plan: FolderPlan, checked: Mapping[str, CheckedMap], *, todo: Path | None) -> Iterator[RenderableType]:
    """A line for each step and conflict, and what follows; with ``todo``, the folder, nothing has been done yet."""
    activated = {(each.map, each.version) for each in plan.steps if isinstance(each, Activate)}
    for step in plan.steps:
        yield from _step(step, checked)
        if isinstance(step, SaveVersion) and step.base is not None:
            says = step.file.version
            if (says.name, says.version) not in activated:
                yield Text(f"  Another version stays active; connection.yaml does not name {says.version}.", "yellow")
    for each in plan.conflicts:
        yield Text("! ", style="red").append(f"{each.place}: {each.message}")
    if plan.is_empty:
        yield Text("Nothing to do: the connection is what the folder says.", style="green")
    elif plan.conflicts:
        yield Text(f"{_number(len(plan.conflicts), 'conflict')}: nothing can be applied.", style="red")
    else:
        number = _number(len(plan.steps), "change")
        apply_it = f"{number} to make: dualwrite maps apply -f {shlex.quote(str(todo))}"
        yield Text(f"{number} made." if todo is None else apply_it, style="green")


def _number(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _step(step: Step, checked: Mapping[str, CheckedMap]) -> Iterator[RenderableType]:
    match step:
        case SaveVersion(file, base):
            says = file.version
            what = "new map" if base is None else f"new version, from {base.version}"
            title = Text(f"{says.name} {says.version}", style="bold").append(
                f"  {what}, by {says.publisher}, {_number(len(says.columns), 'column')}", style="dim"
            )
            yield title
            difference = step.difference
            if difference is not None and difference.substantial:
                yield difference_text(replace(difference, changes=difference.substantial), indent="  ")
            errors = len(checked[file.file].errors)
            if errors:
                yield Text(
                    f"  It cannot run, for {_number(errors, 'error')}; see: dualwrite maps validate -f {file.file}",
                    style="yellow",
                )
        case Activate(name, was, version):
            yield Text(name, style="bold").append(f"  active version {was} -> {version}", style="dim")
        case ChangeKey(table, before, columns):
            yield Text(table, style="bold").append(f"  integration key {_key(before)} -> {_key(columns)}", style="dim")
        case _:
            assert_never(step)


def _key(columns: tuple[str, ...] | None) -> str:
    return "generated" if columns is None else ", ".join(columns)
