"""What an operator may set about the finance and operations service."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FinopsServiceSettings:
    """``skiptoken_secret`` signs continuation tokens and must be the same in all processes of one service."""

    skiptoken_secret: bytes
    page_rows: int = 10_000
    """Most rows in one answer; what a client asks for with ``odata.maxpagesize`` only lowers it."""
    body_bytes: int = 32 * 1024 * 1024
    batch_requests: int = 5_000
    retry_after_s: int = 1
    """What a caller is told to wait when records are locked or the database is away."""
    public_origin: str | None = None
    """``https://host`` as clients see it, for links; None takes it from each request."""
