"""The library of a connection: the solutions (packages of map versions) that it knows, and which are applied."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any, NamedTuple

from sqlalchemy import Row, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from dualwrite.errors import NotAllowed
from dualwrite.store import tables
from dualwrite.store.connector import Transactions


class SolutionState(Enum):
    """How far a solution has come."""

    IMPORTED = "imported"
    APPLIED = "applied"


@dataclass(frozen=True, slots=True)
class SolutionRecord:
    """A solution that a connection knows. ``document`` is JSON: what its manifest says beyond the named facts."""

    connection: str
    unique_name: str
    display_name: str
    version: str
    publisher: str
    description: str
    managed: bool
    state: SolutionState
    imported_at: datetime
    applied_at: datetime | None
    document: Mapping[str, object] = field(hash=False)


class SolutionMember(NamedTuple):
    """One map version of a solution; ``position`` is its map's place in the solution's order of starting."""

    map: str
    version: str
    position: int


class SolutionRepository:
    """The known solutions and the map versions that belong to them."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def save(
        self,
        connection_name: str,
        unique_name: str,
        *,
        display_name: str,
        version: str,
        publisher: str,
        description: str = "",
        managed: bool,
        document: Mapping[str, object] | None = None,
        members: Iterable[SolutionMember],
    ) -> None:
        """The solution is in the library, with exactly these members. Idempotent by connection and unique name.

        A solution that was applied stays so. Raises: NotAllowed for a member that is no stored version.
        """
        facts = {
            "display_name": display_name,
            "version": version,
            "publisher": publisher,
            "description": description,
            "managed": managed,
            "document": dict(document or {}),
            "imported_at": func.now(),
        }
        statement = insert(tables.solution).values(
            connection=connection_name, unique_name=unique_name, state=SolutionState.IMPORTED.value, **facts
        )
        m = tables.solution_map
        rows = [{"connection": connection_name, "solution": unique_name, **member._asdict()} for member in set(members)]
        async with self._transactions.begin() as connection:
            await connection.execute(
                statement.on_conflict_do_update(index_elements=["connection", "unique_name"], set_=facts)
            )
            await connection.execute(delete(m).where(m.c.connection == connection_name, m.c.solution == unique_name))
            if rows:
                await connection.execute(insert(m), rows)

    async def mark_applied(self, connection_name: str, unique_name: str) -> None:
        """The solution counts as applied, as of now. Raises: NotAllowed when the library does not have it."""
        t = tables.solution
        changed = (
            update(t)
            .where(t.c.connection == connection_name, t.c.unique_name == unique_name)
            .values(state=SolutionState.APPLIED.value, applied_at=func.now())
        )
        async with self._transactions.begin() as connection:
            if (await connection.execute(changed)).rowcount == 0:
                raise NotAllowed(f"There is no solution {unique_name} in {connection_name}.", solution=unique_name)

    async def list(self, connection_name: str) -> tuple[SolutionRecord, ...]:
        """The solutions of a connection, by unique name."""
        t = tables.solution
        async with self._transactions.begin() as connection:
            found = await connection.execute(
                select(t).where(t.c.connection == connection_name).order_by(t.c.unique_name)
            )
            return tuple(_solution(row) for row in found)

    async def get(self, connection_name: str, unique_name: str) -> SolutionRecord | None:
        """The solution of this unique name, None when the library does not have it."""
        t = tables.solution
        query = select(t).where(t.c.connection == connection_name, t.c.unique_name == unique_name)
        async with self._transactions.begin() as connection:
            row = (await connection.execute(query)).one_or_none()
            return None if row is None else _solution(row)

    async def members(self, connection_name: str, unique_name: str) -> tuple[SolutionMember, ...]:
        """The solution's map versions, in its order of starting."""
        m = tables.solution_map
        query = (
            select(m.c.map, m.c.version, m.c.position)
            .where(m.c.connection == connection_name, m.c.solution == unique_name)
            .order_by(m.c.position, m.c.map, tables.by_number(m.c.version))
        )
        async with self._transactions.begin() as connection:
            return tuple(SolutionMember(*row) for row in await connection.execute(query))

    async def owners(self, connection_name: str) -> Mapping[tuple[str, str], frozenset[str]]:
        """The solutions that each map version (name, version) belongs to."""
        m = tables.solution_map
        owners: dict[tuple[str, str], set[str]] = {}
        async with self._transactions.begin() as connection:
            for row in await connection.execute(select(m).where(m.c.connection == connection_name)):
                owners.setdefault((row.map, row.version), set()).add(row.solution)
        return {version: frozenset(names) for version, names in owners.items()}

    async def remove(self, connection_name: str, unique_name: str) -> bool:
        """The library no longer has the solution; its map versions stay. False when there was none."""
        t = tables.solution
        gone = delete(t).where(t.c.connection == connection_name, t.c.unique_name == unique_name)
        async with self._transactions.begin() as connection:
            return (await connection.execute(gone)).rowcount > 0


def _solution(row: Row[*tuple[Any, ...]]) -> SolutionRecord:
    return SolutionRecord(
        connection=row.connection,
        unique_name=row.unique_name,
        display_name=row.display_name,
        version=row.version,
        publisher=row.publisher,
        description=row.description,
        managed=row.managed,
        state=SolutionState(row.state),
        imported_at=row.imported_at,
        applied_at=row.applied_at,
        document=row.document,
    )
