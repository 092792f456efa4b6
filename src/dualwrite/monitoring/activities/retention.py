"""How long the activity log is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog

from dualwrite.errors import DualwriteError
from dualwrite.security.clock import Clock
from dualwrite.store.activity import ActivityLog

log = structlog.get_logger(__name__)

ROUND = timedelta(hours=1)


class ActivityRetention:
    """Forgets, once an hour, what is older than it is to be kept."""

    def __init__(
        self,
        activities: ActivityLog,
        *,
        keep: timedelta,
        now: Clock,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._activities = activities
        self._keep = keep
        self._now = now
        self._pause = pause

    async def run(self) -> None:
        """Forgets until it is cancelled. A round that fails is made up for by the next."""
        while True:
            try:
                await self.forget()
            except DualwriteError as error:
                log.warning("old activities cannot be forgotten", code=error.code, reason=error.message)
            except Exception:
                # The named supervisor of this loop: whatever went wrong is told, and the next round goes on.
                log.exception("old activities cannot be forgotten")
            await self._pause(ROUND.total_seconds())

    async def forget(self) -> int:
        """No activity is older than it is to be kept; gives how many were. Raises: EnvironmentUnavailable."""
        return await self._activities.forget(self._now() - self._keep)
