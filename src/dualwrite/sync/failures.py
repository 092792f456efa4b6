"""Changes that could not be carried to the other side, each with the record itself: what error management is about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from dualwrite.store.sync_errors import Category as Category
from dualwrite.store.sync_errors import FailedRecord as FailedRecord
from dualwrite.store.sync_errors import FailureKind as FailureKind


class FailureSink(Protocol):
    """Where failures are kept."""

    async def keep(self, failed: Sequence[FailedRecord]) -> None:
        """The failures are kept. Idempotency: by change and number. Raises: EnvironmentUnavailable."""
        ...


class NoFailureSink:
    """Implements :class:`FailureSink` where nobody asks later."""

    async def keep(self, failed: Sequence[FailedRecord]) -> None:
        """Nothing is kept."""
