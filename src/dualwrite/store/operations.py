"""Long actions that nothing else in the store stands for: who asked for them, how far they are, how they ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NewType
from uuid import UUID, uuid4

from sqlalchemy import Row, func, insert, select, update

from dualwrite.store import tables
from dualwrite.store.connector import Transactions, storable_text

OperationId = NewType("OperationId", UUID)

SILENT = timedelta(seconds=20)
"""Whoever carries out an action and has not been heard of for longer has died."""


@dataclass(frozen=True, slots=True)
class OperationRecord:
    """An action that was begun. ``alive`` tells whether somebody carries it out; ``problem`` why it has failed.

    ``progress`` is JSON, by whoever carries it out.
    """

    operation: OperationId
    kind: str
    started_by: str
    started_at: datetime
    finished_at: datetime | None
    alive: bool
    progress: Mapping[str, object]
    problem: str


class OperationRepository:
    """The operations of all connections."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def start(self, connection_name: str, kind: str, *, started_by: str) -> OperationId:
        """Somebody carries it out; returns its id."""
        operation = OperationId(uuid4())
        values = {"operation": operation, "connection": connection_name, "kind": kind, "progress": {}}
        async with self._transactions.begin() as connection:
            await connection.execute(insert(tables.operation).values(**values, started_by=storable_text(started_by)))
        return operation

    async def beat(self, operation: OperationId, progress: Mapping[str, object]) -> None:
        """It is so far, and goes on."""
        t = tables.operation
        values = {"progress": dict(progress), "alive_at": func.clock_timestamp()}
        async with self._transactions.begin() as connection:
            await connection.execute(update(t).where(t.c.operation == operation).values(**values))

    async def finish(self, operation: OperationId, progress: Mapping[str, object], *, problem: str = "") -> None:
        """It has ended; with a ``problem`` it has failed."""
        t = tables.operation
        values = {"progress": dict(progress), "problem": storable_text(problem), "finished_at": func.clock_timestamp()}
        async with self._transactions.begin() as connection:
            await connection.execute(update(t).where(t.c.operation == operation).values(**values))

    async def get(self, connection_name: str, operation: OperationId) -> OperationRecord | None:
        """The operation, None when there is none."""
        t = tables.operation
        query = _seen().where(t.c.connection == connection_name, t.c.operation == operation)
        async with self._transactions.begin() as connection:
            row = (await connection.execute(query)).one_or_none()
            return None if row is None else _record(row)

    async def list(
        self, connection_name: str, kind: str, *, started_until: datetime | None, limit_rows: int
    ) -> tuple[OperationRecord, ...]:
        """The operations of a kind that were started by that moment, latest first."""
        t = tables.operation
        query = _seen().where(t.c.connection == connection_name, t.c.kind == kind)
        if started_until is not None:
            query = query.where(t.c.started_at <= started_until)
        query = query.order_by(t.c.started_at.desc(), t.c.operation).limit(limit_rows)
        async with self._transactions.begin() as connection:
            return tuple(_record(row) for row in await connection.execute(query))


def _seen() -> Any:
    t = tables.operation
    alive = t.c.finished_at.is_(None) & (t.c.alive_at > func.clock_timestamp() - SILENT)
    return select(t, alive.label("alive"))


def _record(row: Row[*tuple[Any, ...]]) -> OperationRecord:
    return OperationRecord(
        operation=OperationId(row.operation),
        kind=row.kind,
        started_by=row.started_by,
        started_at=row.started_at,
        finished_at=row.finished_at,
        alive=row.alive,
        progress=row.progress,
        problem=row.problem,
    )
