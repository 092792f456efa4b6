"""The teams that own the rows which maps without companies create in Dataverse, where somebody has chosen one."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from dualwrite.store import tables
from dualwrite.store.connector import Transactions


class OwningTeamRepository:
    """The owning teams of maps, by the ids of Dataverse."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def by_map(self, connection_name: str) -> Mapping[str, UUID]:
        """The teams that were chosen, by map."""
        t = tables.map_owning_team
        query = select(t.c.map, t.c.team).where(t.c.connection == connection_name).order_by(t.c.map)
        async with self._transactions.begin() as connection:
            return {row.map: row.team for row in await connection.execute(query)}

    async def set(self, connection_name: str, map_name: str, team: UUID) -> None:
        """The team owns what the map creates from now on. Raises: NotAllowed, when there is no such map."""
        statement = insert(tables.map_owning_team).values(connection=connection_name, map=map_name, team=team)
        statement = statement.on_conflict_do_update(index_elements=["connection", "map"], set_={"team": team})
        async with self._transactions.begin() as connection:
            await connection.execute(statement)

    async def remove(self, connection_name: str, map_name: str) -> bool:
        """The map has no team of its own; False when it had none."""
        t = tables.map_owning_team
        gone = delete(t).where(t.c.connection == connection_name, t.c.map == map_name)
        async with self._transactions.begin() as connection:
            return (await connection.execute(gone)).rowcount > 0
