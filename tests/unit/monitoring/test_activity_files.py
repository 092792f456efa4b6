"""The activity log as a file."""

from __future__ import annotations

import csv
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from dualwrite.monitoring.activities.exporting import COLUMNS, ExportFormat, exported
from dualwrite.store.activity import Activity, Severity

AT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
ENTRIES = (
    Activity(2, AT, "anna", "pause", "Customers", "=1+1", {"n": 1, "to": ["ä"]}, Severity.WARNING, None),
    Activity(1, AT, "ben", "link", None, 'said "no", twice\nand again', {}, Severity.INFO, "usmf"),
)


async def _batches() -> AsyncIterator[tuple[Activity, ...]]:
    for each in ENTRIES:
        yield (each,)


async def _text(form: ExportFormat) -> str:
    return "".join([piece async for piece in exported(_batches(), form)])


async def test_csv_is_read_back_with_every_field() -> None:
    text = await _text(ExportFormat.CSV)
    head, first, second = csv.reader(text.splitlines(keepends=True))
    assert tuple(head) == COLUMNS
    assert first[:6] == ["2", "2026-03-04T05:06:07+00:00", "warning", "anna", "pause", "Customers"]
    assert json.loads(first[-1]) == {"n": 1, "to": ["ä"]}
    assert second[5:8] == ["", "usmf", 'said "no", twice\nand again']


async def test_a_spreadsheet_calculates_nothing_of_it() -> None:
    assert "'=1+1" in await _text(ExportFormat.CSV)


async def test_json_lines_hold_one_entry_each() -> None:
    lines = [json.loads(line) for line in (await _text(ExportFormat.JSON_LINES)).splitlines()]
    assert [each["id"] for each in lines] == [2, 1]
    assert lines[0]["result"] == "=1+1" and lines[1]["map"] is None
