"""What can be set about a hosted environment."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HostedSettings:
    """Limits and waits. Milliseconds for lock waits, seconds for whole transactions."""

    transaction_records: int = 1000
    transaction_seconds: float = 120.0
    source_lock_wait_ms: int = 5000
    """How long a served transaction waits for a record that somebody else is changing, before it starts over."""
    target_lock_wait_ms: int = 30
    """How long the engine's half waits for a record, give or take a half. Two users that edit the two halves of one
    record wait for each other; the shorter wait gives way and starts over, and from then on waits its turn.
    """
    retry_seconds: float = 30.0
    """How long a transaction that met others is started over before the user is told."""
    pool_size: int = 24
    copy_lock_wait_ms: int = 10_000
    """How long a partition of the initial sync waits for a record, or for a gate, before it is started over."""
    copy_statement_seconds: float = 1800.0
    copy_pool_size: int = 8
