"""Refused records as CSV files that can be mended and imported: their own cells, behind notes on why."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from dualwrite.errors import SettingsRefused
from dualwrite.store.file_imports import FileImportRepository, FileRefusal, FileRefusalFilter, ImportId

_NOTES: Final = ("@file", "@entity", "@line", "@legal entity", "@key", "@column", "@code", "@reason")
"""Columns that an import passes over."""


async def write_refused(
    imports: FileImportRepository, number: ImportId, which: FileRefusalFilter, path: Path
) -> Mapping[Path, int]:
    """Every refused record is in a file, a line each; gives the files with their records.

    ``path`` is the file where the records are of one table; those of several tables go to files named after them.
    """
    entities = await imports.entities(number, which)
    written: dict[Path, int] = {}
    for entity in entities:
        file = path if len(entities) == 1 else path.with_name(f"{path.stem}.{entity}{path.suffix or '.csv'}")
        try:
            written[file] = await _write(imports, number, replace(which, entity=entity), file)
        except OSError as error:
            raise SettingsRefused(f"{file} cannot be written: {(error.strerror or str(error)).lower()}") from error
    return written


async def _write(imports: FileImportRepository, number: ImportId, which: FileRefusalFilter, path: Path) -> int:
    """The refusals are read twice, for the columns and for the records, so that memory does not grow with them."""
    columns: dict[str, None] = {}
    async for some in imports.refused(number, which):
        for each in some:
            columns.update(dict.fromkeys(each.row))
    records = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow((*_NOTES, *columns))
        async for some in imports.refused(number, which):
            for record in _by_record(some):
                writer.writerow(_line(record, columns))
                records += 1
    return records


def _by_record(refusals: Sequence[FileRefusal]) -> Iterator[Sequence[FileRefusal]]:
    found: dict[tuple[str, int], list[FileRefusal]] = {}
    for each in refusals:
        found.setdefault((each.file, each.line), []).append(each)
    yield from found.values()


def _line(record: Sequence[FileRefusal], columns: Mapping[str, None]) -> Sequence[str]:
    first = record[0]
    several = ("column", "code", "reason")
    told = ["; ".join(dict.fromkeys(str(getattr(each, name)) for each in record)) for name in several]
    notes = (first.file, first.entity, str(first.line), first.legal_entity, first.record, *told)
    return [*notes, *(first.row.get(name, "") for name in columns)]
