"""An import from its files to its report: read, checked, written chunk by chunk, every refused record kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from dualwrite.environments.port import Environment, RowQuery
from dualwrite.errors import DualwriteError, SettingsRefused
from dualwrite.exchange.files.piece import LINE
from dualwrite.exchange.importing.checks import KeysSeen, unknown_companies
from dualwrite.exchange.importing.chunk import Chunk, ChunkOutcome, ChunkWriter
from dualwrite.exchange.importing.sources import RecordSource
from dualwrite.exchange.typed_records import TypedPiece
from dualwrite.metadata.schema import Side, Table
from dualwrite.store.file_imports import FileImport, FileImportRepository, FileRefusal, ImportCount, ImportId

LEGAL_ENTITIES: Final = "OMLegalEntity"
CHUNK_ROWS: Final = 10_000


@dataclass(slots=True)
class SourceReport:
    """What became of the records of one file."""

    source: RecordSource
    count: ImportCount = field(default_factory=ImportCount)
    by_frames: bool = False

    @property
    def skipped(self) -> tuple[str, ...]:
        """Fields of the file that fill no column that can be written."""
        return self.source.reader.skipped


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
        writers: Callable[[Table], ChunkWriter],
        *,
        progress: Progress = silent,
    ) -> None:
        """``writers`` gives the writer for the records of a table."""
        self._environment = environment
        self._imports = imports
        self._writers = writers
        self._progress = progress

    async def run(self, sources: Sequence[RecordSource], *, files: Sequence[str], who: str) -> ImportReport:
        """Every record of ``sources`` is in the environment, or refused and kept.

        Raises: SettingsRefused for a file that is none of its table; EnvironmentUnavailable, OutcomeUnknown,
        Contention with the place where the import stopped.
        """
        number = await self._imports.start(side=self._environment.side, files=files, started_by=who)
        reports = [SourceReport(each) for each in sources]
        for report in reports:
            await self._import(number, report)
        return ImportReport(await self._imports.finish(number), tuple(reports))

    async def _import(self, number: ImportId, report: SourceReport) -> None:
        source = report.source
        writer = self._writers(source.table)
        known = await known_companies(self._environment) if source.table.is_company_specific else frozenset()
        seen = KeysSeen()
        last = 1
        pieces = _typed_pieces(source)
        upcoming = asyncio.create_task(asyncio.to_thread(next, pieces, None))
        try:
            while (typed := await upcoming) is not None:
                upcoming = asyncio.create_task(asyncio.to_thread(next, pieces, None))
                due = list(typed.refused)
                for chunk in _chunks(source, typed):
                    outcome = await write_checked(chunk, writer, known=known, seen=seen)
                    last = int(chunk.rows[LINE][-1])
                    refused = [*chunk.refused(outcome.objections), *(each for each in due if each.line < last)]
                    due = [each for each in due if each.line > last]
                    await self._keep(number, report, outcome, refused)
                await self._keep(number, report, ChunkOutcome(), due)
        except DualwriteError as error:
            raise _placed(error, source, last) from error
        finally:
            # A thread that is reading ahead is not left alone with a file that gets closed.
            await asyncio.gather(upcoming, return_exceptions=True)

    async def _keep(
        self, number: ImportId, report: SourceReport, outcome: ChunkOutcome, refused: Sequence[FileRefusal]
    ) -> None:
        """``refused`` are those of the outcome and of records that never were in a chunk."""
        count = outcome.count_with(len({each.line for each in refused}))
        if count.read:
            await self._imports.add(number, count, sorted(refused, key=lambda each: each.line))
            report.count += count
            self._progress(report)


def _typed_pieces(source: RecordSource) -> Iterator[TypedPiece]:
    for piece in source.file.pieces():
        yield source.reader.read(piece)


def _chunks(source: RecordSource, typed: TypedPiece) -> Iterator[Chunk]:
    for start in range(0, typed.rows.height, CHUNK_ROWS):
        yield Chunk(source.reader, typed.rows.slice(start, CHUNK_ROWS), typed.texts)


async def write_checked(
    chunk: Chunk, writer: ChunkWriter, *, known: frozenset[str], seen: KeysSeen | None
) -> ChunkOutcome:
    """The records of ``chunk`` that nothing is wrong with have been written."""
    objections = unknown_companies(chunk, known)
    if seen is not None:
        objections |= seen.repeated(chunk)
    outcome = ChunkOutcome(objections=objections)
    if objections:
        chunk = chunk.without(objections)
    if chunk.rows.height:
        outcome.add(await writer.write(chunk))
    return outcome


async def known_companies(environment: Environment) -> frozenset[str]:
    """The legal entities of a finance and operations environment, in lower case; none in Dataverse."""
    if environment.side is not Side.FINOPS:
        return frozenset()
    query = RowQuery(table=LEGAL_ENTITIES, columns=("LegalEntityId",))
    return frozenset([str(row["LegalEntityId"]).lower() async for rows in environment.scan(query) for row in rows])


def _placed(error: DualwriteError, source: RecordSource, line: int) -> DualwriteError:
    """The same error, telling how far the import has come."""
    if isinstance(error, SettingsRefused):
        return error
    error.message = (
        f"the import of {source.table.label} stopped behind line {line}: {error.message}. "
        "What was written stands; import the file again for the rest."
    )
    return error
