"""``dualwrite export``: tables of an environment become data files or a data package, as an import reads them back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from dualwrite.cli.invocation import Invocation, invocation
from dualwrite.cli.map_names import chosen_maps
from dualwrite.cli.records import EnvironmentSide
from dualwrite.composition.house import CONNECTION, House
from dualwrite.errors import SettingsRefused
from dualwrite.maps.stamp import read_head
from dualwrite.metadata.schema import Side, Table

if TYPE_CHECKING:
    from collections.abc import Callable

    from dualwrite.exchange.exporting.exporter import ExportedTable

    _Told: TypeAlias = Callable[[Table, int, int], None]

_PACKAGE = ".zip"


class FileFormat(Enum):
    """How records are written."""

    CSV = "csv"
    XML = "xml"
    XML_ATTRIBUTES = "xml-attributes"


@dataclass(frozen=True, slots=True)
class _What:
    side: Side
    tables: Sequence[str]
    maps: Sequence[str]
    every_map: bool
    legal_entities: tuple[str, ...] | None


def export_tables(
    context: typer.Context,
    to: Annotated[
        Path,
        typer.Option(
            "--to",
            help="A data package (NAME.zip), a file for one table (NAME.csv, NAME.xml), or a folder for several.",
        ),
    ],
    tables: Annotated[
        list[str] | None, typer.Argument(metavar="[TABLE...]", help="CustomersV3, accounts, 'Customers V3' …")
    ] = None,
    maps: Annotated[list[str] | None, typer.Option("--map", help="The table of this map; may be given again.")] = None,
    every_map: Annotated[bool, typer.Option("--all-maps", help="The tables of all maps, in their order.")] = False,
    environment: Annotated[EnvironmentSide, typer.Option(help="Where the records are.")] = EnvironmentSide.FINOPS,
    legal_entities: Annotated[
        list[str] | None, typer.Option("--legal-entity", metavar="ID", help="Only of this one; may be given again.")
    ] = None,
    file_format: Annotated[
        FileFormat | None, typer.Option("--format", help="How records are written; CSV unless the file's name tells.")
    ] = None,
) -> None:
    """Export tables, in the format that an import reads back to equal records."""
    call = invocation(context)
    what = _What(
        Side(environment.value),
        tables or (),
        maps or (),
        every_map,
        tuple(each.lower() for each in legal_entities) if legal_entities else None,
    )
    exported = call.in_house(lambda house: _export(call, house, what, (to, _format(file_format, to))))
    document = [{"table": each.table.name, "file": each.file, "records": each.rows} for each in exported]
    lines = [Text(f"{each.table.label} → {each.file}: {each.rows:,} records") for each in exported]
    call.output.show({"to": to, "tables": document}, *lines, Text(str(to), style="green"))


async def _export(
    call: Invocation, house: House, what: _What, where: tuple[Path, FileFormat]
) -> Sequence[ExportedTable]:
    # Polars takes its time to load; the other commands do without it.
    from dualwrite.composition.files import environment_of
    from dualwrite.exchange.exporting.exporter import Exporter
    from dualwrite.exchange.package.manifest import DataFormat

    to, file_format = where
    data_format = {
        FileFormat.CSV: DataFormat.CSV,
        FileFormat.XML: DataFormat.XML_ELEMENT,
        FileFormat.XML_ATTRIBUTES: DataFormat.XML_ATTRIBUTE,
    }[file_format]
    tables = await _chosen(house, what)
    with _progress(call) as progress:
        exporter = Exporter(environment_of(house, what.side), data_format, what.legal_entities, progress)
        if to.suffix.casefold() == _PACKAGE:
            return await exporter.to_package(tables, to, name=to.stem)
        if to.suffix.casefold() in (".csv", ".xml"):
            if len(tables) > 1:
                raise SettingsRefused(f"{to} would hold {len(tables)} tables; name a package (.zip) or a folder")
            return await exporter.to_files(tables, lambda _: to)
        await asyncio.to_thread(_make_folder, to)
        return await exporter.to_files(tables, lambda table: to / f"{table.entity_set}{data_format.suffix}")


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsRefused(f"{path} cannot be written: {(error.strerror or str(error)).lower()}") from error


async def _chosen(house: House, what: _What) -> Sequence[Table]:
    """The tables that were named, in that order, then those of maps, each once. Raises: CatalogRefused."""
    schema = await house.pair.side(what.side).current_schema()
    chosen = [schema.table(each) for each in what.tables]
    if what.maps or what.every_map:
        chosen += [schema.table(each) for each in await _tables_of_maps(house, what)]
    if not chosen:
        raise SettingsRefused("name the tables to export, their maps (--map), or all of them (--all-maps)")
    return tuple(dict.fromkeys(chosen))


async def _tables_of_maps(house: House, what: _What) -> Sequence[str]:
    """The tables of the chosen maps on the side that is exported, in the order in which the maps start."""
    names = await chosen_maps(house, () if what.every_map else what.maps)
    heads = {each.name: read_head(each.document) for each in await house.store.maps.active_versions(CONNECTION)}
    column = "finops_entity" if what.side is Side.FINOPS else "dataverse_table"
    return [heads[name].texts[column] for name in names]


def _format(named: FileFormat | None, to: Path) -> FileFormat:
    if named is not None:
        return named
    return FileFormat.XML if to.suffix.casefold() == ".xml" else FileFormat.CSV


@contextmanager
def _progress(call: Invocation) -> Iterator[_Told]:
    bars = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=call.output.console,
        transient=True,
        disable=call.output.as_json,
    )
    tasks: dict[str, TaskID] = {}

    def told(table: Table, done: int, total: int) -> None:
        if table.name not in tasks:
            tasks[table.name] = bars.add_task(table.label, total=total)
        bars.update(tasks[table.name], completed=done, total=total)

    with bars:
        yield told
