"""``dualwrite import``: a data-management export becomes records, record by record, through live sync."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import RenderableType
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

from dualwrite.cli.import_report import refusals_table
from dualwrite.cli.invocation import Invocation, invocation
from dualwrite.cli.records import EnvironmentSide
from dualwrite.composition.house import DEFAULT_COMPANY, House
from dualwrite.environments.port import Caller
from dualwrite.errors import SettingsRefused
from dualwrite.exchange.csv_file import parse_export
from dualwrite.exchange.import_file import ImportReport, import_rows
from dualwrite.metadata.schema import Side, Table
from dualwrite.metadata.values import LegalEntityId


def import_file(
    context: typer.Context,
    entity: Annotated[str, typer.Argument(help="The data entity the file is an export of, such as CustomersV3.")],
    file: Annotated[Path, typer.Argument(help="A CSV file with a line of column names.")],
    environment: Annotated[EnvironmentSide, typer.Option(help="Where the records go.")] = EnvironmentSide.FINOPS,
    company: Annotated[str | None, typer.Option(help="The legal entity of records that name none.")] = None,
) -> None:
    """Import a data-management export. Exit code 1 when a record was refused; the others are in."""
    call = invocation(context)
    content = _read(file)

    async def imported(house: House) -> tuple[Table, ImportReport]:
        target = house.pair.side(Side(environment.value))
        table = target.schema.table(entity)
        parsed = parse_export(table, content, company=LegalEntityId(company.lower()) if company else None)
        caller = Caller("dualwrite import", company=LegalEntityId(company or DEFAULT_COMPANY))
        with _progress(call) as progress:
            task = progress.add_task(table.label, total=len(parsed.rows))
            report = await import_rows(
                target,
                table,
                parsed,
                caller=caller,
                progress=lambda done, total: progress.update(task, completed=done, total=total),
            )
        return table, report

    table, report = call.in_house(imported)
    call.output.show(_document(table, report), *_shown(file, table, report))
    if report.refused:
        raise typer.Exit(1)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise SettingsRefused(f"{file} cannot be read: {(error.strerror or str(error)).lower()}") from error


def _progress(call: Invocation) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=30), MofNCompleteColumn())
    return Progress(*columns, console=call.output.console, transient=True, disable=call.output.as_json)


def _document(table: Table, report: ImportReport) -> dict[str, object]:
    return {
        "table": table.name,
        "created": report.created,
        "updated": report.updated,
        "unchanged": report.unchanged,
        "refused_records": report.refused_records,
        "refused": report.refused,
        "unknown_columns": report.unknown_columns,
    }


def _shown(file: Path, table: Table, report: ImportReport) -> list[RenderableType]:
    counts = f"{report.created} created, {report.updated} updated, {report.unchanged} unchanged"
    refused = f"[red]{report.refused_records} refused[/]" if report.refused else "none refused"
    shown: list[RenderableType] = [f"{escape(file.name)} → {table.label}: {counts}, {refused}"]
    if report.unknown_columns:
        names = ", ".join(report.unknown_columns)
        skipped = f"{len(report.unknown_columns)} columns of the file were skipped: {names}"
        shown.append(Text(skipped, style="dim"))
    if report.refused:
        shown += [Text(), refusals_table(report)]
    return shown
