"""Which environments are connected, and which legal entities are linked to which companies."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from dualwrite.environments.port import EnvironmentName, LegalEntityLink
from dualwrite.errors import NotAllowed, NotFound
from dualwrite.metadata.schema import Side
from dualwrite.metadata.values import CompanyCode, LegalEntityId
from dualwrite.store import tables
from dualwrite.store.connector import Transactions, storable_text


class LinkState(Enum):
    """Where a connection stands."""

    LINKED = "linked"
    RESETTING = "resetting"
    """A reset has begun and not come to its end; it can only go on."""
    UNLINKING = "unlinking"
    """Likewise."""


@dataclass(frozen=True, slots=True)
class Connection:
    """Two environments that are kept in step. ``primary_side`` wins where both sides changed a record.

    ``owning_team`` (a Dataverse id) owns the rows that have no company; None: whoever the environment says.
    """

    name: str
    finops_environment: EnvironmentName
    dataverse_environment: EnvironmentName
    primary_side: Side
    created_at: datetime
    state: LinkState = LinkState.LINKED
    owning_team: UUID | None = None
    reset_at: datetime | None = None

    def environment(self, side: Side) -> EnvironmentName:
        """The environment on this side."""
        return self.finops_environment if side is Side.FINOPS else self.dataverse_environment


@dataclass(frozen=True, slots=True)
class FormerConnection:
    """A link that has been taken apart."""

    name: str
    finops_environment: EnvironmentName
    dataverse_environment: EnvironmentName
    legal_entities: tuple[str, ...]
    linked_at: datetime
    unlinked_at: datetime
    unlinked_by: str


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

    async def named(self, name: str, *, lock: bool = False) -> Connection:
        """The connection; with ``lock`` it stays as it is until the transaction ends. Raises: NotFound."""
        async with self._transactions.begin() as connection:
            found = await _read(connection, name, lock=lock)
        if found is None:
            raise NotFound(f"There is no connection {name}. Link the environments first.", connection=name)
        return found

    async def set_state(self, name: str, state: LinkState) -> None:
        """The connection is in this state."""
        t = tables.connection
        async with self._transactions.begin() as connection:
            await connection.execute(update(t).where(t.c.name == name).values(state=state.value))

    async def mark_reset(self, name: str) -> None:
        """The connection is linked, and was reset at this moment."""
        t = tables.connection
        values = {"state": LinkState.LINKED.value, "reset_at": func.clock_timestamp()}
        async with self._transactions.begin() as connection:
            await connection.execute(update(t).where(t.c.name == name).values(**values))

    async def set_owning_team(self, name: str, team: UUID | None) -> None:
        """``team`` owns the rows that have no company; None: whoever the environment says."""
        t = tables.connection
        async with self._transactions.begin() as connection:
            await connection.execute(update(t).where(t.c.name == name).values(owning_team=team))

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

    async def bid_farewell(self, name: str, *, who: str) -> None:
        """It is remembered that there was this connection, until now. To be called before it is removed."""
        t = tables.former_connection
        async with self._transactions.begin() as connection:
            found = await _read(connection, name)
            if found is not None:
                facts = {
                    "name": name,
                    "finops_environment": found.finops_environment,
                    "dataverse_environment": found.dataverse_environment,
                    "legal_entities": [each.legal_entity for each in await _read_companies(connection, name)],
                    "linked_at": found.created_at,
                    "unlinked_by": storable_text(who),
                }
                await connection.execute(insert(t).values(**facts))

    async def former(self) -> tuple[FormerConnection, ...]:
        """The links that have been taken apart, the latest first."""
        t = tables.former_connection
        async with self._transactions.begin() as connection:
            return tuple(_former(row) for row in await connection.execute(select(t).order_by(t.c.id.desc())))

    # --- legal entities -----------------------------------------------------------------------------------------------

    async def add_companies(self, name: str, links: Sequence[LegalEntityLink]) -> tuple[LegalEntityLink, ...]:
        """The legal entities are linked to their companies; gives those that were not. Idempotent by pair.

        Raises: NotFound, when there is no such connection; NotAllowed, when one of the two is linked to another one.
        """
        t = tables.connection_company
        rows = [
            {"connection": name, "legal_entity": each.legal_entity, "company_code": each.company_code} for each in links
        ]
        async with self._transactions.begin() as connection:
            if await _read(connection, name) is None:
                raise NotFound(f"There is no connection {name}. Link the environments first.", connection=name)
            new: set[str] = set()
            if rows:
                statement = insert(t).values(rows).on_conflict_do_nothing().returning(t.c.legal_entity)
                new = set(await connection.scalars(statement))
            known = {each.legal_entity: each.company_code for each in await _read_companies(connection, name)}
            for each in links:
                if known.get(each.legal_entity) != each.company_code:
                    raise _taken(name, each, known)
        return tuple(each for each in links if each.legal_entity in new)

    async def remove_companies(self, name: str, legal_entities: Collection[str]) -> tuple[str, ...]:
        """None of these legal entities is linked any more; gives those that were."""
        t = tables.connection_company
        gone = delete(t).where(t.c.connection == name, t.c.legal_entity.in_(legal_entities))
        async with self._transactions.begin() as connection:
            return tuple(sorted(await connection.scalars(gone.returning(t.c.legal_entity))))

    async def add_company(self, name: str, *, legal_entity: str, company_code: str) -> LegalEntityLink:
        """``legal_entity`` is linked to ``company_code``. Idempotent by the pair.

        Raises: NotAllowed when either of the two is linked to another one, or there is no such connection.
        """
        link = LegalEntityLink(LegalEntityId(legal_entity), CompanyCode(company_code))
        await self.add_companies(name, [link])
        return link

    async def companies(self, name: str) -> tuple[LegalEntityLink, ...]:
        """The linked legal entities of a connection, by legal entity."""
        async with self._transactions.begin() as connection:
            return await _read_companies(connection, name)


async def _read(connection: AsyncConnection, name: str, *, lock: bool = False) -> Connection | None:
    query = select(tables.connection).where(tables.connection.c.name == name)
    row = (await connection.execute(query.with_for_update() if lock else query)).one_or_none()
    return None if row is None else _connection(row)


async def _read_companies(connection: AsyncConnection, name: str) -> tuple[LegalEntityLink, ...]:
    t = tables.connection_company
    found = await connection.execute(select(t).where(t.c.connection == name).order_by(t.c.legal_entity))
    return tuple(LegalEntityLink(LegalEntityId(row.legal_entity), CompanyCode(row.company_code)) for row in found)


def _taken(name: str, link: LegalEntityLink, known: Mapping[LegalEntityId, CompanyCode]) -> NotAllowed:
    wanted = f"{link.legal_entity} cannot be linked to {link.company_code}"
    others = [pair for pair in known.items() if link.legal_entity in pair or link.company_code in pair]
    pairs = ", ".join(f"{one} with {other}" for one, other in others)
    return NotAllowed(f"{wanted}: {name} links {pairs}.", connection=name)


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
        state=LinkState(row.state),
        owning_team=row.owning_team,
        reset_at=row.reset_at,
    )


def _former(row: Row[*tuple[Any, ...]]) -> FormerConnection:
    return FormerConnection(
        name=row.name,
        finops_environment=EnvironmentName(row.finops_environment),
        dataverse_environment=EnvironmentName(row.dataverse_environment),
        legal_entities=tuple(row.legal_entities),
        linked_at=row.linked_at,
        unlinked_at=row.unlinked_at,
        unlinked_by=row.unlinked_by,
    )
