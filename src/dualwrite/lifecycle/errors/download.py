"""Errors as a file: a line each, with the facts and the whole record."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from dualwrite.store.sync_errors import SyncError

Batches: TypeAlias = Callable[[], AsyncIterator[Sequence[SyncError]]]

_FACTS: Final[Mapping[str, Callable[[SyncError], object]]] = {
    "id": lambda each: each.id,
    "at": lambda each: each.at.isoformat(),
    "state": lambda each: each.state.value,
    "kind": lambda each: each.kind.value,
    "category": lambda each: each.category.value,
    "map": lambda each: each.map,
    "direction": lambda each: each.direction.value,
    "legal entity": lambda each: each.legal_entity,
    "operation": lambda each: each.operation.value,
    "record": lambda each: each.record,
    "column": lambda each: each.column,
    "code": lambda each: each.code,
    "reason": lambda each: each.last_reason or each.reason,
    "attempts": lambda each: each.attempts,
    "changed": lambda each: "" if each.changed is None else " ".join(each.changed),
}
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


async def csv_of(batches: Batches) -> AsyncIterator[str]:
    """All errors as CSV, piece by piece: the facts, then every column that any of the rows has.

    ``batches`` is asked twice: for the columns, then for the rows. So memory does not grow with their number.
    """
    columns: dict[str, None] = {}
    async for some in batches():
        for each in some:
            columns.update(dict.fromkeys(each.row))
    yield _csv([[*_FACTS, *columns]])
    async for some in batches():
        yield _csv(_line(each, columns) for each in some)


def _line(each: SyncError, columns: Iterable[str]) -> Sequence[str]:
    values = (*(fact(each) for fact in _FACTS.values()), *(each.row.get(name) for name in columns))
    return [_cell(value) for value in values]


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    # What somebody wrote into a record is not to be calculated by the spreadsheet of somebody else.
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else str(value)


def _csv(lines: Iterable[Sequence[str]]) -> str:
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows(lines)
    return file.getvalue()
