"""``dualwrite maps run``, ``stop`` and ``refused``: maps go live, and what their copies would not take."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Annotated

import typer
from rich.console import RenderableType
from rich.text import Text

from dualwrite.cli.copy_bars import CopyBars, copy_table, refusal_table, report_document, source_rows
from dualwrite.cli.invocation import invocation
from dualwrite.cli.map_names import chosen_maps
from dualwrite.cli.maps.choices import All, Names, counted, one_map, one_of
from dualwrite.cli.maps.findings import findings_document, findings_shown
from dualwrite.cli.output import grid
from dualwrite.cli.steps import Steps
from dualwrite.composition.house import CONNECTION, House
from dualwrite.lifecycle.checks import CheckedMap
from dualwrite.lifecycle.transitions import is_live
from dualwrite.metadata.schema import Side
from dualwrite.store.initial_copies import Refusal
from dualwrite.sync.initial_copy import CopyReport


class Master(Enum):
    """Whose rows win where both sides have one."""

    FINOPS = "finops"
    DATAVERSE = "dataverse"


def run_maps(
    context: typer.Context,
    names: Names = None,
    every: All = False,
    master: Annotated[Master, typer.Option(help="Whose rows win where both sides have one.")] = Master.FINOPS,
    skip_initial_copy: Annotated[
        bool, typer.Option("--skip-initial-copy", help="Carry changes from now on; leave what is there already.")
    ] = False,
) -> None:
    """Run maps: they go live, then what both sides hold is brought into step.

    Maps that cannot run are refused with all findings, and then none of them runs. Exit code 1, too, when a row was
    refused.
    """
    one_of(names, every)
    call = invocation(context)
    side = Side(master.value)

    async def ran(house: House) -> tuple[Sequence[str], CopyReport] | Sequence[CheckedMap]:
        chosen = await chosen_maps(house, names or ())
        checked = await house.lifecycle.check(chosen)
        plans = [each.plan for each in checked if each.plan is not None]
        if len(plans) < len(checked):
            return [each for each in checked if not each.can_run]
        totals = {} if skip_initial_copy else await source_rows(house, plans, master=side)
        with Steps(call.output.console).step(f"Running {counted(chosen)}") as step:
            bars = CopyBars(step, master=side, totals=totals)
            report = await house.lifecycle.run(chosen, master=side, skip_initial_copy=skip_initial_copy, progress=bars)
            step.result(f"Running: {counted(chosen)}")
        return chosen, report

    outcome = call.in_house(ran)
    if not isinstance(outcome, tuple):
        call.output.show(findings_document(outcome), *findings_shown(outcome), "None of the maps was started.")
        raise typer.Exit(1)
    chosen, report = outcome
    shown: list[RenderableType] = [] if skip_initial_copy else [copy_table(report, master=side)]
    if report.refused:
        shown += [Text(), refusal_table(report)]
    call.output.show({"maps": chosen, **report_document(report)}, *shown)
    if report.refused:
        raise typer.Exit(1)


def list_refused(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="Name of a map, or a part of it.")] = None,
) -> None:
    """List the rows that the latest initial copy refused, with their reasons; of one map when named."""

    async def listed(house: House) -> Sequence[Refusal]:
        chosen = await one_map(house, name) if name is not None else None
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


def stop_maps(context: typer.Context, names: Names = None, every: All = False) -> None:
    """Stop maps, or all that are running: they carry no further change. What is on either side stays."""
    one_of(names, every)

    async def stopped(house: House) -> Sequence[str]:
        chosen = await chosen_maps(house, names or ())
        if every:
            maps = await house.store.maps.list(CONNECTION)
            chosen = [each.name for each in maps if is_live(each.state)]
        await house.lifecycle.stop(chosen)
        return chosen

    call = invocation(context)
    chosen = call.in_house(stopped)
    call.output.show({"stopped": chosen}, f"Stopped: {counted(chosen)}" if chosen else "No map was running.")
