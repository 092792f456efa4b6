"""The programs that may ask for tokens, with the hash of their secret."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, select
from sqlalchemy.dialects.postgresql import insert

from dualwrite.errors import NotAllowed
from dualwrite.metadata.values import LegalEntityId
from dualwrite.store import tables
from dualwrite.store.connector import Transactions


@dataclass(frozen=True, slots=True)
class ClientRecord:
    """A registered client. ``environment`` None may reach all; ``user_id`` is its system user in Dataverse."""

    client_id: UUID
    name: str
    secret_hash: str
    tenant: UUID
    environment: str | None
    roles: frozenset[str]
    default_company: LegalEntityId | None
    user_id: UUID
    enabled: bool
    created_at: datetime

    def __repr__(self) -> str:
        return f"ClientRecord({self.client_id}, {self.name!r})"


class ClientRepository:
    """The registered clients."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def save(
        self,
        client_id: UUID,
        *,
        name: str,
        secret_hash: str,
        tenant: UUID,
        user_id: UUID,
        roles: frozenset[str],
        environment: str | None = None,
        default_company: str | None = None,
        enabled: bool = True,
    ) -> ClientRecord:
        """The client is registered with these values, whatever it had before. Idempotent by ``client_id``.

        Raises: NotAllowed when another client has the name.
        """
        t = tables.client
        values = {
            "name": name,
            "secret_hash": secret_hash,
            "tenant": tenant,
            "environment": environment,
            "roles": sorted(roles),
            "default_company": default_company,
            "user_id": user_id,
            "enabled": enabled,
        }
        statement = insert(t).values(client_id=client_id, **values)
        statement = statement.on_conflict_do_update(index_elements=["client_id"], set_=values)
        async with self._transactions.begin() as connection:
            taken = await connection.scalar(select(t.c.client_id).where(t.c.name == name, t.c.client_id != client_id))
            if taken is not None:
                raise NotAllowed(f"There is another client named {name}. Choose another name.", client=name)
            return _client((await connection.execute(statement.returning(*t.c))).one())

    async def get(self, client_id: UUID) -> ClientRecord | None:
        """The client of this id, None when there is none."""
        t = tables.client
        async with self._transactions.begin() as connection:
            row = (await connection.execute(select(t).where(t.c.client_id == client_id))).one_or_none()
            return None if row is None else _client(row)

    async def by_name(self, name: str) -> ClientRecord | None:
        """The client of this name, None when there is none."""
        t = tables.client
        async with self._transactions.begin() as connection:
            row = (await connection.execute(select(t).where(t.c.name == name))).one_or_none()
            return None if row is None else _client(row)

    async def list(self) -> tuple[ClientRecord, ...]:
        """All clients, by name."""
        async with self._transactions.begin() as connection:
            found = await connection.execute(select(tables.client).order_by(tables.client.c.name))
            return tuple(_client(row) for row in found)

    async def remove(self, client_id: UUID) -> bool:
        """The client gets no more tokens; False when it was not registered."""
        async with self._transactions.begin() as connection:
            gone = await connection.execute(delete(tables.client).where(tables.client.c.client_id == client_id))
            return gone.rowcount > 0


def _client(row: Row[*tuple[Any, ...]]) -> ClientRecord:
    return ClientRecord(
        client_id=row.client_id,
        name=row.name,
        secret_hash=row.secret_hash,
        tenant=row.tenant,
        environment=row.environment,
        roles=frozenset(row.roles),
        default_company=None if row.default_company is None else LegalEntityId(row.default_company),
        user_id=row.user_id,
        enabled=row.enabled,
        created_at=row.created_at,
    )
