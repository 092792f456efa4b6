"""What was done, by whom, and how it ended: the log that an administrator reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select

from dualwrite.store import tables
from dualwrite.store.connector import Transactions, storable_text


@dataclass(frozen=True, slots=True)
class Activity:
    """One entry of the log. ``details`` is JSON."""

    id: int
    at: datetime
    who: str
    what: str
    map: str | None
    result: str
    details: Mapping[str, object]


class ActivityLog:
    """The activity log; entries are only ever added."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def record(
        self, what: str, *, who: str, result: str, map: str | None = None, details: Mapping[str, object] | None = None
    ) -> int:
        """The entry is in the log; returns its number."""
        statement = insert(tables.activity).values(
            who=storable_text(who),
            what=storable_text(what),
            map=map,
            result=storable_text(result),
            details=dict(details or {}),
        )
        async with self._transactions.begin() as connection:
            number: int = (await connection.execute(statement.returning(tables.activity.c.id))).scalar_one()
            return number

    async def list(
        self,
        *,
        map: str | None = None,
        what: str | None = None,
        before: int | None = None,
        limit_rows: int = 100,
    ) -> tuple[Activity, ...]:
        """The latest entries first, of one map or about one thing when named; ``before`` (an entry's number) pages on
        to older ones."""
        t = tables.activity
        query = select(t).order_by(t.c.id.desc()).limit(limit_rows)
        if map is not None:
            query = query.where(t.c.map == map)
        if what is not None:
            query = query.where(t.c.what == what)
        if before is not None:
            query = query.where(t.c.id < before)
        async with self._transactions.begin() as connection:
            found = await connection.execute(query)
            return tuple(Activity(row.id, row.at, row.who, row.what, row.map, row.result, row.details) for row in found)
