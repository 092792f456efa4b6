"""``dualwrite maps versions``, ``diff``, ``activate`` and ``delete``: the versions of a map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import RenderableType
from rich.text import Text

from dualwrite.cli.invocation import invocation
from dualwrite.cli.map_choices import OneName, may_ask, one_map, versions_of
from dualwrite.cli.maps.differences import difference_document, difference_text
from dualwrite.cli.maps.office import ListedVersion, MapOffice, at_map_office, one_named
from dualwrite.cli.output import grid
from dualwrite.composition.house import House
from dualwrite.errors import SettingsRefused
from dualwrite.lifecycle.folder_files import read_text
from dualwrite.maps.diff import Difference, compare_versions
from dualwrite.maps.text import parse_map
from dualwrite.store.maps import TableMap


def list_versions(context: typer.Context, name: OneName) -> None:
    """List the versions of a map: who published them, whether one is active, and whether it runs."""

    async def listed(office: MapOffice) -> tuple[TableMap, Sequence[ListedVersion]]:
        return await office.versions(await one_named(office, name))

    call = invocation(context)
    known, versions = at_map_office(call, listed)
    table = grid("version", "", "publisher", "solution", "created", "by", title=known.name)
    for each in versions:
        state = (known.state.value if each.running else "active") if each.active else ""
        table.add_row(
            each.version,
            Text(state, style="green" if each.running else "dim"),
            Text(each.publisher),
            Text(f"{each.solution or ''}{' (managed)' if each.managed else ''}"),
            f"{each.created_at:%Y-%m-%d %H:%M}",
            Text(each.created_by, style="dim"),
        )
    call.output.show([asdict(each) for each in versions], table)


def diff(
    context: typer.Context,
    name: OneName,
    old: Annotated[str, typer.Argument(help="A version of the map, or a map file.")],
    new: Annotated[
        str | None, typer.Argument(help="Another version or a map file; the active version unless given.")
    ] = None,
) -> None:
    """Show what differs between two versions of a map, column by column: + is new, - is gone, ~ is changed."""

    async def found(house: House) -> Difference:
        versions = versions_of(house)
        chosen = await one_map(house, name)
        says = [
            parse_map(read_text(Path(each)), file=each)
            if each is not None and _is_file(each)
            else (await versions.get(chosen, each)).says
            for each in (old, new)
        ]
        return compare_versions(says[0], says[1])

    call = invocation(context)
    difference = call.in_house(found)
    document = {
        "map": difference.new.name,
        "old": str(difference.old.version),
        "new": str(difference.new.version),
        "changes": difference_document(difference),
    }
    shown: RenderableType = Text("Both say the same.", style="green")
    call.output.show(document, difference_text(difference) if difference.changes else shown)


def _is_file(text: str) -> bool:
    return text.endswith((".yaml", ".yml")) or "/" in text


def activate(
    context: typer.Context,
    name: OneName,
    version: Annotated[str, typer.Argument(help="The version that is to be active.")],
) -> None:
    """Make another version of a map the active one: the one that runs the next time. The map must not be running."""

    async def activated(office: MapOffice) -> TableMap:
        return await office.activate(await one_named(office, name), version)

    call = invocation(context)
    active = at_map_office(call, activated)
    call.output.show(
        {"name": active.name, "version": active.active_version, "state": active.state},
        Text(f"{active.name}: version {active.active_version} is active; run it: dualwrite maps run {active.name!r}"),
    )


def delete(
    context: typer.Context,
    name: OneName,
    version: Annotated[
        str | None, typer.Option("--version", help="Only this version; the map with all its versions unless given.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Delete without asking.")] = False,
) -> None:
    """Delete a version of a map, or a map of your own with all its versions. What maps have carried stays."""
    call = invocation(context)

    async def deleted(house: House) -> tuple[str, tuple[str, ...]]:
        chosen = await one_map(house, name)
        what = f"version {version} of {chosen}" if version else f"the map {chosen} with all its versions"
        if not yes:
            if not may_ask(call):
                raise SettingsRefused(f"Nobody can be asked whether {what} is to be deleted: give --yes")
            typer.confirm(f"Delete {what}?", abort=True)
        return chosen, await versions_of(house).delete(chosen, version)

    chosen, numbers = call.in_house(deleted)
    call.output.show({"name": chosen, "deleted": numbers}, Text(f"Deleted: {chosen} {', '.join(numbers)}"))
