"""An import from its files to its report: read, checked, written chunk by chunk, every refused record kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from dualwrite.environments.port import Environment, RowQuery
from dualwrite.errors import DualwriteError, SettingsRefused
from dualwrite.exchange.files.piece import LINE
from dualwrite.exchange.importing.again import KeptRecords
from dualwrite.exchange.importing.checks import KeysSeen, unknown_companies
from dualwrite.exchange.importing.chunk import Chunk, ChunkOutcome, ChunkWriter
from dualwrite.exchange.importing.sources import ReadBytes, RecordSource
from dualwrite.exchange.typed_records import RecordReader, TypedPiece
from dualwrite.metadata.schema import Side, Table
from dualwrite.store.file_imports import FileImport, FileImportRepository, FileRefusal, ImportCount, ImportId

LEGAL_ENTITIES: Final = "OMLegalEntity"
CHUNK_ROWS: Final = 10_000


@dataclass(slots=True)
class SourceReport:
    """What became of the records of one file. ``progress`` tells how much of ``size_bytes`` has been read."""

    file: str
    table: Table
    count: ImportCount = field(default_factory=ImportCount)
    skipped: tuple[str, ...] = ()
    """Fields of the file that fill no column that can be written."""
    progress: ReadBytes = field(default_factory=ReadBytes)
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class ImportReport:
    """``imported`` is what was kept of it."""

    imported: FileImport
    sources: tuple[SourceReport, ...]


Progress: TypeAlias = Callable[[SourceReport], None]
"""Called whenever records of a file have ended."""


def silent(report: SourceReport) -> None:
    """Progress that nobody watches."""


class Importer:
    """Imports files into one environment.

    Atomicity: a chunk of records, on both sides of every link. Idempotency: by primary key; a second import finds the
    records unchanged. Ordering: files as given, records as in the file. After failure: what was written stands, what
    was refused has been kept, and importing the files again brings the rest.
    """

    def __init__(
        self,
        environment: Environment,
        imports: FileImportRepository,
        writer: ChunkWriter,
        *,
        progress: Progress = silent,
    ) -> None:
        self._environment = environment
        self._imports = imports
        self._writer = writer
        self._progress = progress

    async def run(self, sources: Sequence[RecordSource], *, files: Sequence[str], who: str) -> ImportReport:
        """Every record of ``sources`` is in the environment, or refused and kept.

        Raises: SettingsRefused for a file that is none of its table; EnvironmentUnavailable, OutcomeUnknown,
        Contention with the place where the import stopped.
        """
        number = await self._imports.start(side=self._environment.side, files=files, started_by=who)
        reports = [
            SourceReport(each.reader.file, each.table, progress=each.progress, size_bytes=each.size_bytes)
            for each in sources
        ]
        for source, report in zip(sources, reports, strict=True):
            taking = await self._taking(number, report)
            async for typed in _read_ahead(map(source.reader.read, source.file.pieces())):
                await taking.take(source.reader, typed)
        return ImportReport(await self._imports.finish(number), tuple(reports))

    async def again(self, earlier: FileImport, *, who: str) -> ImportReport:
        """The records that ``earlier`` refused are in the environment, or refused again and kept.

        Those that can not be tried again as they are stay with the earlier import. Raises: as :meth:`run`.
        """
        number = await self._imports.start(
            side=self._environment.side, files=earlier.files, started_by=who, rerun_of=earlier.number
        )
        reports: list[SourceReport] = []
        for name in await self._imports.entities(earlier.number):
            table = self._environment.schema.table(name)
            report = SourceReport(", ".join(earlier.files), table)
            reports.append(report)
            taking = await self._taking(number, report)
            async for reader, piece in KeptRecords(self._imports, earlier.number, table).pieces():
                await taking.take(reader, await asyncio.to_thread(reader.read, piece))
                lines = [(reader.file, line) for line in piece.records[LINE].to_list()]
                await self._imports.settle(earlier.number, name, lines, by=number)
        return ImportReport(await self._imports.finish(number), tuple(reports))

    async def _taking(self, number: ImportId, report: SourceReport) -> _Taking:
        known = await known_companies(self._environment) if report.table.is_company_specific else frozenset()
        return _Taking(number, report, known, self._imports, self._writer, self._progress)


@dataclass(slots=True)
class _Taking:
    """The records of one file on their way in."""

    number: ImportId
    report: SourceReport
    known_companies: frozenset[str]
    imports: FileImportRepository
    writer: ChunkWriter
    progress: Progress
    seen: KeysSeen = field(default_factory=KeysSeen)
    last: int = 1

    async def take(self, reader: RecordReader, typed: TypedPiece) -> None:
        """Every record of ``typed`` is in, or refused and kept. Raises: the errors of ``Importer.run``."""
        try:
            self.report.skipped = reader.skipped
            due = list(typed.refused)
            for start in range(0, typed.rows.height, CHUNK_ROWS):
                chunk = Chunk(reader, typed.rows.slice(start, CHUNK_ROWS), typed.texts)
                outcome = await self._written(chunk)
                self.last = int(chunk.rows[LINE][-1])
                refused = [*chunk.refused(outcome.objections), *(each for each in due if each.line < self.last)]
                due = [each for each in due if each.line > self.last]
                await self._keep(outcome, refused)
            await self._keep(ChunkOutcome(), due)
        except DualwriteError as error:
            raise _placed(error, self.report.table, self.last) from error

    async def _written(self, chunk: Chunk) -> ChunkOutcome:
        """The records of ``chunk`` that nothing is wrong with have been written."""
        objections = unknown_companies(chunk, self.known_companies)
        objections |= self.seen.repeated(chunk.without(objections))
        outcome = ChunkOutcome(objections=objections)
        left = chunk.without(objections)
        if left.rows.height:
            outcome.add(await self.writer.write(left))
        return outcome

    async def _keep(self, outcome: ChunkOutcome, refused: Sequence[FileRefusal]) -> None:
        """``refused`` are those of the outcome and of records that never were in a chunk."""
        count = outcome.count_with(len({each.line for each in refused}))
        if count.read:
            await self.imports.add(self.number, count, sorted(refused, key=lambda each: each.line))
            self.report.count += count
            self.progress(self.report)


async def _read_ahead(pieces: Iterator[TypedPiece]) -> AsyncIterator[TypedPiece]:
    """The pieces, each read while the one before is worked on."""
    upcoming = asyncio.create_task(asyncio.to_thread(next, pieces, None))
    try:
        while (piece := await upcoming) is not None:
            upcoming = asyncio.create_task(asyncio.to_thread(next, pieces, None))
            yield piece
    finally:
        # A thread that is reading is not left alone with a file that gets closed.
        await asyncio.gather(upcoming, return_exceptions=True)


async def known_companies(environment: Environment) -> frozenset[str]:
    """The legal entities of a finance and operations environment, in lower case; none in Dataverse."""
    if environment.side is not Side.FINOPS:
        return frozenset()
    query = RowQuery(table=LEGAL_ENTITIES, columns=("LegalEntityId",))
    return frozenset([str(row["LegalEntityId"]).lower() async for rows in environment.scan(query) for row in rows])


def _placed(error: DualwriteError, table: Table, line: int) -> DualwriteError:
    """The same error, telling how far the import has come."""
    if isinstance(error, SettingsRefused):
        return error
    error.message = (
        f"the import of {table.label} stopped behind line {line}: {error.message}. "
        "What was written stands; import the file again for the rest."
    )
    return error
