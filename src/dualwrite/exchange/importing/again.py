"""Records that an import refused, tried again with the cells they had."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final

import polars as pl

from dualwrite.exchange.files.piece import LINE, Piece
from dualwrite.exchange.typed_records import RecordReader
from dualwrite.metadata.schema import Table
from dualwrite.store.file_imports import FileImportRepository, FileRefusal, FileRefusalFilter, ImportId

_ROWS: Final = 5_000


class KeptRecords:
    """The refused records of one table that an import has kept, file by file."""

    def __init__(self, imports: FileImportRepository, number: ImportId, table: Table) -> None:
        self._imports = imports
        self._number = number
        self._table = table

    async def pieces(self) -> AsyncIterator[tuple[RecordReader, Piece]]:
        """Pieces of records of the same file that have the same fields. What is no whole record is left out."""
        which = FileRefusalFilter(entity=self._table.name)
        readers: dict[str, RecordReader] = {}
        async for refusals in self._imports.refused(self._number, which, batch_rows=_ROWS):
            for file, records in _by_file(refusals).items():
                reader = readers.setdefault(file, RecordReader(self._table, file=file, fields_vary=True))
                for piece in _pieces(records):
                    yield reader, piece


def _by_file(refusals: Sequence[FileRefusal]) -> dict[str, dict[int, FileRefusal]]:
    """Each whole record once, by file and line."""
    found: dict[str, dict[int, FileRefusal]] = {}
    for each in refusals:
        if each.whole:
            found.setdefault(each.file, {})[each.line] = each
    return found


def _pieces(records: dict[int, FileRefusal]) -> Sequence[Piece]:
    alike: dict[tuple[str, ...], list[FileRefusal]] = {}
    for each in records.values():
        alike.setdefault(tuple(sorted(each.row)), []).append(each)
    return [_piece(fields, some) for fields, some in alike.items()]


def _piece(fields: Sequence[str], records: Sequence[FileRefusal]) -> Piece:
    columns = {LINE: pl.Series([each.line for each in records], dtype=pl.Int64)}
    for name in fields:
        columns[name] = pl.Series([each.row[name] for each in records], dtype=pl.String)
    return Piece(pl.DataFrame(columns))
