"""``dualwrite imports``: the imports so far, and the records that they refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from dualwrite.cli.imports.command import find_import
from dualwrite.cli.imports.refused_csv import write_refused
from dualwrite.cli.imports.shown import (
    count_document,
    group_document,
    groups_table,
    imports_table,
    refusal_document,
    refusals_table,
)
from dualwrite.cli.invocation import Invocation, invocation
from dualwrite.composition.house import House
from dualwrite.store.file_imports import FileImport, FileRefusal, FileRefusalFilter, FileRefusalGroup, ImportId

app = typer.Typer(help="Imports of files so far: list, refused.", no_args_is_help=True)

_A_PAGE = 25


@app.command("list")
def list_imports(
    context: typer.Context, top: Annotated[int, typer.Option("--top", min=1, help="How many.")] = 20
) -> None:
    """List the imports, latest first."""

    async def listed(house: House) -> Sequence[FileImport]:
        return await house.store.file_imports.list(limit_rows=top)

    call = invocation(context)
    found = call.in_house(listed)
    call.output.show([_document(each) for each in found], imports_table(found) if found else Text("No file yet."))


@app.command("refused")
def list_refused(
    context: typer.Context,
    number: Annotated[
        int | None, typer.Argument(metavar="[IMPORT]", help="The number of an import; the latest that refused any.")
    ] = None,
    entity: Annotated[str | None, typer.Option("--entity", help="Of this table, by its technical name.")] = None,
    legal_entity: Annotated[str | None, typer.Option("--legal-entity", metavar="ID", help="Of this one.")] = None,
    column: Annotated[str | None, typer.Option("--column", help="Because of this column.")] = None,
    code: Annotated[str | None, typer.Option("--code", help="With this code.")] = None,
    cause: Annotated[str | None, typer.Option("--cause", help="For this cause, as --by-cause tells it.")] = None,
    still_open: Annotated[bool, typer.Option("--open", help="Only those that nobody has tried again.")] = False,
    by_cause: Annotated[
        bool, typer.Option("--by-cause", help="How many records each cause has, the most first.")
    ] = False,
    csv: Annotated[
        Path | None,
        typer.Option(
            "--csv",
            metavar="FILE",
            help="Write all of them with their cells, to be mended and imported: one file for each table.",
        ),
    ] = None,
    top: Annotated[int, typer.Option("--top", min=1, help="How many refusals.")] = _A_PAGE,
) -> None:
    """List the records that an import refused, with reason and way out."""
    call = invocation(context)
    which = FileRefusalFilter(entity, legal_entity and legal_entity.lower(), code, column, cause, open_only=still_open)
    asked = None if number is None else ImportId(number)
    if csv is not None:
        _write(call, asked, which, csv)
    elif by_cause:
        _show_groups(call, asked, which)
    else:
        _show(call, asked, which, top)


def _show(call: Invocation, number: ImportId | None, which: FileRefusalFilter, top: int) -> None:
    async def found(house: House) -> Sequence[FileRefusal]:
        imports = house.store.file_imports
        earlier = await find_import(imports, number)
        return await imports.first_refused(earlier.number, which, limit_rows=top)

    refused = call.in_house(found)
    document = [refusal_document(each) for each in refused]
    call.output.show(document, refusals_table(refused) if refused else Text("Nothing was refused.", style="green"))


def _show_groups(call: Invocation, number: ImportId | None, which: FileRefusalFilter) -> None:
    async def found(house: House) -> Sequence[FileRefusalGroup]:
        imports = house.store.file_imports
        return await imports.causes((await find_import(imports, number)).number, which)

    groups = call.in_house(found)
    document = [group_document(each) for each in groups]
    call.output.show(document, groups_table(groups) if groups else Text("Nothing was refused.", style="green"))


def _write(call: Invocation, number: ImportId | None, which: FileRefusalFilter, path: Path) -> None:
    async def written(house: House) -> Mapping[Path, int]:
        imports = house.store.file_imports
        return await write_refused(imports, (await find_import(imports, number)).number, which, path)

    files = call.in_house(written)
    document = [{"file": file, "records": records} for file, records in files.items()]
    lines = [Text(f"{file}: {records:,} refused records", style="green") for file, records in files.items()]
    call.output.show(document, *lines or [Text("Nothing was refused.", style="green")])


def _document(each: FileImport) -> Mapping[str, object]:
    return {
        "import": each.number,
        "side": each.side,
        "files": each.files,
        "started_by": each.started_by,
        "started_at": each.started_at,
        "finished_at": each.finished_at,
        **count_document(each.count),
        "rerun_of": each.rerun_of,
    }
