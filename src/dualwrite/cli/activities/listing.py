"""``dualwrite activities list``: a page of the log, the latest first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

import typer
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from dualwrite.cli.activities.choices import (
    Asked,
    ConnectionWide,
    OfLegalEntity,
    OfMap,
    OfSeverity,
    ResultContains,
    Since,
    Until,
    What,
    Who,
)
from dualwrite.cli.activities.office import ActivityOffice, at_activity_office
from dualwrite.cli.initial_sync.words import moment
from dualwrite.cli.invocation import invocation
from dualwrite.cli.map_names import short_names
from dualwrite.cli.output import grid
from dualwrite.monitoring.activities.exporting import activity_document
from dualwrite.store.activity import Activity, Severity

STYLES: Mapping[Severity, str] = {Severity.INFO: "", Severity.WARNING: "yellow", Severity.ERROR: "red"}


def list_activities(
    context: typer.Context,
    map_name: OfMap = None,
    connection: ConnectionWide = False,
    what: What = None,
    who: Who = None,
    severity: OfSeverity = None,
    legal_entity: OfLegalEntity = None,
    result: ResultContains = None,
    since: Since = None,
    until: Until = None,
    before: Annotated[
        int | None, typer.Option("--before", metavar="NUMBER", help="Older than this entry: the next page.")
    ] = None,
    top: Annotated[int, typer.Option("--top", min=1, max=10_000, help="How many.")] = 50,
) -> None:
    """List what was done, the latest first."""
    call = invocation(context)
    asked = Asked(map_name, connection, what, who, severity, legal_entity, result, since, until)

    async def found(office: ActivityOffice) -> Sequence[Activity]:
        return await office.list(await asked.filter(office), before=before, limit_rows=top)

    entries = at_activity_office(call, found)
    shown: list[RenderableType] = [
        activities_table(entries) if entries else Text("Nothing has been done.", style="dim")
    ]
    if len(entries) == top:
        shown += [Text(), Text(f"the next ones: --before {entries[-1].id}", style="dim")]
    call.output.show([activity_document(each) for each in entries], *shown)


def activities_table(entries: Sequence[Activity]) -> Table:
    names = short_names({each.map for each in entries if each.map is not None})
    table = grid("number", "when", "who", "what", "map", "result", numbers=("number", "when"))
    for each in entries:
        table.add_row(
            str(each.id),
            moment(each.at),
            Text(each.who),
            Text(each.what),
            Text(names[each.map] if each.map is not None else (each.legal_entity or "")),
            Text(each.result, style=STYLES[each.severity]),
        )
    return table
