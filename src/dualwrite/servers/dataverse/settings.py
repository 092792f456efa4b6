"""The settings of a served Dataverse environment."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from uuid import NAMESPACE_URL, UUID, uuid5

_ORGANIZATION = uuid5(NAMESPACE_URL, "dualwrite:organization")
_BUSINESS_UNIT = uuid5(NAMESPACE_URL, "dualwrite:businessunit")


@dataclass(frozen=True, slots=True)
class DataverseSettings:
    """``public_url`` is the address callers see (behind a proxy); None takes it from each request's Host header.

    ``business_unit_id`` is told by WhoAmI where the caller's own row names none. ``token_secret`` signs continuation
    tokens: processes that answer for one another share it.
    """

    organization_id: UUID = _ORGANIZATION
    business_unit_id: UUID = _BUSINESS_UNIT
    version: str = "9.2.0.0"
    public_url: str | None = None
    token_secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    largest_page_rows: int = 5_000
    largest_count_rows: int = 5_000
    largest_body_bytes: int = 32 * 1024 * 1024
    largest_batch_requests: int = 1_000
    most_expansions: int = 15
