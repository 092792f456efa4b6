"""``dualwrite import``: data packages and data files become records of an environment, on both sides of every link."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from dualwrite.cli.imports.progress import import_progress
from dualwrite.cli.imports.shown import FEW, Imported, import_document, import_shown
from dualwrite.cli.invocation import Invocation, invocation
from dualwrite.cli.records import EnvironmentSide
from dualwrite.composition.house import House
from dualwrite.metadata.schema import Side
from dualwrite.metadata.values import LegalEntityId
from dualwrite.store.file_imports import FileImport, FileImportRepository, FileRefusalFilter, ImportId

_WHO = "dualwrite import"


@dataclass(frozen=True, slots=True)
class _How:
    """What the options of the command say."""

    entity: str | None
    company: LegalEntityId | None
    one_by_one: bool


def import_files(
    context: typer.Context,
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILE",
            help="Data packages (zip), CSV and XML files. A file that is no package is named after its entity.",
            show_default=False,
        ),
    ] = None,
    entity: Annotated[
        str | None, typer.Option("--entity", help="What the files hold: CustomersV3, accounts, 'Customers V3' …")
    ] = None,
    environment: Annotated[EnvironmentSide, typer.Option(help="Where the records go.")] = EnvironmentSide.FINOPS,
    company: Annotated[str | None, typer.Option(help="The legal entity of records that name none.")] = None,
    one_by_one: Annotated[
        bool, typer.Option("--one-by-one", help="Through the environment's own transactions: slower, the same result.")
    ] = False,
    rerun_failed: Annotated[
        bool,
        typer.Option(
            "--rerun-failed",
            help="Try again what the latest import refused, or the one whose number is given instead of files.",
        ),
    ] = False,
) -> None:
    """Import files, a package in the order of its manifest.

    Exit code 1 when a record was refused; the others are in.
    """
    call = invocation(context)
    how = _How(entity, LegalEntityId(company.lower()) if company else None, one_by_one)
    if rerun_failed:
        _carry_out(call, lambda house: _again(call, house, _number(files), how))
    elif files:
        side, paths = Side(environment.value), [Path(each) for each in files]
        _carry_out(call, lambda house: _import(call, house, (side, paths), how))
    else:
        raise typer.BadParameter("name the files to import, or give --rerun-failed")


def _carry_out(call: Invocation, action: Callable[[House], Awaitable[Imported]]) -> None:
    async def carried_out(house: House) -> Imported:
        return await action(house)

    imported = call.in_house(carried_out)
    call.output.show(import_document(imported), *import_shown(imported))
    if imported.report.imported.count.refused or imported.left:
        raise typer.Exit(1)


async def _import(call: Invocation, house: House, what: tuple[Side, Sequence[Path]], how: _How) -> Imported:
    # Polars takes its time to load; the other commands do without it.
    from dualwrite.composition.files import importer_of
    from dualwrite.exchange.importing.sources import open_sources

    side, paths = what
    schema = await house.pair.side(side).current_schema()
    with (
        open_sources(paths, schema, entity=how.entity, company=how.company) as sources,
        import_progress(call) as progress,
    ):
        importer = importer_of(house, side, company=how.company, by_frames=not how.one_by_one, progress=progress)
        report = await importer.run(sources, files=[each.name for each in paths], who=_WHO)
        return await _told(house.store.file_imports, Imported(report))


async def _again(call: Invocation, house: House, number: ImportId | None, how: _How) -> Imported:
    from dualwrite.composition.files import importer_of

    imports = house.store.file_imports
    earlier = await find_import(imports, number)
    with import_progress(call) as progress:
        importer = importer_of(house, earlier.side, by_frames=not how.one_by_one, progress=progress)
        report = await importer.again(earlier, who=_WHO)
    left = sum(each.rows for each in await imports.causes(earlier.number))
    return await _told(imports, Imported(report, left=left))


async def _told(imports: FileImportRepository, imported: Imported) -> Imported:
    number = imported.report.imported.number
    groups = await imports.causes(number)
    first = await imports.first_refused(number, FileRefusalFilter(), limit_rows=FEW + 1)
    return Imported(imported.report, groups, first, imported.left)


async def find_import(imports: FileImportRepository, number: ImportId | None) -> FileImport:
    """The import with that number, else the latest one with refused records. Raises: NotAllowed."""
    return await imports.latest_refusing() if number is None else await imports.get(number)


def _number(files: Sequence[str] | None) -> ImportId | None:
    if not files:
        return None
    if len(files) > 1 or not files[0].isdecimal():
        raise typer.BadParameter(
            "with --rerun-failed, give the number of an import, as dualwrite imports list tells it"
        )
    return ImportId(int(files[0]))
