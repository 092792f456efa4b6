"""An export: tables read in frames, as they are committed, and written as files while they are read."""

from __future__ import annotations

import asyncio
import time
import zipfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, TypeAlias

import polars as pl

from dualwrite.environments.bulk import BulkEnvironment, CopyParticipant, Scan
from dualwrite.errors import SettingsRefused
from dualwrite.exchange.exporting.cell_texts import cell_texts
from dualwrite.exchange.exporting.writers import file_writer
from dualwrite.exchange.package.manifest import (
    HEADER,
    MANIFEST,
    DataFormat,
    FieldMapping,
    Manifest,
    PackagedEntity,
    write_header,
    write_manifest,
)
from dualwrite.metadata.schema import Column, ColumnType, Table
from dualwrite.metadata.values import target_entry

FRAME_ROWS: Final = 10_000
_UNFINISHED: Final = ".part"

Progress: TypeAlias = Callable[[Table, int, int], None]
"""Called with the table, how many of its records have been written, and how many there were."""


def silent(table: Table, done: int, total: int) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True, slots=True)
class ExportedTable:
    """What was written of a table."""

    table: Table
    file: str
    rows: int


@dataclass(frozen=True, slots=True)
class Exporter:
    """Exports tables of one environment; the records of ``companies`` (None: of all) where a table has companies.

    A file is there when it is whole, and not before. Records are read some thousand at a time, each as it is at that
    moment.
    """

    environment: BulkEnvironment
    data_format: DataFormat
    companies: tuple[str, ...] | None = None
    progress: Progress = silent

    async def to_files(self, tables: Sequence[Table], path_of: Callable[[Table], Path]) -> Sequence[ExportedTable]:
        """Each table is a file of its own. Raises: SettingsRefused, when a file cannot be written."""
        exported = []
        for table in tables:
            path = path_of(table)
            with _appearing(path) as stream:
                exported.append(ExportedTable(table, path.name, await self._write(table, stream)))
        return exported

    async def to_package(self, tables: Sequence[Table], path: Path, *, name: str) -> Sequence[ExportedTable]:
        """The tables are a data package, to be imported in their order. Raises: SettingsRefused."""
        exported = []
        with _appearing(path) as stream, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive:
            manifest = Manifest(name, f"{len(tables)} tables of {self.environment.name}", tuple(self._packaged(tables)))
            archive.writestr(MANIFEST, write_manifest(manifest))
            archive.writestr(HEADER, write_header(manifest))
            for table, entity in zip(tables, manifest.entities, strict=True):
                info = zipfile.ZipInfo(entity.file, date_time=time.localtime()[:6])
                info.compress_type = archive.compression
                with archive.open(info, "w", force_zip64=True) as member:
                    exported.append(ExportedTable(table, entity.file, await self._write(table, member)))
        return exported

    def _packaged(self, tables: Sequence[Table]) -> Iterator[PackagedEntity]:
        for number, table in enumerate(tables, start=1):
            yield PackagedEntity(
                entity=table.label or table.name,
                target=table.name,
                file=f"{_file_name(table)}{self.data_format.suffix}",
                format=self.data_format,
                sequence=number,
                mappings=tuple(FieldMapping(field_name(each), field_name(each)) for each in exported_columns(table)),
            )

    async def _write(self, table: Table, stream: IO[bytes]) -> int:
        columns = exported_columns(table)
        writer = await asyncio.to_thread(file_writer, self.data_format, stream, table, [*map(field_name, columns)])
        done = 0
        async with self.environment.copying() as session:
            await session.begin()
            async for frame, total in self._frames(session, table, columns):
                await asyncio.to_thread(lambda held: writer.write(_texts(columns, held)), frame)
                done += frame.height
                self.progress(table, done, max(done, total))
        await asyncio.to_thread(writer.close)
        return done

    async def _frames(
        self, session: CopyParticipant, table: Table, columns: Sequence[Column]
    ) -> AsyncIterator[tuple[pl.DataFrame, int]]:
        companies = self.companies if table.is_company_specific else None
        extents = await session.survey(table.name, companies=companies, most_rows=FRAME_ROWS)
        paths = tuple((each.name,) for each in columns)
        total = sum(each.rows for each in extents)
        for extent in extents:
            yield await session.frame(Scan(table.name, paths, companies=extent.companies, span=extent.span)), total


def exported_columns(table: Table) -> tuple[Column, ...]:
    """The columns that an import can write, and which table polymorphic lookups point to."""
    columns: list[Column] = []
    for column in table.columns:
        if column.writable or column.name in table.key:
            columns.append(column)
            if column.is_polymorphic:
                columns.append(Column(target_entry(column.name), ColumnType.STRING))
    return tuple(columns)


def field_name(column: Column) -> str:
    """What the column is called in a file."""
    return column.name.upper()


def _texts(columns: Sequence[Column], frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select(cell_texts(each, pl.col(each.name)).alias(field_name(each)) for each in columns)


def _file_name(table: Table) -> str:
    """As the entity is called to people, without what file names cannot have."""
    return "".join(each for each in table.label if each not in '\\/:*?"<>|').strip() or table.name


@contextmanager
def _appearing(path: Path) -> Iterator[IO[bytes]]:
    """A file that has its name when it is whole."""
    unfinished = path.with_name(path.name + _UNFINISHED)
    try:
        with unfinished.open("wb") as stream:
            yield stream
        unfinished.replace(path)
    except OSError as error:
        raise SettingsRefused(f"{path} cannot be written: {(error.strerror or str(error)).lower()}") from error
    finally:
        unfinished.unlink(missing_ok=True)
