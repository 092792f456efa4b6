"""``dualwrite activities export``: the log as a file."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Annotated

import typer
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
from dualwrite.cli.invocation import invocation
from dualwrite.cli.text_files import STANDARD_OUTPUT, opened
from dualwrite.monitoring.activities.exporting import ExportFormat, exported


def export_activities(
    context: typer.Context,
    to: Annotated[str, typer.Option("--to", metavar="FILE", help="NAME.csv or NAME.jsonl; - for standard output.")],
    file_format: Annotated[
        ExportFormat | None, typer.Option("--format", help="How entries are written, unless the file's name tells.")
    ] = None,
    map_name: OfMap = None,
    connection: ConnectionWide = False,
    what: What = None,
    who: Who = None,
    severity: OfSeverity = None,
    legal_entity: OfLegalEntity = None,
    result: ResultContains = None,
    since: Since = None,
    until: Until = None,
) -> None:
    """Write what was done into a file, the latest first: CSV, or a line of JSON for each entry."""
    call = invocation(context)
    asked = Asked(map_name, connection, what, who, severity, legal_entity, result, since, until)
    form = file_format or _format(to)

    async def written(office: ActivityOffice) -> int:
        entries = office.all(await asked.filter(office))
        with ExitStack() as stack:
            file, characters = opened(to, stack), 0
            async for piece in exported(entries, form):
                characters += file.write(piece)
        return characters

    characters = at_activity_office(call, written)
    if to != STANDARD_OUTPUT:
        call.output.show({"file": to, "characters": characters}, Text(f"{to} has been written.", style="green"))


def _format(to: str) -> ExportFormat:
    for each in ExportFormat:
        if to.casefold().endswith(f".{each.value}"):
            return each
    return ExportFormat.CSV
