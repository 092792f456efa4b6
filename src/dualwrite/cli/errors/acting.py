"""``dualwrite errors retry`` and ``dismiss``: what becomes of changes that failed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from dualwrite.cli.errors.choices import (
    Asked,
    FromSide,
    OfCategory,
    OfCause,
    OfCode,
    OfColumn,
    OfKind,
    OfLegalEntity,
    OfMap,
    OfRecord,
    Since,
    Until,
)
from dualwrite.cli.errors.office import ErrorOffice, at_error_office
from dualwrite.cli.invocation import invocation
from dualwrite.cli.map_names import short_names
from dualwrite.cli.output import grid
from dualwrite.lifecycle.errors.reports import RetryReport

Numbers = Annotated[list[int] | None, typer.Argument(min=1, help="Numbers of errors, as list tells them.")]
Every = Annotated[bool, typer.Option("--all", help="All open errors of which the options below hold.")]


def retry(
    context: typer.Context,
    numbers: Numbers = None,
    every: Every = False,
    map_name: OfMap = None,
    legal_entity: OfLegalEntity = None,
    from_side: FromSide = None,
    kind: OfKind = None,
    category: OfCategory = None,
    column: OfColumn = None,
    code: OfCode = None,
    cause: OfCause = None,
    record: OfRecord = None,
    since: Since = None,
    until: Until = None,
) -> None:
    """Try changes again that failed, unless newer ones have overtaken them. Exit code 1: some are refused again."""
    call = invocation(context)
    asked = Asked(
        map=map_name,
        legal_entity=legal_entity,
        from_side=from_side,
        kind=kind,
        category=category,
        column=column,
        code=code,
        cause=cause,
        record=record,
        since=since,
        until=until,
    )
    _one_of(numbers, every, asked)

    async def tried(office: ErrorOffice) -> RetryReport:
        return await office.retry(numbers) if numbers else await office.retry_all(await asked.filter(office))

    report = at_error_office(call, tried)
    document = {"total": report.total, "maps": report.maps, "refusals": report.refusals}
    call.output.show(document, *_shown(report))
    if report.total.refused:
        raise typer.Exit(1)


def dismiss(
    context: typer.Context,
    numbers: Numbers = None,
    every: Every = False,
    map_name: OfMap = None,
    legal_entity: OfLegalEntity = None,
    from_side: FromSide = None,
    kind: OfKind = None,
    category: OfCategory = None,
    column: OfColumn = None,
    code: OfCode = None,
    cause: OfCause = None,
    record: OfRecord = None,
    since: Since = None,
    until: Until = None,
) -> None:
    """Give changes up that failed: the other side goes without them."""
    call = invocation(context)
    asked = Asked(
        map=map_name,
        legal_entity=legal_entity,
        from_side=from_side,
        kind=kind,
        category=category,
        column=column,
        code=code,
        cause=cause,
        record=record,
        since=since,
        until=until,
    )
    _one_of(numbers, every, asked)

    async def dismissed(office: ErrorOffice) -> int:
        return await office.dismiss(numbers) if numbers else await office.dismiss_all(await asked.filter(office))

    number = at_error_office(call, dismissed)
    call.output.show({"dismissed": number}, Text(f"{number:,} dismissed", style="green"))


def _one_of(numbers: Sequence[int] | None, every: bool, asked: Asked) -> None:
    if bool(numbers) == every:
        raise typer.BadParameter("name errors by their numbers, or give --all")
    if numbers and asked != Asked():
        raise typer.BadParameter("the other options go with --all")


def _shown(report: RetryReport) -> Sequence[RenderableType]:
    if not report.maps:
        return (Text("No open error.", style="green"),)
    parts: list[RenderableType] = [_counts(report)]
    parts += [Text(each, style="yellow") for each in report.refusals]
    if report.total.refused > len(report.refusals):
        parts.append(Text("all of them: dualwrite errors list", style="dim"))
    return parts


def _counts(report: RetryReport) -> Table:
    table = grid("map", "completed", "stale", "refused again", numbers=("completed", "stale", "refused again"))
    names = short_names(report.maps)
    for name, count in report.maps.items():
        table.add_row(Text(names[name]), f"{count.completed:,}", f"{count.stale:,}", f"{count.refused:,}")
    return table
