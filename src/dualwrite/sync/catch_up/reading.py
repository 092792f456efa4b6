"""The queue read, with what each transaction touches."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from typing import Final
from uuid import UUID

from dualwrite.environments.port import Environment
from dualwrite.environments.queue import Position, QueuedRecord, QueueFilter
from dualwrite.errors import DualwriteError
from dualwrite.filters.text_case import folded
from dualwrite.maps.execute import transform
from dualwrite.maps.values import Direction
from dualwrite.metadata.values import Value
from dualwrite.sync.catch_up.touching import Touched
from dualwrite.sync.link import Routing
from dualwrite.sync.queueing import work_of

READ_AT_ONCE: Final = 500
"""Records, or positions, that are read together."""


async def touched_by(
    environment: Environment, routing: Routing, maps: Collection[str], *, last: Position
) -> AsyncIterator[Touched]:
    """The transactions up to the position ``last``, with what they touch."""
    which, after = QueueFilter(maps=frozenset(maps)), (0, 0)
    current: Touched | None = None
    while records := await environment.queued(which, after=after, limit_rows=READ_AT_ONCE):
        for each in records:
            if each.position > last:
                break
            if current is None or current.position != each.position:
                if current is not None:
                    yield current
                current = Touched(each.position)
            _touch(current, each, routing)
        after = records[-1].position, records[-1].number
        if records[-1].position > last:
            break
    if current is not None:
        yield current


def _touch(touched: Touched, record: QueuedRecord, routing: Routing) -> None:
    touched.changes.add(record.mark)
    work = work_of(record, routing)
    if work is None:
        return
    if record.direction is Direction.TO_FINOPS:
        # Dataverse tells rows by their ids, and so do its lookups.
        touched.found_by.add(record.record_id)
        touched.looks_for.update(str(value) for value in _ids(work.row))
        return
    try:
        transformed = transform(work.route, work.row, related=work.related, changed=None, label=work.label)
    except DualwriteError:
        # It will be refused, whatever it touches.
        return
    table = work.route.target.name
    touched.found_by.update((table, _spelled(value)) for value in (*work.key, *transformed.values.values()))
    for pending in transformed.lookups:
        for alternative, values in zip(pending.plan.alternatives, pending.values, strict=True):
            touched.looks_for.update((alternative.table, _spelled(value)) for value in values)


def _ids(row: Mapping[str, Value]) -> Iterator[Value]:
    yield from (value for name, value in row.items() if isinstance(value, UUID))


def _spelled(value: Value) -> str:
    return folded(str(value))
