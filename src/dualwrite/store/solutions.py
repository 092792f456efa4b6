"""Which solutions (packages of maps) have been applied to a connection."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from dualwrite.store import tables
from dualwrite.store.connector import Transactions


@dataclass(frozen=True, slots=True)
class AppliedSolution:
    """A solution as it was last applied to a connection."""

    connection: str
    unique_name: str
    version: str
    publisher: str
    applied_at: datetime


class SolutionRepository:
    """The applied solutions."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def record(self, connection_name: str, *, unique_name: str, version: str, publisher: str) -> None:
        """The solution counts as applied in this version, as of now. Idempotent by connection and unique name."""
        values = {"version": version, "publisher": publisher, "applied_at": func.now()}
        statement = insert(tables.solution).values(connection=connection_name, unique_name=unique_name, **values)
        statement = statement.on_conflict_do_update(index_elements=["connection", "unique_name"], set_=values)
        async with self._transactions.begin() as connection:
            await connection.execute(statement)

    async def list(self, connection_name: str) -> tuple[AppliedSolution, ...]:
        """The applied solutions of a connection, by unique name."""
        t = tables.solution
        async with self._transactions.begin() as connection:
            found = await connection.execute(
                select(t).where(t.c.connection == connection_name).order_by(t.c.unique_name)
            )
            return tuple(
                AppliedSolution(row.connection, row.unique_name, row.version, row.publisher, row.applied_at)
                for row in found
            )
