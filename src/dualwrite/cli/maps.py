"""``dualwrite maps``: the table maps, what they say, and running and stopping them."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Annotated

import typer
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from dualwrite.cli.copy_bars import CopyBars, copy_table, refusal_table, report_document, source_rows
from dualwrite.cli.invocation import invocation
from dualwrite.cli.map_names import chosen_maps, find_map, short_names
from dualwrite.cli.output import STATE_STYLES, grid
from dualwrite.cli.steps import Steps
from dualwrite.composition.house import CONNECTION, House
from dualwrite.maps.text import parse_map
from dualwrite.maps.values import ColumnMapping, MapVersion
from dualwrite.metadata.schema import Side
from dualwrite.store.initial_copies import Refusal
from dualwrite.store.maps import TableMap
from dualwrite.sync.initial_copy import CopyReport

_WIDE = 110
"""Columns of a terminal that has room for the names of both tables beside that of their map."""

app = typer.Typer(help="Table maps: list, show, run, refused, stop.", no_args_is_help=True)

Names = Annotated[list[str] | None, typer.Argument(help="Names of maps, or parts of them that only one has.")]
OneName = Annotated[str | None, typer.Argument(help="Name of a map, or a part of it.")]
All = Annotated[bool, typer.Option("--all", help="All maps.")]


class Master(Enum):
    """Whose rows win where both sides have one."""

    FINOPS = "finops"
    DATAVERSE = "dataverse"


@app.command("list")
def list_maps(context: typer.Context) -> None:
    """List the maps in their order of starting."""

    async def listed(house: House) -> Sequence[tuple[TableMap, MapVersion]]:
        return [(each, await _document(house, each.name)) for each in await house.store.maps.list(CONNECTION)]

    call = invocation(context)
    found = call.in_house(listed)
    names = short_names(each.name for each, _ in found)
    entities = ("F&O entity",) if call.output.console.width >= _WIDE else ()
    tables = (*entities, "Dataverse table")
    table = grid("map", "state", *tables, "version", "columns", numbers=("columns",), cut=tables)
    for each, version in found:
        table.add_row(
            Text(names[each.name]),
            Text(each.state.value, style=STATE_STYLES.get(each.state.value, "")),
            *(version.finops_entity for _ in entities),
            version.dataverse_table,
            each.active_version,
            str(len(version.columns)),
        )
    document = [
        {
            "name": each.name,
            "version": each.active_version,
            "publisher": version.publisher,
            "state": each.state,
            "finops_entity": version.finops_entity,
            "dataverse_table": version.dataverse_table,
            "columns": len(version.columns),
        }
        for each, version in found
    ]
    call.output.show(document, table)


@app.command("show")
def show_map(
    context: typer.Context, name: Annotated[str, typer.Argument(help="Name of a map, or a part of it.")]
) -> None:
    """Show what a map says: its columns with their map types, its filters, its key."""

    async def found(house: House) -> tuple[TableMap, MapVersion]:
        maps = await house.store.maps.list(CONNECTION)
        wanted = find_map([each.name for each in maps], name)
        return next(each for each in maps if each.name == wanted), await _document(house, wanted)

    call = invocation(context)
    state, version = call.in_house(found)
    call.output.show(_map_document(state, version), *_shown(state, version))


@app.command("run")
def run_maps(
    context: typer.Context,
    names: Names = None,
    every: All = False,
    master: Annotated[Master, typer.Option(help="Whose rows win where both sides have one.")] = Master.FINOPS,
    skip_initial_copy: Annotated[
        bool, typer.Option("--skip-initial-copy", help="Carry changes from now on; leave what is there already.")
    ] = False,
) -> None:
    """Run maps: they go live, then what both sides hold is brought into step. Exit code 1 when a row was refused."""
    _one_of(names, every)
    call = invocation(context)
    side = Side(master.value)

    async def ran(house: House) -> tuple[Sequence[str], CopyReport]:
        chosen = await chosen_maps(house, names or ())
        plans = [await house.lifecycle.plan(each) for each in chosen]
        totals = {} if skip_initial_copy else await source_rows(house, plans, master=side)
        with Steps(call.output.console).step(f"Running {_counted(chosen)}") as step:
            bars = CopyBars(step, master=side, totals=totals)
            report = await house.lifecycle.run(chosen, master=side, skip_initial_copy=skip_initial_copy, progress=bars)
            step.result(f"Running: {_counted(chosen)}")
        return chosen, report

    chosen, report = call.in_house(ran)
    shown: list[RenderableType] = [] if skip_initial_copy else [copy_table(report, master=side)]
    if report.refused:
        shown += [Text(), refusal_table(report)]
    call.output.show({"maps": chosen, **report_document(report)}, *shown)
    if report.refused:
        raise typer.Exit(1)


@app.command("refused")
def list_refused(context: typer.Context, name: OneName = None) -> None:
    """List the rows that the latest initial copy refused, with their reasons; of one map when named."""

    async def listed(house: House) -> Sequence[Refusal]:
        chosen = (await chosen_maps(house, [name]))[0] if name is not None else None
        runs = await house.store.initial_copies.list(CONNECTION, limit_rows=1)
        return await house.store.initial_copies.list_refused(runs[0].run, map=chosen) if runs else ()

    call = invocation(context)
    refused = call.in_house(listed)
    table = grid("map", "record", "column", "reason")
    for each in refused:
        record = f"{each.legal_entity}: {each.record_key}" if each.legal_entity else each.record_key
        table.add_row(Text(each.map), Text(record), each.column, Text(each.reason, style="yellow"))
    document = [
        {
            "map": each.map,
            "direction": each.direction,
            "company": each.legal_entity or None,
            "record": each.record_key,
            "column": each.column,
            "code": each.code,
            "reason": each.reason,
        }
        for each in refused
    ]
    nothing = Text("The latest initial copy refused nothing.", style="green")
    call.output.show(document, table if refused else nothing)


@app.command("stop")
def stop_maps(context: typer.Context, names: Names = None, every: All = False) -> None:
    """Stop maps: they carry no further change. What is on either side stays."""
    _one_of(names, every)

    async def stopped(house: House) -> Sequence[str]:
        chosen = await chosen_maps(house, names or ())
        await house.lifecycle.stop(chosen)
        return chosen

    call = invocation(context)
    chosen = call.in_house(stopped)
    call.output.show({"stopped": chosen}, f"Stopped: {_counted(chosen)}")


def _one_of(names: Sequence[str] | None, every: bool) -> None:
    if bool(names) == every:
        raise typer.BadParameter("name maps, or give --all")


def _counted(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{len(names)} maps"


async def _document(house: House, name: str) -> MapVersion:
    stored = await house.store.maps.version(CONNECTION, name)
    assert stored is not None, name
    return parse_map(stored.document, file=name)


def _map_document(state: TableMap, version: MapVersion) -> dict[str, object]:
    return {
        "name": version.name,
        "version": str(version.version),
        "publisher": version.publisher,
        "state": state.state,
        "description": version.description,
        "finops_entity": version.finops_entity,
        "dataverse_table": version.dataverse_table,
        "source_filter": version.source_filter,
        "reversed_source_filter": version.reversed_source_filter,
        "integration_key": version.integration_key,
        "columns": [
            {
                "finops": each.finops,
                "map_type": each.map_type,
                "dataverse": each.dataverse,
                "default": each.default.value if each.default else None,
                "value_map": dict(each.value_map.pairs) if each.value_map else None,
            }
            for each in version.columns
        ],
    }


def _shown(state: TableMap, version: MapVersion) -> list[RenderableType]:
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim")
    facts.add_column(overflow="fold")
    key = ", ".join(version.integration_key) if version.integration_key else "the table's alternate key"
    lines = {
        "map": version.name,
        "version": f"{version.version} by {version.publisher}",
        "state": state.state.value,
        "about": version.description,
        "from F&O entity": version.finops_entity,
        "to Dataverse table": version.dataverse_table,
        "F&O filter": version.source_filter,
        "Dataverse filter": version.reversed_source_filter,
        "integration key": key,
    }
    for name, text in lines.items():
        if text:
            facts.add_row(name, Text(text, style=STATE_STYLES.get(text, "") if name == "state" else ""))
    columns = grid("F&O column", "", "Dataverse column", "transform")
    for each in version.columns:
        columns.add_row(
            Text(each.finops or "none", style="" if each.finops else "dim"),
            Text(each.map_type, style="cyan"),
            Text(each.dataverse or "none", style="" if each.dataverse else "dim"),
            Text(_transforms(each), style="dim"),
        )
    return [facts, Text(), columns]


def _transforms(column: ColumnMapping) -> str:
    return "; ".join(each.described() for each in column.transforms)
