"""``dualwrite maps validate`` and ``refresh``: what is wrong with maps, and what else their tables offer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import RenderableType
from rich.text import Text

from dualwrite.cli.invocation import Invocation, invocation
from dualwrite.cli.map_choices import (
    WHO,
    Activate,
    All,
    Names,
    NewVersion,
    OfVersion,
    Publisher,
    one_of,
    versions_of,
)
from dualwrite.cli.map_findings import findings_document, findings_shown
from dualwrite.cli.map_names import chosen_maps
from dualwrite.cli.maps.office import MapOffice, at_map_office, named
from dualwrite.cli.maps.saving import stamped_version
from dualwrite.cli.output import grid
from dualwrite.composition.house import CONNECTION, House
from dualwrite.lifecycle.checks import CheckedMap, check_text
from dualwrite.lifecycle.folder_files import map_files, read_text
from dualwrite.lifecycle.refresh import RefreshedMap, TableNews, described, refresh_map
from dualwrite.lifecycle.versions import SavedVersion
from dualwrite.maps.edit import AddColumn, apply_changes
from dualwrite.maps.text import render_map
from dualwrite.metadata.schema import Side

_SIDES = {Side.FINOPS: "F&O", Side.DATAVERSE: "Dataverse"}
_MOST_UNMAPPED = 12
"""How many columns that nothing is offered for are named; a table has hundreds."""


def validate(
    context: typer.Context,
    names: Names = None,
    every: All = False,
    version: OfVersion = None,
    files: Annotated[
        list[Path] | None, typer.Option("--file", "-f", help="A map file, or a folder of them, instead of stored maps.")
    ] = None,
) -> None:
    """Check maps against both environments before they run: every finding with its line and what to do about it.

    Exit code 1 when one of them cannot run.
    """
    if files and (names or every or version):
        raise typer.BadParameter("give either files or stored maps")
    if not files:
        one_of(names, every)
    if version is not None and (every or len(names or ()) != 1):
        raise typer.BadParameter("a version belongs to one map: name it")

    async def checked(office: MapOffice) -> Sequence[CheckedMap]:
        return await office.check(await named(office, names or ()), version)

    call = invocation(context)
    found = call.in_house(lambda house: _checked_files(house, files)) if files else at_map_office(call, checked)
    call.output.show(findings_document(found), *findings_shown(found))
    if not all(each.can_run for each in found):
        raise typer.Exit(1)


async def _checked_files(house: House, files: Sequence[Path]) -> Sequence[CheckedMap]:
    await house.router.compiled.refresh()
    paths = [path for each in files for path in (map_files(each) if each.is_dir() else (each,))]
    return [check_text(house.router.compiled, read_text(path), file=str(path)) for path in paths]


def refresh(
    context: typer.Context,
    names: Annotated[list[str], typer.Argument(help="Names of maps, or parts of them that only one has.")],
    add: Annotated[bool, typer.Option("--add", help="Take the offered lines into a new version.")] = False,
    publisher: Publisher = None,
    version: NewVersion = None,
    activate: Activate = False,
) -> None:
    """Look at a map's tables again: columns that are new, gone, of another type or not mapped, and lines to add."""
    if version is not None and len(names) != 1:
        raise typer.BadParameter("a version belongs to one map: name it")
    call = invocation(context)

    async def refreshed(house: House) -> Sequence[tuple[RefreshedMap, SavedVersion | None]]:
        found: list[tuple[RefreshedMap, SavedVersion | None]] = []
        for name in await chosen_maps(house, names):
            base = await versions_of(house).get(name)
            news = await refresh_map(house.store, CONNECTION, house.router.compiled, base.says, who=WHO)
            saved: SavedVersion | None = None
            if add and news.offers:
                saved = await _add(call, house, base, news, publisher=publisher, version=version, activate=activate)
            found.append((news, saved))
        return found

    found = call.in_house(refreshed)
    shown = [part for news, saved in found for part in _shown(news, saved)]
    call.output.show({"maps": [_document(news, saved) for news, saved in found]}, *shown)


async def _add(
    call: Invocation,
    house: House,
    base: SavedVersion,
    news: RefreshedMap,
    *,
    publisher: str | None,
    version: str | None,
    activate: bool,
) -> SavedVersion:
    versions = versions_of(house)
    await versions.check_changeable(news.name)
    grown = apply_changes(base.says, [AddColumn(each.mapping) for each in news.offers])
    new = await stamped_version(call, house, grown, base, publisher=publisher, version=version)
    return await versions.save(new, text=render_map(new), base=base.stored, activate=activate)


def _document(news: RefreshedMap, saved: SavedVersion | None) -> Mapping[str, object]:
    return {
        "map": news.name,
        "version": news.version,
        "tables": [
            {
                "side": each.side,
                "table": each.table,
                "first_look": each.first_look,
                "new": [column.name for column in each.new],
                "gone": each.gone,
                "changed": each.changed,
                "unmapped": [column.name for column in each.unmapped],
            }
            for each in news.tables
        ],
        "offers": [{"line": str(each.mapping), "likeness": each.likeness} for each in news.offers],
        "saved": None if saved is None else saved.stored.version,
    }


def _shown(news: RefreshedMap, saved: SavedVersion | None) -> Iterator[RenderableType]:
    yield Text(f"{news.name} {news.version}", style="bold")
    for each in news.tables:
        yield from _news(each)
    if news.offers and saved is None:
        yield Text("  Lines that could be added (--add takes them all into a new version):")
        for offer in news.offers:
            likeness = "" if offer.likeness == 1 else f"  # names are {offer.likeness:.0%} alike"
            yield Text(f"    - {offer.mapping}").append(likeness, style="dim")
    elif saved is None:
        yield Text("  No pair of unmapped columns has equal or similar names and fitting types.", style="dim")
    else:
        lines = "1 line" if len(news.offers) == 1 else f"{len(news.offers)} lines"
        yield Text(f"  {lines} added in version {saved.stored.version}", style="green")
    yield Text()


def _news(each: TableNews) -> Iterator[RenderableType]:
    side = _SIDES[each.side]
    if each.gone or each.changed or each.new:
        table = grid("", "column", "", title=f"  {side} {each.table}")
        for name in each.gone:
            table.add_row("  [red]gone[/]", Text(name), "")
        for change in each.changed:
            table.add_row("  [yellow]changed[/]", Text(change.name), Text(f"{change.was} -> {change.now}"))
        for column in each.new:
            table.add_row("  [green]new[/]", Text(column.name), Text(described(column), style="dim"))
        table.show_header = False
        yield table
    elif each.first_look:
        yield Text(f"  {side} {each.table}: first look; from now on its changes are told", style="dim")
    else:
        yield Text(f"  {side} {each.table}: no change since the last look", style="dim")
    if each.unmapped:
        named = ", ".join(column.name for column in each.unmapped[:_MOST_UNMAPPED])
        more = len(each.unmapped) - _MOST_UNMAPPED
        tail = f" and {more} more (--json)" if more > 0 else ""
        yield Text(f"  {side} not mapped: {named}{tail}", style="dim")
