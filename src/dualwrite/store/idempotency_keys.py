"""The keys under which actions were asked for, and the answers: asking again does nothing twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from dualwrite.store import tables
from dualwrite.store.connector import Transactions

KEPT = timedelta(hours=24)
"""So long an answer is kept."""
LEASE = timedelta(minutes=5)
"""Whoever has a key for longer and has not answered has died."""


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """What was answered."""

    status: int
    headers: Mapping[str, str]
    body: str


class KeyStanding(Enum):
    """How a key stands that cannot be had."""

    BUSY = "busy"
    """The same request is being carried out."""
    OTHER_REQUEST = "other request"
    """It belongs to a request that asks for something else."""


class IdempotencyKeyRepository:
    """The keys, each of one caller."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def take(self, caller: str, key: str, *, request: str) -> KeptAnswer | KeyStanding | None:
        """None: the key is the caller's until it is kept or released. Otherwise the answer, or how the key stands.

        ``request`` is a digest of what is asked. Concurrency: of several at the same time one has it.
        """
        t = tables.idempotency_key
        now = func.clock_timestamp()
        mine = (t.c.caller == caller, t.c.key == key)
        expired = t.c.taken_at < now - KEPT
        left = t.c.status.is_(None) & (t.c.taken_at < now - LEASE) & (t.c.request == request)
        values = {"caller": caller, "key": key, "request": request, "taken_at": now}
        taking = insert(t).values(**values)
        again = {"request": request, "taken_at": now, "status": None, "headers": None, "body": None}
        taking = taking.on_conflict_do_update(index_elements=["caller", "key"], set_=again, where=expired | left)
        async with self._transactions.begin() as connection:
            await connection.execute(delete(t).where(expired, ~((t.c.caller == caller) & (t.c.key == key))))
            if (await connection.execute(taking.returning(t.c.key))).one_or_none() is not None:
                return None
            row = (await connection.execute(select(t).where(*mine))).one()
        if row.request != request:
            return KeyStanding.OTHER_REQUEST
        return KeyStanding.BUSY if row.status is None else KeptAnswer(row.status, row.headers, row.body)

    async def keep(self, caller: str, key: str, answer: KeptAnswer) -> None:
        """Whoever asks again under the key gets this answer."""
        t = tables.idempotency_key
        values = {"status": answer.status, "headers": dict(answer.headers), "body": answer.body}
        async with self._transactions.begin() as connection:
            await connection.execute(update(t).where(t.c.caller == caller, t.c.key == key).values(**values))

    async def release(self, caller: str, key: str) -> None:
        """The key is free: nothing was done under it."""
        t = tables.idempotency_key
        async with self._transactions.begin() as connection:
            await connection.execute(delete(t).where(t.c.caller == caller, t.c.key == key))
