"""What a client needs to get a token."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client needs to get a token. The secret is known here and to the client only; the store has its hash."""

    tenant: UUID
    client_id: UUID
    secret: str = field(repr=False)
