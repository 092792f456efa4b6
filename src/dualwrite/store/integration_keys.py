"""Integration keys chosen by hand: the columns by which the rows of a Dataverse table are known on a connection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from dualwrite.errors import NotAllowed
from dualwrite.store import tables
from dualwrite.store.connector import Transactions


@dataclass(frozen=True, slots=True)
class IntegrationKey:
    """The chosen key of one Dataverse table. ``columns`` are paths, as a map version lists them."""

    connection: str
    dataverse_table: str
    columns: tuple[str, ...]
    set_by: str
    set_at: datetime


class IntegrationKeyRepository:
    """The keys chosen by hand; tables that are not here take one of their alternate keys."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def list(self, connection_name: str) -> tuple[IntegrationKey, ...]:
        """The chosen keys of a connection, by table."""
        t = tables.integration_key
        query = select(t).where(t.c.connection == connection_name).order_by(t.c.dataverse_table)
        async with self._transactions.begin() as connection:
            return tuple(
                IntegrationKey(row.connection, row.dataverse_table, tuple(row.columns), row.set_by, row.set_at)
                for row in await connection.execute(query)
            )

    async def set(self, connection_name: str, dataverse_table: str, *, columns: Sequence[str], set_by: str) -> None:
        """``columns`` are the table's key on this connection. Idempotent by table. Raises: NotAllowed for none."""
        if not columns:
            raise NotAllowed(f"The integration key of {dataverse_table} needs a column.", table=dataverse_table)
        values = {"columns": list(columns), "set_by": set_by, "set_at": func.now()}
        statement = insert(tables.integration_key).values(
            connection=connection_name, dataverse_table=dataverse_table, **values
        )
        statement = statement.on_conflict_do_update(index_elements=["connection", "dataverse_table"], set_=values)
        async with self._transactions.begin() as connection:
            await connection.execute(statement)

    async def remove(self, connection_name: str, dataverse_table: str) -> bool:
        """The table takes its generated key again; False when none was chosen."""
        t = tables.integration_key
        where = (t.c.connection == connection_name, t.c.dataverse_table == dataverse_table)
        async with self._transactions.begin() as connection:
            return (await connection.execute(delete(t).where(*where))).rowcount > 0
