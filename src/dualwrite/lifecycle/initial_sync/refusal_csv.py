"""Refused rows as a CSV file: a line each, with every column that any of the rows has."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence

from dualwrite.store.refusals import Refusal

_FACTS = ("map", "legal entity", "direction", "key", "column", "code", "reason")

Batches = Callable[[], AsyncIterator[Sequence[Refusal]]]


async def csv_pieces(batches: Batches) -> AsyncIterator[tuple[str, int]]:
    """The file piece by piece, each with the number of its rows.

    ``batches`` is asked twice: for the columns, then for the rows. So memory does not grow with their number.
    """
    columns: dict[str, None] = {}
    async for some in batches():
        for each in some:
            columns.update(dict.fromkeys(each.row))
    yield _lines([(*_FACTS, *columns)]), 0
    async for some in batches():
        yield _lines(_line(each, columns) for each in some), len(some)


def _lines(rows: Iterable[Sequence[str]]) -> str:
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows(rows)
    return file.getvalue()


def _line(each: Refusal, columns: Mapping[str, None]) -> Sequence[str]:
    facts = (each.map, each.legal_entity, each.direction.value, each.record, each.column, each.code, each.reason)
    return [*facts, *(_cell(each.row.get(name)) for name in columns)]


def _cell(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
