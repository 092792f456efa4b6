"""Which environments there are, and where each is found."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from sqlalchemy import Row, delete, select
from sqlalchemy.dialects.postgresql import insert

from dualwrite.environments.port import EnvironmentName
from dualwrite.metadata.schema import Side
from dualwrite.store import tables
from dualwrite.store.connector import Transactions


class EnvironmentKind(Enum):
    """Whether we keep the environment's rows ourselves or reach it over its own API."""

    HOSTED = "hosted"
    REMOTE = "remote"


@dataclass(frozen=True, slots=True)
class EnvironmentRecord:
    """One environment. ``database`` names the database of a hosted one, ``url`` is the base address of its API."""

    name: EnvironmentName
    side: Side
    kind: EnvironmentKind
    database: str | None
    url: str
    created_at: datetime


class EnvironmentRepository:
    """The environments that dual-write knows."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def list(self) -> tuple[EnvironmentRecord, ...]:
        """All environments, by name."""
        async with self._transactions.begin() as connection:
            found = await connection.execute(select(tables.environment).order_by(tables.environment.c.name))
            return tuple(_record(row) for row in found)

    async def get(self, name: str) -> EnvironmentRecord | None:
        """The environment of this name, None when there is none."""
        async with self._transactions.begin() as connection:
            found = await connection.execute(select(tables.environment).where(tables.environment.c.name == name))
            row = found.one_or_none()
            return None if row is None else _record(row)

    async def save(
        self, name: str, *, side: Side, kind: EnvironmentKind, url: str, database: str | None = None
    ) -> EnvironmentRecord:
        """The environment is known under ``name``; one that was known gets the new address. Idempotent by ``name``."""
        values = {"side": side.value, "kind": kind.value, "url": url, "database": database}
        statement = insert(tables.environment).values(name=name, **values)
        statement = statement.on_conflict_do_update(index_elements=["name"], set_=values)
        async with self._transactions.begin() as connection:
            found = await connection.execute(statement.returning(*tables.environment.c))
            return _record(found.one())

    async def remove(self, name: str) -> bool:
        """The environment is not known any more; False when it was not."""
        async with self._transactions.begin() as connection:
            gone = await connection.execute(delete(tables.environment).where(tables.environment.c.name == name))
            return gone.rowcount > 0


def _record(row: Row[*tuple[Any, ...]]) -> EnvironmentRecord:
    return EnvironmentRecord(
        name=EnvironmentName(row.name),
        side=Side(row.side),
        kind=EnvironmentKind(row.kind),
        database=row.database,
        url=row.url,
        created_at=row.created_at,
    )
