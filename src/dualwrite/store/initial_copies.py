"""The runs of the initial copy: what each copied, and every record it refused with the reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, NewType
from uuid import UUID, uuid4

from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from dualwrite.errors import NotAllowed
from dualwrite.metadata.schema import Side
from dualwrite.store import tables
from dualwrite.store.connector import Transactions, storable_text

RunId = NewType("RunId", UUID)

_REFUSALS_AT_ONCE = 1_000
"""Rows in one INSERT; a statement holds at most 65,535 parameters."""


class CopyOutcome(Enum):
    """How a run ended."""

    COMPLETED = "completed"
    WITH_REFUSALS = "with refusals"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class InitialCopy:
    """One run. ``outcome`` and ``finished_at`` are None while it lasts."""

    run: RunId
    connection: str
    master: Side
    started_by: str
    started_at: datetime
    finished_at: datetime | None
    outcome: CopyOutcome | None
    message: str


@dataclass(frozen=True, slots=True)
class CopiedMap:
    """What a run did for one map, legal entity (empty: not company-specific) and direction."""

    map: str
    legal_entity: str
    direction: str
    read_rows: int = 0
    created_rows: int = 0
    updated_rows: int = 0
    unchanged_rows: int = 0
    refused_rows: int = 0


@dataclass(frozen=True, slots=True)
class Refusal:
    """A record that could not be copied: ``column`` (empty: the whole record) and ``reason`` say why.

    ``row`` is the source's row; numbers that JSON cannot carry exactly are kept as text.
    """

    map: str
    legal_entity: str
    direction: str
    record_key: str
    column: str
    code: str
    reason: str
    row: Mapping[str, object]


class InitialCopyRepository:
    """The runs, their counts and their refused records."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def start(self, connection_name: str, *, master: Side, started_by: str) -> RunId:
        """A run is under way; returns its id."""
        run = RunId(uuid4())
        async with self._transactions.begin() as connection:
            await connection.execute(
                insert(tables.initial_copy).values(
                    run=run, connection=connection_name, master=master.value, started_by=started_by
                )
            )
        return run

    async def record_map(self, run: RunId, copied: CopiedMap) -> None:
        """The counts of one map, legal entity and direction are kept; a repetition replaces them."""
        t = tables.initial_copy_map
        key = {"run": run, "map": copied.map, "legal_entity": copied.legal_entity, "direction": copied.direction}
        counts = {
            "read_rows": copied.read_rows,
            "created_rows": copied.created_rows,
            "updated_rows": copied.updated_rows,
            "unchanged_rows": copied.unchanged_rows,
            "refused_rows": copied.refused_rows,
        }
        again = {**counts, "finished_at": func.now()}
        async with self._transactions.begin() as connection:
            await connection.execute(
                upsert(t).values(**key, **counts).on_conflict_do_update(index_elements=list(key), set_=again)
            )

    async def refuse(self, run: RunId, refusals: Sequence[Refusal]) -> None:
        """The refusals are written down, in order. Atomicity: all or none."""
        rows = [
            {
                "run": run,
                "map": refusal.map,
                "legal_entity": refusal.legal_entity,
                "direction": refusal.direction,
                "record_key": storable_text(refusal.record_key),
                "column": refusal.column,
                "code": refusal.code,
                "reason": storable_text(refusal.reason),
                "row": dict(refusal.row),
            }
            for refusal in refusals
        ]
        async with self._transactions.begin() as connection:
            for start in range(0, len(rows), _REFUSALS_AT_ONCE):
                await connection.execute(insert(tables.refused_record), rows[start : start + _REFUSALS_AT_ONCE])

    async def finish(self, run: RunId, outcome: CopyOutcome, *, message: str = "") -> InitialCopy:
        """The run has ended with ``outcome``. Raises: NotAllowed when it had ended before or never began."""
        t = tables.initial_copy
        statement = (
            update(t)
            .where(t.c.run == run, t.c.finished_at.is_(None))
            .values(finished_at=func.clock_timestamp(), outcome=outcome.value, message=storable_text(message))
        )
        async with self._transactions.begin() as connection:
            row = (await connection.execute(statement.returning(*t.c))).one_or_none()
        if row is None:
            raise NotAllowed(f"The initial copy {run} is not under way.", run=str(run))
        return _run(row)

    async def abandon_unfinished(self, connection_name: str) -> tuple[RunId, ...]:
        """Runs that a stopped process left open count as failed; returns them."""
        t = tables.initial_copy
        statement = (
            update(t)
            .where(t.c.connection == connection_name, t.c.finished_at.is_(None))
            .values(
                finished_at=func.now(),
                outcome=CopyOutcome.FAILED.value,
                message="The program stopped before the run had ended. Run the maps again.",
            )
        )
        async with self._transactions.begin() as connection:
            return tuple(RunId(run) for run in await connection.scalars(statement.returning(t.c.run)))

    async def get(self, run: RunId) -> InitialCopy | None:
        """The run, None when there is none."""
        t = tables.initial_copy
        async with self._transactions.begin() as connection:
            row = (await connection.execute(select(t).where(t.c.run == run))).one_or_none()
            return None if row is None else _run(row)

    async def list(self, connection_name: str, *, limit_rows: int = 20) -> tuple[InitialCopy, ...]:
        """The runs of a connection, latest first."""
        t = tables.initial_copy
        query = select(t).where(t.c.connection == connection_name).order_by(t.c.started_at.desc()).limit(limit_rows)
        async with self._transactions.begin() as connection:
            return tuple(_run(row) for row in await connection.execute(query))

    async def maps(self, run: RunId) -> tuple[CopiedMap, ...]:
        """What the run did for each map, legal entity and direction, in the order they were finished."""
        t = tables.initial_copy_map
        query = select(t).where(t.c.run == run).order_by(t.c.finished_at, t.c.map, t.c.legal_entity, t.c.direction)
        async with self._transactions.begin() as connection:
            return tuple(_copied(row) for row in await connection.execute(query))

    async def list_refused(
        self, run: RunId, *, map: str | None = None, limit_rows: int | None = None, offset_rows: int = 0
    ) -> tuple[Refusal, ...]:
        """The refused records of a run in the order they were met, of one map when named."""
        t = tables.refused_record
        query = select(t).where(t.c.run == run).order_by(t.c.id).limit(limit_rows).offset(offset_rows)
        if map is not None:
            query = query.where(t.c.map == map)
        async with self._transactions.begin() as connection:
            return tuple(_refusal(row) for row in await connection.execute(query))


def _run(row: Row[*tuple[Any, ...]]) -> InitialCopy:
    return InitialCopy(
        run=RunId(row.run),
        connection=row.connection,
        master=Side(row.master),
        started_by=row.started_by,
        started_at=row.started_at,
        finished_at=row.finished_at,
        outcome=None if row.outcome is None else CopyOutcome(row.outcome),
        message=row.message,
    )


def _copied(row: Row[*tuple[Any, ...]]) -> CopiedMap:
    return CopiedMap(
        map=row.map,
        legal_entity=row.legal_entity,
        direction=row.direction,
        read_rows=row.read_rows,
        created_rows=row.created_rows,
        updated_rows=row.updated_rows,
        unchanged_rows=row.unchanged_rows,
        refused_rows=row.refused_rows,
    )


def _refusal(row: Row[*tuple[Any, ...]]) -> Refusal:
    return Refusal(
        map=row.map,
        legal_entity=row.legal_entity,
        direction=row.direction,
        record_key=row.record_key,
        column=row.column,
        code=row.code,
        reason=row.reason,
        row=row.row,
    )
