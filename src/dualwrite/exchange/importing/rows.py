"""Records written by the environment's own transactions, many in each: what a user of its API would do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from dualwrite.environments.port import Caller, Environment, Existence, Operation, RecordChange, RecordKey, Update
from dualwrite.errors import Contention, RecordRefused, Scope
from dualwrite.exchange.files.piece import LINE
from dualwrite.exchange.importing.chunk import Chunk, ChunkOutcome, objection_of, values_of
from dualwrite.metadata.schema import Table

ROWS: Final = 100
"""Records in one transaction: a refused one costs the transaction, and those beside it are written again."""


class _Record(NamedTuple):
    line: int
    command: Update


class RowWriter:
    """Implements ``chunk.ChunkWriter`` for whatever live sync carries, and for tables whose rules see rows only.

    Atomicity: some records. Idempotency: by primary key. Ordering: as in the file. After failure: what was written
    stands; another import finds it unchanged.
    """

    def __init__(self, environment: Environment, *, caller: Caller) -> None:
        self._environment = environment
        self._caller = caller

    async def write(self, chunk: Chunk) -> ChunkOutcome:
        records = [_record(chunk.table, row) for row in chunk.rows.iter_rows(named=True)]
        outcome = ChunkOutcome()
        for start in range(0, len(records), ROWS):
            await self._transact(records[start : start + ROWS], outcome)
        return outcome

    async def _transact(self, records: Sequence[_Record], outcome: ChunkOutcome) -> None:
        """The records are in as one transaction, or those that stand in its way are left out."""
        if not records:
            return
        try:
            commands = [each.command for each in records]
            changes = await self._environment.transact(commands, caller=self._caller)
        except (RecordRefused, Contention) as error:
            await self._apart(records, error, outcome)
        else:
            for record, change in zip(records, changes, strict=True):
                _count(change, record.command.values, outcome)

    async def _apart(
        self, records: Sequence[_Record], error: RecordRefused | Contention, outcome: ChunkOutcome
    ) -> None:
        at = error.details.get("command") if error.scope is Scope.RECORD else None
        if len(records) == 1:
            at = 0
        if not isinstance(at, int):
            middle = len(records) // 2
            await self._transact(records[:middle], outcome)
            await self._transact(records[middle:], outcome)
            return
        outcome.objections[records[at].line] = objection_of(error)
        await self._transact(records[:at], outcome)
        await self._transact(records[at + 1 :], outcome)


def _record(table: Table, row: dict[str, object]) -> _Record:
    values = values_of(table, row)
    key = RecordKey(tuple((name, values.pop(name)) for name in table.key))
    line = row[LINE]
    assert isinstance(line, int)
    return _Record(line, Update(table.name, key, values, existence=Existence.ANY))


def _count(change: RecordChange, written: Mapping[str, object], outcome: ChunkOutcome) -> None:
    if change.operation is Operation.CREATE:
        outcome.created += 1
    elif change.changed & frozenset(written):
        outcome.updated += 1
    else:
        outcome.unchanged += 1
