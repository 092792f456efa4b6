"""Failures on their way into the store."""

from __future__ import annotations

from collections.abc import Sequence

from dualwrite.store.database import Store
from dualwrite.sync.failures import FailedRecord


class StoredFailures:
    """Implements ``failures.FailureSink`` for one connection."""

    def __init__(self, store: Store, connection: str) -> None:
        self._store = store
        self._connection = connection

    async def keep(self, failed: Sequence[FailedRecord]) -> None:
        """The failures are kept. Idempotency: by change and number. Raises: EnvironmentUnavailable."""
        await self._store.sync_errors.add(self._connection, failed)
