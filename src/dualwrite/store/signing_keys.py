"""The keys that sign tokens, encrypted before they come here."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from dualwrite.store import tables
from dualwrite.store.connector import Transactions

_ADVISORY_LOCK = 7_306_812_440_118_226_002
"""Two processes that start together agree on the first key."""


@dataclass(frozen=True, slots=True)
class SigningKeyRecord:
    """One key. ``private_material`` is encrypted; a retired key verifies and does not sign."""

    kid: str
    private_material: bytes = field(repr=False)
    created_at: datetime
    retired_at: datetime | None


class SigningKeyRepository:
    """The signing keys."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def list(self) -> tuple[SigningKeyRecord, ...]:
        """All keys, newest first."""
        t = tables.signing_key
        async with self._transactions.begin() as connection:
            found = await connection.execute(select(t).order_by(t.c.created_at.desc(), t.c.kid))
            return tuple(
                SigningKeyRecord(row.kid, row.private_material, row.created_at, row.retired_at) for row in found
            )

    async def add_first(self, kid: str, *, private_material: bytes) -> None:
        """There is a key that signs: this one, unless another was there already."""
        t = tables.signing_key
        async with self._transactions.begin() as connection:
            await connection.execute(select(func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
            known = await connection.scalar(select(func.count()).select_from(t).where(t.c.retired_at.is_(None)))
            if not known:
                await connection.execute(insert(t).values(kid=kid, private_material=private_material))

    async def retire(self, kid: str) -> None:
        """The key does not sign any more."""
        t = tables.signing_key
        async with self._transactions.begin() as connection:
            await connection.execute(
                update(t).where(t.c.kid == kid, t.c.retired_at.is_(None)).values(retired_at=func.now())
            )
