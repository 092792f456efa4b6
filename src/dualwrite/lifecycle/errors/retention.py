"""How long errors are kept."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

import structlog

from dualwrite.errors import DualwriteError
from dualwrite.lifecycle.errors.desk import SyncErrors

log = structlog.get_logger(__name__)

ROUND: Final = timedelta(hours=1)


class ErrorRetention:
    """Forgets, once an hour, what is older than it is to be kept; the activity log tells what was still open."""

    def __init__(
        self,
        errors: SyncErrors,
        *,
        keep: timedelta,
        now: Callable[[], datetime],
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._errors = errors
        self._keep = keep
        self._now = now
        self._pause = pause

    async def run(self) -> None:
        """Forgets until it is cancelled. A round that fails is made up for by the next."""
        while True:
            try:
                await self.forget()
            except DualwriteError as error:
                log.warning("old errors cannot be forgotten", code=error.code, reason=error.message)
            except Exception:
                # The named supervisor of this loop: whatever went wrong is told, and the next round goes on.
                log.exception("old errors cannot be forgotten")
            await self._pause(ROUND.total_seconds())

    async def forget(self) -> int:
        """No error is older than it is to be kept; gives how many were. Raises: EnvironmentUnavailable."""
        return sum(each.errors for each in await self._errors.purge(self._now() - self._keep))
