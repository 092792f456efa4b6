"""Some records of a file on their way into the environment, and what became of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol
from uuid import UUID

import polars as pl

from dualwrite.errors import DualwriteError, RecordRefused
from dualwrite.exchange.files.piece import LINE
from dualwrite.exchange.refusals import Objection
from dualwrite.exchange.typed_records import RecordReader
from dualwrite.metadata.schema import ColumnType, Table
from dualwrite.metadata.values import Value
from dualwrite.store.file_imports import FileRefusal, ImportCount

_IDS: Final = frozenset({ColumnType.GUID, ColumnType.LOOKUP})


@dataclass(frozen=True, slots=True)
class Chunk:
    """Records of one file that fill the same columns. ``rows`` and ``texts`` are those of ``TypedPiece``."""

    reader: RecordReader
    rows: pl.DataFrame
    texts: pl.DataFrame

    @property
    def table(self) -> Table:
        return self.reader.table

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the table that the records fill."""
        return tuple(name for name in self.rows.columns if name != LINE)

    def only(self, lines: pl.Series) -> Chunk:
        """The records on these lines."""
        return Chunk(self.reader, self.rows.filter(pl.col(LINE).is_in(lines.implode())), self.texts)

    def without(self, lines: Collection[int]) -> Chunk:
        """The other records."""
        taken = pl.Series(list(lines), dtype=pl.Int64)
        return Chunk(self.reader, self.rows.filter(~pl.col(LINE).is_in(taken.implode())), self.texts)

    def refused(self, objections: Mapping[int, Objection]) -> list[FileRefusal]:
        """The refusals of the records on these lines."""
        lines = pl.Series(list(objections), dtype=pl.Int64)
        found = self.texts.filter(pl.col(LINE).is_in(lines.implode())).iter_rows(named=True)
        return [self.reader.refusal(line, objections[line], row) for row in found for line in (row.pop(LINE),)]


@dataclass(slots=True)
class ChunkOutcome:
    """How the records of a chunk ended; each once."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    objections: dict[int, Objection] = field(default_factory=dict)
    """By line: the records that were refused."""

    def add(self, other: ChunkOutcome) -> None:
        self.created += other.created
        self.updated += other.updated
        self.unchanged += other.unchanged
        self.objections |= other.objections

    def count_with(self, refused: int) -> ImportCount:
        """The count where so many records were refused, those of the outcome among them."""
        read = self.created + self.updated + self.unchanged + refused
        return ImportCount(read, self.created, self.updated, self.unchanged, refused)


class ChunkWriter(Protocol):
    """Writes records into the environment, and their other halves wherever running maps carry them."""

    async def write(self, chunk: Chunk) -> ChunkOutcome:
        """Every record of ``chunk`` is in, on both sides of every link, or refused.

        Raises: EnvironmentUnavailable, OutcomeUnknown; Contention, when others kept being in the way.
        """
        ...


def values_of(table: Table, row: Mapping[str, object]) -> dict[str, Value]:
    """A row of a frame as values of the environment: ids as ids."""
    return {name: _value(table, name, held) for name, held in row.items() if name != LINE}


def _value(table: Table, name: str, held: object) -> Value:
    column = table.by_name.get(name)
    if isinstance(held, str) and column is not None and column.type in _IDS:
        return UUID(held)
    return held  # type: ignore[return-value]


def objection_of(refusal: DualwriteError, *, names: Iterable[str] = ()) -> Objection:
    """What an environment has against a record. ``names`` are what messages call it: they are no part of the cause."""
    code = str(refusal.details.get("code", refusal.code))
    cause = refusal.message
    for name in (str(refusal.details.get("record", "")), *names):
        if name:
            cause = cause.replace(f", {name}:", ":", 1)
    column = refusal.column if isinstance(refusal, RecordRefused) else ""
    return Objection(column, code, refusal.message, cause)
