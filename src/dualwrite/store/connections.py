"""Which environments are connected, and which legal entities are linked to which companies."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from dualwrite.environments.port import EnvironmentName, LegalEntityLink
from dualwrite.errors import NotAllowed
from dualwrite.metadata.schema import Side
from dualwrite.metadata.values import CompanyCode, LegalEntityId
from dualwrite.store import tables
from dualwrite.store.connector import Transactions


@dataclass(frozen=True, slots=True)
class Connection:
    """Two environments that are kept in step. ``primary_side`` wins where both sides changed a record."""

    name: str
    finops_environment: EnvironmentName
    dataverse_environment: EnvironmentName
    primary_side: Side
    created_at: datetime

    def environment(self, side: Side) -> EnvironmentName:
        """The environment on this side."""
        return self.finops_environment if side is Side.FINOPS else self.dataverse_environment


class ConnectionRepository:
    """The connections and their linked companies."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def list(self) -> tuple[Connection, ...]:
        """All connections, by name."""
        async with self._transactions.begin() as connection:
            found = await connection.execute(select(tables.connection).order_by(tables.connection.c.name))
            return tuple(_connection(row) for row in found)

    async def get(self, name: str) -> Connection | None:
        """The connection of this name, None when there is none."""
        async with self._transactions.begin() as connection:
            return await _read(connection, name)

    async def create(
        self, name: str, *, finops_environment: str, dataverse_environment: str, primary_side: Side = Side.FINOPS
    ) -> Connection:
        """The two environments are connected under ``name``. Idempotent: the same connection again stays as it is.

        Raises: NotAllowed when the name is taken by other environments, the two are connected under another name, or
        one of them is not known on that side.
        """
        async with self._transactions.begin() as connection:
            await _check_side(connection, finops_environment, side=Side.FINOPS)
            await _check_side(connection, dataverse_environment, side=Side.DATAVERSE)
            await connection.execute(
                insert(tables.connection)
                .values(
                    name=name,
                    finops_environment=finops_environment,
                    dataverse_environment=dataverse_environment,
                    primary_side=primary_side.value,
                )
                .on_conflict_do_nothing()
            )
            stored = await _read(connection, name)
        if stored is None:
            raise NotAllowed(
                f"{finops_environment} and {dataverse_environment} are connected already, under another name "
                f"than {name}.",
                connection=name,
            )
        wanted = (finops_environment, dataverse_environment, primary_side)
        if (stored.finops_environment, stored.dataverse_environment, stored.primary_side) != wanted:
            raise NotAllowed(
                f"The connection {name} exists and joins {stored.finops_environment} with "
                f"{stored.dataverse_environment} (primary: {stored.primary_side.value}). "
                "Remove it first or choose another name.",
                connection=name,
            )
        return stored

    async def remove(self, name: str) -> bool:
        """The connection, its company links, solutions, maps and copy runs are gone; False when there was none."""
        async with self._transactions.begin() as connection:
            gone = await connection.execute(delete(tables.connection).where(tables.connection.c.name == name))
            return gone.rowcount > 0

    async def add_company(self, name: str, *, legal_entity: str, company_code: str) -> LegalEntityLink:
        """``legal_entity`` is linked to ``company_code``. Idempotent by the pair.

        Raises: NotAllowed when either of the two is linked to another one, or there is no such connection.
        """
        t = tables.connection_company
        async with self._transactions.begin() as connection:
            if await _read(connection, name) is None:
                raise NotAllowed(f"There is no connection {name}.", connection=name)
            await connection.execute(
                insert(t)
                .values(connection=name, legal_entity=legal_entity, company_code=company_code)
                .on_conflict_do_nothing()
            )
            taken = t.c.legal_entity == legal_entity, t.c.company_code == company_code
            rows = (await connection.execute(select(t).where(t.c.connection == name, taken[0] | taken[1]))).all()
        if any((row.legal_entity, row.company_code) != (legal_entity, company_code) for row in rows):
            pairs = ", ".join(f"{row.legal_entity} with {row.company_code}" for row in rows)
            raise NotAllowed(
                f"{legal_entity} cannot be linked to {company_code}: {name} links {pairs}.", connection=name
            )
        return LegalEntityLink(LegalEntityId(legal_entity), CompanyCode(company_code))

    async def companies(self, name: str) -> tuple[LegalEntityLink, ...]:
        """The linked legal entities of a connection, by legal entity."""
        t = tables.connection_company
        async with self._transactions.begin() as connection:
            found = await connection.execute(select(t).where(t.c.connection == name).order_by(t.c.legal_entity))
            return tuple(
                LegalEntityLink(LegalEntityId(row.legal_entity), CompanyCode(row.company_code)) for row in found
            )

    async def remove_company(self, name: str, *, legal_entity: str) -> bool:
        """``legal_entity`` is not linked any more; False when it was not."""
        t = tables.connection_company
        async with self._transactions.begin() as connection:
            gone = await connection.execute(delete(t).where(t.c.connection == name, t.c.legal_entity == legal_entity))
            return gone.rowcount > 0


async def _read(connection: AsyncConnection, name: str) -> Connection | None:
    found = await connection.execute(select(tables.connection).where(tables.connection.c.name == name))
    row = found.one_or_none()
    return None if row is None else _connection(row)


async def _check_side(connection: AsyncConnection, environment: str, *, side: Side) -> None:
    t = tables.environment
    known = await connection.scalar(select(t.c.side).where(t.c.name == environment))
    if known is None:
        raise NotAllowed(f"There is no environment {environment}. Add it first.", environment=environment)
    if known != side.value:
        raise NotAllowed(f"{environment} is a {known} environment, not a {side.value} one.", environment=environment)


def _connection(row: Row[*tuple[Any, ...]]) -> Connection:
    return Connection(
        name=row.name,
        finops_environment=EnvironmentName(row.finops_environment),
        dataverse_environment=EnvironmentName(row.dataverse_environment),
        primary_side=Side(row.primary_side),
        created_at=row.created_at,
    )
