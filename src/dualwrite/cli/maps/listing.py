"""``dualwrite maps list`` and ``show``: which maps there are, and what they say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import typer
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from dualwrite.cli.invocation import invocation
from dualwrite.cli.map_choices import OfVersion, OneName, one_map, versions_of
from dualwrite.cli.map_names import short_names
from dualwrite.cli.output import STATE_STYLES, grid
from dualwrite.composition.house import CONNECTION, House
from dualwrite.lifecycle.keys import key_columns, key_origin
from dualwrite.lifecycle.transitions import is_live
from dualwrite.lifecycle.versions import SavedVersion
from dualwrite.maps.plan import Plan
from dualwrite.maps.values import ColumnMapping, Version
from dualwrite.store.maps import TableMap

_WIDE = 110
"""Columns of a terminal that has room for the names of both tables beside that of their map."""


@dataclass(frozen=True, slots=True)
class _Listed:
    """A map with its active version and the numbers of all its versions."""

    map: TableMap
    saved: SavedVersion
    versions: Sequence[str]

    @property
    def newest(self) -> str:
        return max(self.versions, key=Version.parse)

    @property
    def running_version(self) -> str | None:
        return self.map.active_version if is_live(self.map.state) else None


def list_maps(context: typer.Context) -> None:
    """List the maps in their order of starting, with the version that is active, and whether that runs."""

    async def listed(house: House) -> Sequence[_Listed]:
        saved = {each.name: SavedVersion.read(each) for each in await house.store.maps.active_versions(CONNECTION)}
        numbers: dict[str, list[str]] = {}
        for each in await house.store.maps.all_versions(CONNECTION):
            numbers.setdefault(each.name, []).append(each.version)
        return [_Listed(each, saved[each.name], numbers[each.name]) for each in await house.store.maps.list(CONNECTION)]

    call = invocation(context)
    found = call.in_house(listed)
    call.output.show([_listed_document(each) for each in found], _listed_table(found, call.output.console.width))


def _listed_document(each: _Listed) -> Mapping[str, object]:
    says = each.saved.says
    return {
        "name": each.map.name,
        "version": each.map.active_version,
        "running_version": each.running_version,
        "newest_version": each.newest,
        "versions": len(each.versions),
        "publisher": says.publisher,
        "managed": each.saved.stored.managed,
        "solution": each.saved.stored.solution,
        "state": each.map.state,
        "finops_entity": says.finops_entity,
        "dataverse_table": says.dataverse_table,
        "columns": len(says.columns),
    }


def _listed_table(found: Sequence[_Listed], width: int) -> Table:
    names = short_names(each.map.name for each in found)
    entities = ("F&O entity",) if width >= _WIDE else ()
    tables = (*entities, "Dataverse table")
    table = grid("map", "state", *tables, "version", "columns", numbers=("columns",), cut=tables)
    for each in found:
        says, state = each.saved.says, each.map.state.value
        version = Text(each.map.active_version, style="green" if each.running_version else "")
        if each.newest != each.map.active_version:
            version.append(f" ({each.newest})", style="yellow")
        table.add_row(
            Text(names[each.map.name]),
            Text(state, style=STATE_STYLES.get(state, "")),
            *(says.finops_entity for _ in entities),
            says.dataverse_table,
            version,
            str(len(says.columns)),
        )
    if any(each.newest != each.map.active_version for each in found):
        table.caption = "In parentheses: the newest version, where it is not the active one."
        table.caption_justify = "left"
    return table


@dataclass(frozen=True, slots=True)
class _Shown:
    """A version of a map with the state of the map; ``plan`` is None when it cannot run."""

    map: TableMap
    saved: SavedVersion
    plan: Plan | None

    @property
    def is_active(self) -> bool:
        return self.saved.stored.version == self.map.active_version


def show_map(context: typer.Context, name: OneName, version: OfVersion = None) -> None:
    """Show what a map says: its columns with their map types, its filters, its key."""

    async def found(house: House) -> _Shown:
        chosen = await one_map(house, name)
        state = await house.store.maps.get(CONNECTION, chosen)
        assert state is not None, chosen
        saved = await versions_of(house).get(chosen, version)
        await house.router.compiled.refresh()
        compiled = house.router.compiled.compiled(saved.stored.document, saved.says)
        return _Shown(state, saved, compiled if isinstance(compiled, Plan) else None)

    call = invocation(context)
    shown = call.in_house(found)
    call.output.show(_map_document(shown), *_map_shown(shown))


def _map_document(shown: _Shown) -> dict[str, object]:
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
        "used_key": None if shown.plan is None else key_columns(shown.plan),
        "owning_team": says.owning_team,
        "can_run": shown.plan is not None,
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


def _map_shown(shown: _Shown) -> list[RenderableType]:
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
        "integration key": key_origin(says, shown.plan),
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
    if shown.plan is None:
        unfit = [Text(), Text(f"This version cannot run; see: dualwrite maps validate {says.name!r}", style="red")]
    return [facts, Text(), columns, *unfit]
