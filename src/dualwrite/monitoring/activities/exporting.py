"""The activity log as a file: CSV for a spreadsheet, JSON lines for a program."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from enum import Enum
from typing import TypeAlias

import orjson

from dualwrite.store.activity import Activity

Batches: TypeAlias = AsyncIterator[tuple[Activity, ...]]

COLUMNS = ("id", "at", "severity", "who", "what", "map", "legal_entity", "result", "details")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class ExportFormat(Enum):
    """How entries are written; the value is what such files end in."""

    CSV = "csv"
    JSON_LINES = "jsonl"


async def exported(batches: Batches, form: ExportFormat) -> AsyncIterator[str]:
    """The entries as text, piece by piece; CSV begins with the names of its columns."""
    if form is ExportFormat.CSV:
        yield _csv([COLUMNS])
    write = _WRITERS[form]
    async for batch in batches:
        yield write(batch)


def activity_document(each: Activity) -> Mapping[str, object]:
    """The entry as JSON."""
    return {
        "id": each.id,
        "at": each.at.isoformat(),
        "severity": each.severity.value,
        "who": each.who,
        "what": each.what,
        "map": each.map,
        "legal_entity": each.legal_entity,
        "result": each.result,
        "details": each.details,
    }


def _csv_lines(batch: Sequence[Activity]) -> str:
    return _csv([_cells(activity_document(each)) for each in batch])


def _json_lines(batch: Sequence[Activity]) -> str:
    return "".join(orjson.dumps(activity_document(each)).decode() + "\n" for each in batch)


_WRITERS: Mapping[ExportFormat, Callable[[Sequence[Activity]], str]] = {
    ExportFormat.CSV: _csv_lines,
    ExportFormat.JSON_LINES: _json_lines,
}


def _cells(document: Mapping[str, object]) -> Sequence[str]:
    return [_cell(document[name]) for name in COLUMNS]


def _cell(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        return orjson.dumps(value).decode()
    # What somebody wrote into a name is not to be calculated by the spreadsheet of somebody else.
    return f"'{value}" if value.startswith(_FORMULA) else value


def _csv(lines: Sequence[Sequence[str]]) -> str:
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows(lines)
    return file.getvalue()
