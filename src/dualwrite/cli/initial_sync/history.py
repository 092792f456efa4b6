"""``dualwrite initial-sync list`` and ``show``: the runs there were, and how one of them went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from dualwrite.cli.initial_sync.choices import ByLegalEntity, RunName
from dualwrite.cli.initial_sync.ending import ending_of, ending_shown
from dualwrite.cli.initial_sync.office import SyncOffice, at_sync_office, find_run
from dualwrite.cli.initial_sync.words import ARROWS, SIDES, STATE_WORDS, moment, seconds_in_words, short_run
from dualwrite.cli.invocation import invocation
from dualwrite.cli.map_names import find_map, short_names
from dualwrite.cli.output import grid
from dualwrite.lifecycle.initial_sync.reports import RunReport
from dualwrite.store.initial_syncs import RunState
from dualwrite.store.partitions import Partition, PartitionState

_STATE_STYLES: Mapping[PartitionState, str] = {
    PartitionState.PENDING: "dim",
    PartitionState.RUNNING: "yellow",
    PartitionState.DONE: "green",
    PartitionState.FAILED: "red",
}


def list_runs(
    context: typer.Context, most: Annotated[int, typer.Option("--most", min=1, help="How many, the latest first.")] = 20
) -> None:
    """List the runs, the latest first: when, over how many maps, and how their rows ended."""
    call = invocation(context)
    found = at_sync_office(call, lambda office: office.reports.history(limit_rows=most))
    nothing = Text("There has been no initial sync yet: dualwrite initial-sync run --all", style="dim")
    call.output.show([_run_document(each) for each in found], _runs_table(found) if found else nothing)


def _run_document(each: RunReport) -> Mapping[str, object]:
    run = each.run
    return {
        "run": run.run,
        "state": run.state,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "started_by": run.started_by,
        "rerun_of": run.parent,
        "rerun": run.rerun,
        "maps": [it.map for it in each.maps],
        "total": asdict(each.total),
        "message": run.message,
    }


def _runs_table(found: Sequence[RunReport]) -> Table:
    numbers = ("maps", "read", "written", "refused")
    table = grid("run", "began", "took", "state", *numbers, numbers=("began", "took", *numbers))
    for each in found:
        run, total, word = each.run, each.total, STATE_WORDS[each.run.state]
        took = "" if run.finished_at is None else seconds_in_words((run.finished_at - run.started_at).total_seconds())
        # The last column says how many rows were refused.
        state = Text("completed" if run.state is RunState.WITH_REFUSALS else word.word, style=word.style)
        if run.rerun is not None and run.parent is not None:
            state.append(f"\n{run.rerun.value} of {short_run(run.parent)}", style="dim")
        facts = (short_run(run.run), moment(run.started_at, short=True), took, state)
        counts = (len(each.maps), total.read, total.inserted + total.updated)
        refused = Text(f"{total.refused:,}", style="red" if total.refused else "dim")
        table.add_row(*facts, *(f"{it:,}" for it in counts), refused)
    return table


def show_run(
    context: typer.Context,
    name: RunName = "",
    by_legal_entity: ByLegalEntity = False,
    map_name: Annotated[
        str | None, typer.Option("--partitions", metavar="MAP", help="The partitions of a map instead.")
    ] = None,
) -> None:
    """Show how a run stands or went: its rows by map, and what was refused. --json gives the initial sync details."""
    call = invocation(context)

    async def found(office: SyncOffice) -> tuple[object, Sequence[RenderableType]]:
        run = await find_run(office, name)
        if map_name is not None:
            of_map = find_map(await office.map_names(), map_name)
            partitions = await office.reports.partitions(run, map=of_map)
            return [_partition_document(each) for each in partitions], [_partitions_table(partitions)]
        ending = await ending_of(office.reports, run)
        facts = _facts(ending.report)
        return await office.reports.details(run), [facts, *ending_shown(ending, by_legal_entity=by_legal_entity)]

    document, shown = at_sync_office(call, found)
    call.output.show(document, *shown)


def _facts(report: RunReport) -> Table:
    run = report.run
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim")
    facts.add_column(overflow="fold")
    facts.add_row("run", str(run.run))
    facts.add_row("began", f"{moment(run.started_at)}, by {run.started_by}")
    if run.finished_at is not None:
        facts.add_row("ended", moment(run.finished_at))
    if run.parent is not None and run.rerun is not None:
        facts.add_row("rerun", f"{run.rerun.value} of {short_run(run.parent)}")
    names = short_names(each.map for each in report.maps)
    for side, title in SIDES.items():
        led = [names[each.map] for each in report.maps if each.master is side]
        if led:
            facts.add_row(f"{title} wins", Text(", ".join(led)))
    companies = {each.legal_entities for each in report.maps}
    if companies != {None}:
        facts.add_row("legal entities", ", ".join(sorted({it for each in companies for it in each or ("all",)})))
    return facts


def _partitions_table(partitions: Sequence[Partition]) -> Table:
    numbers = ("#", "rows", "attempts", "took")
    table = grid(
        "#", "", "legal entities", "rows", "state", "attempts", "took", "worker", numbers=numbers, cut=("worker",)
    )
    for each in partitions:
        companies = ", ".join(each.extent.companies or ()) if each.extent is not None else ""
        way = ARROWS[each.direction]
        state = Text(each.state.value, style=_STATE_STYLES[each.state])
        if each.second_pass_of is not None:
            state.append(f"\nsecond pass of {each.second_pass_of}", style="dim")
        if each.message and each.state is not PartitionState.DONE:
            state.append(f"\n{each.message}")
        table.add_row(
            str(each.number),
            way,
            Text(companies),
            f"{each.rows:,}",
            state,
            str(each.attempts),
            _took(each),
            each.worker,
        )
    return table


def _took(each: Partition) -> str:
    if each.started_at is None or each.finished_at is None:
        return ""
    return f"{(each.finished_at - each.started_at).total_seconds():.1f} s"


def _partition_document(each: Partition) -> Mapping[str, object]:
    return {
        "number": each.number,
        "map": each.map,
        "direction": each.direction,
        "legal_entities": each.extent.companies if each.extent is not None else None,
        "rows": each.rows,
        "second_pass_of": each.second_pass_of,
        "state": each.state,
        "attempts": each.attempts,
        "worker": each.worker,
        "message": each.message,
        "started_at": each.started_at,
        "finished_at": each.finished_at,
    }
