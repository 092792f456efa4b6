"""The queue of a hosted environment: two tables beside the data, on whatever connection is given."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import orjson

from dualwrite.environments.hosted.finding import DictConnection
from dualwrite.environments.operation import Operation
from dualwrite.environments.port import ChangeId
from dualwrite.environments.queue import NewRecord, Position, QueueCount, QueuedRecord, QueueFilter, RecordMark
from dualwrite.maps.values import Direction
from dualwrite.metadata.schema import Side

_ADD: Final = """\
WITH t AS (INSERT INTO dualwrite.queued_transaction (change_id, caller) VALUES (%s, %s) RETURNING position)
INSERT INTO dualwrite.queued_record (position, number, map, legal_entity, operation, record_id, record, mark, changed,
    held, payload, size_bytes)
SELECT t.position, r.number, r.map, r.legal_entity, r.operation, r.record_id, r.record, r.mark, r.changed, r.held,
    r.payload, octet_length(r.held::text) + octet_length(r.payload::text)
FROM t, jsonb_to_recordset(%s::jsonb) AS r(number int, map text, legal_entity text, operation text, record_id text,
    record text, mark text, changed text[], held jsonb, payload jsonb)"""

_READ: Final = (
    "SELECT r.*, t.change_id, t.queued_at, t.caller FROM dualwrite.queued_record r "
    "JOIN dualwrite.queued_transaction t USING (position)"
)

_TAKE: Final = """\
WITH gone AS (
    DELETE FROM dualwrite.queued_record r USING unnest(%s::bigint[], %s::int[]) AS k(position, number)
    WHERE r.position = k.position AND r.number = k.number RETURNING r.position, r.number
)
DELETE FROM dualwrite.queued_transaction t WHERE position IN (SELECT position FROM gone) AND NOT EXISTS (
    SELECT FROM dualwrite.queued_record r WHERE r.position = t.position
    AND NOT EXISTS (SELECT FROM gone WHERE gone.position = r.position AND gone.number = r.number))"""

_MET: Final = """\
UPDATE dualwrite.queued_record r SET {flag} = true FROM unnest(%s::text[], %s::text[]) AS k(map, mark)
WHERE r.map = k.map AND r.mark = k.mark AND NOT r.lost RETURNING r.map, r.mark"""

_COUNTS: Final = (
    "SELECT r.map, count(DISTINCT r.position) AS transactions, count(*) AS records, sum(r.size_bytes)::bigint AS size, "
    "min(t.queued_at) AS oldest FROM dualwrite.queued_record r JOIN dualwrite.queued_transaction t USING (position) "
    "GROUP BY r.map ORDER BY r.map"
)


class Queue:
    """The queue as one connection sees it; the caller translates the database's errors."""

    def __init__(self, connection: DictConnection, side: Side) -> None:
        self._connection = connection
        self._direction = Direction.TO_DATAVERSE if side is Side.FINOPS else Direction.TO_FINOPS

    async def add(self, change: ChangeId, records: Sequence[NewRecord], *, caller: str) -> None:
        """The records are in the queue, as one transaction."""
        documents = orjson.dumps([_document(number, each) for number, each in enumerate(records)]).decode()
        await self._connection.execute(_ADD, [change, caller, documents])

    async def remove(self, marks: Collection[tuple[str, RecordMark]]) -> None:
        """Nothing waits for these records."""
        query = (
            "SELECT r.position, r.number FROM dualwrite.queued_record r "
            "JOIN unnest(%s::text[], %s::text[]) AS k(map, mark) ON r.map = k.map AND r.mark = k.mark FOR UPDATE OF r"
        )
        names, spelled = [name for name, _ in marks], [mark for _, mark in marks]
        rows = await (await self._connection.execute(query, [names, spelled])).fetchall()
        if rows:
            places = [row["position"] for row in rows], [row["number"] for row in rows]
            await self._connection.execute(_TAKE, places)

    async def claim(self, positions: Sequence[Position], maps: Collection[str]) -> Sequence[QueuedRecord]:
        """What is left at these positions for these maps, locked."""
        query = f"{_READ} WHERE r.position = ANY(%s) AND r.map = ANY(%s) ORDER BY position, number FOR UPDATE OF r"
        return await self._read(query, [list(positions), list(maps)])

    async def take(self, records: Sequence[QueuedRecord]) -> None:
        """The records are gone, and transactions of which nothing is left."""
        await self._connection.execute(_TAKE, [[each.position for each in records], [each.number for each in records]])

    async def met(self, marks: Collection[tuple[str, RecordMark]], *, lost: bool) -> frozenset[tuple[str, RecordMark]]:
        """See ``Participant.met``."""
        query = _MET.format(flag="lost" if lost else "whole")
        names, spelled = [name for name, _ in marks], [mark for _, mark in marks]
        rows = await (await self._connection.execute(query, [names, spelled])).fetchall()
        return frozenset((row["map"], RecordMark(row["mark"])) for row in rows)

    async def counts(self) -> Sequence[QueueCount]:
        """What waits, by map."""
        rows = await (await self._connection.execute(_COUNTS)).fetchall()
        return [
            QueueCount(row["map"], self._direction, row["transactions"], row["records"], row["size"], row["oldest"])
            for row in rows
        ]

    async def records(
        self, which: QueueFilter, *, after: tuple[Position, int], limit_rows: int
    ) -> Sequence[QueuedRecord]:
        """The records behind ``after``, in order."""
        parts, parameters = ["(r.position, r.number) > (%s, %s)"], list[object](after)
        for part, value in (
            ("r.map = ANY(%s)", None if which.maps is None else list(which.maps)),
            ("strpos(r.mark, lower(%s)) > 0", which.key),
            ("lower(r.legal_entity) = lower(%s)", which.legal_entity),
            ("r.operation = %s", None if which.operation is None else which.operation.value),
        ):
            if value is not None:
                parts.append(part)
                parameters.append(value)
        query = f"{_READ} WHERE {' AND '.join(parts)} ORDER BY position, number LIMIT %s"
        return await self._read(query, [*parameters, limit_rows])

    async def positions(self, maps: Collection[str], *, most: int | None) -> Sequence[Position]:
        """The positions, in order, at which something is left for these maps."""
        query = "SELECT DISTINCT position FROM dualwrite.queued_record WHERE map = ANY(%s) ORDER BY position LIMIT %s"
        rows = await (await self._connection.execute(query, [list(maps), most])).fetchall()
        return [row["position"] for row in rows]

    async def _read(self, query: str, parameters: Sequence[object]) -> Sequence[QueuedRecord]:
        rows = await (await self._connection.execute(query, parameters)).fetchall()
        return [_record(row, self._direction) for row in rows]


def _document(number: int, each: NewRecord) -> Mapping[str, object]:
    return {
        "number": number,
        "map": each.map,
        "legal_entity": each.legal_entity,
        "operation": each.operation.value,
        "record_id": each.record_id,
        "record": each.record,
        "mark": each.mark,
        "changed": None if each.changed is None else list(each.changed),
        "held": dict(each.row),
        "payload": dict(each.payload),
    }


def _record(row: Mapping[str, Any], direction: Direction) -> QueuedRecord:
    return QueuedRecord(
        position=row["position"],
        number=row["number"],
        change=row["change_id"],
        queued_at=row["queued_at"],
        caller=row["caller"],
        map=row["map"],
        direction=direction,
        legal_entity=row["legal_entity"],
        operation=Operation(row["operation"]),
        record_id=row["record_id"],
        record=row["record"],
        mark=RecordMark(row["mark"]),
        changed=None if row["changed"] is None else tuple(row["changed"]),
        row=row["held"],
        size_bytes=row["size_bytes"],
        whole=row["whole"],
        lost=row["lost"],
        payload=row["payload"],
    )
