"""Rows of legal entities that were added to a link, and that maps have still to bring to the other side."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import delete, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from dualwrite.store import tables
from dualwrite.store.connector import Transactions


class PendingCopy(NamedTuple):
    """The rows of one legal entity that one map has still to copy."""

    map: str
    legal_entity: str


class PendingCopyRepository:
    """What is noted when a legal entity is added, and struck out once a run sees to it."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def add(self, connection_name: str, pending: Collection[PendingCopy]) -> None:
        """These copies are to be made. Idempotent by map and legal entity."""
        t = tables.pending_copy
        rows = [{"connection": connection_name, **each._asdict()} for each in pending]
        async with self._transactions.begin() as connection:
            if rows:
                await connection.execute(insert(t).on_conflict_do_nothing(), rows)

    async def list(self, connection_name: str) -> tuple[PendingCopy, ...]:
        """What is still to be copied, by map and legal entity."""
        t = tables.pending_copy
        query = select(t.c.map, t.c.legal_entity).where(t.c.connection == connection_name)
        async with self._transactions.begin() as connection:
            found = await connection.execute(query.order_by(t.c.map, t.c.legal_entity))
            return tuple(PendingCopy(*row) for row in found)

    async def settle(self, connection_name: str, settled: Collection[PendingCopy]) -> None:
        """These need not be made any more: a run sees to them, or their map does not run."""
        t = tables.pending_copy
        wanted = tuple_(t.c.map, t.c.legal_entity).in_([tuple(each) for each in settled])
        async with self._transactions.begin() as connection:
            if settled:
                await connection.execute(delete(t).where(t.c.connection == connection_name, wanted))
