"""``dualwrite maps list`` and ``show``: which maps there are, and what they say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import typer
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from dualwrite.cli.invocation import invocation
from dualwrite.cli.map_choices import OfVersion, OneName
from dualwrite.cli.map_names import short_names
from dualwrite.cli.maps.office import ListedMap, MapOffice, ShownMap, at_map_office, one_named
from dualwrite.cli.output import STATE_STYLES, grid
from dualwrite.maps.values import ColumnMapping

_WIDE = 110
"""Columns of a terminal that has room for the names of both tables beside that of their map."""


def list_maps(context: typer.Context) -> None:
    """List the maps in their order of starting, with the version that is active, and whether that runs."""

    call = invocation(context)
    found = at_map_office(call, lambda office: office.listed())
    call.output.show([asdict(each) for each in found], _listed_table(found, call.output.console.width))


def _listed_table(found: Sequence[ListedMap], width: int) -> Table:
    names = short_names(each.name for each in found)
    entities = ("F&O entity",) if width >= _WIDE else ()
    tables = (*entities, "Dataverse table")
    table = grid("map", "state", *tables, "version", "columns", numbers=("columns",), cut=tables)
    for each in found:
        state = each.state.value
        version = Text(each.version, style="green" if each.running_version else "")
        if each.newest_version != each.version:
            version.append(f" ({each.newest_version})", style="yellow")
        table.add_row(
            Text(names[each.name]),
            Text(state, style=STATE_STYLES.get(state, "")),
            *(each.finops_entity for _ in entities),
            each.dataverse_table,
            version,
            str(each.columns),
        )
    if any(each.newest_version != each.version for each in found):
        table.caption = "In parentheses: the newest version, where it is not the active one."
        table.caption_justify = "left"
    return table


def show_map(context: typer.Context, name: OneName, version: OfVersion = None) -> None:
    """Show what a map says: its columns with their map types, its filters, its key."""

    call = invocation(context)

    async def found(office: MapOffice) -> ShownMap:
        return await office.shown(await one_named(office, name), version)

    shown = at_map_office(call, found)
    call.output.show(_map_document(shown), *_map_shown(shown))


def _map_document(shown: ShownMap) -> dict[str, object]:
    says, stored = shown.saved.says, shown.saved.stored
    return {
        "name": says.name,
        "version": str(says.version),
        "publisher": says.publisher,
        "managed": stored.managed,
        "solution": stored.solution,
        "active": shown.is_active,
        "state": shown.map.state,
        "description": says.description,
        "finops_entity": says.finops_entity,
        "dataverse_table": says.dataverse_table,
        "source_filter": says.source_filter,
        "reversed_source_filter": says.reversed_source_filter,
        "integration_key": says.integration_key,
        "used_key": shown.used_key,
        "owning_team": says.owning_team,
        "can_run": shown.can_run,
        "columns": [_column_document(each) for each in says.columns],
    }


def _column_document(each: ColumnMapping) -> dict[str, object]:
    return {
        "finops": each.finops,
        "map_type": each.map_type,
        "dataverse": each.dataverse,
        "default": each.default.value if each.default else None,
        "value_map": dict(each.value_map.pairs) if each.value_map else None,
        "transforms": [transform.published() for transform in each.transforms],
    }


def _map_shown(shown: ShownMap) -> list[RenderableType]:
    says, stored = shown.saved.says, shown.saved.stored
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim")
    facts.add_column(overflow="fold")
    state = shown.map.state.value if shown.is_active else f"not active; {shown.map.active_version} is"
    brought = f", managed by the solution {stored.solution}" if stored.managed else ""
    lines = {
        "map": says.name,
        "version": f"{says.version} by {says.publisher}{brought}",
        "state": state,
        "about": says.description,
        "from F&O entity": says.finops_entity,
        "to Dataverse table": says.dataverse_table,
        "F&O filter": says.source_filter,
        "Dataverse filter": says.reversed_source_filter,
        "integration key": shown.key_origin,
        "owning team": says.owning_team or "",
        "notes": says.notes,
    }
    for name, text in lines.items():
        if text:
            facts.add_row(name, Text(text, style=STATE_STYLES.get(text, "") if name == "state" else ""))
    columns = grid("F&O column", "", "Dataverse column", "transform")
    for each in says.columns:
        columns.add_row(
            Text(each.finops or "none", style="" if each.finops else "dim"),
            Text(each.map_type, style="cyan"),
            Text(each.dataverse or "none", style="" if each.dataverse else "dim"),
            Text("; ".join(transform.described() for transform in each.transforms), style="dim"),
        )
    unfit: list[RenderableType] = []
    if not shown.can_run:
        unfit = [Text(), Text(f"This version cannot run; see: dualwrite maps validate {says.name!r}", style="red")]
    return [facts, Text(), columns, *unfit]
