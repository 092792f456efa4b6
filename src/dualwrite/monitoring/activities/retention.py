"""How long activities, and alerts that are over, are kept."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from dualwrite.errors import DualwriteError
from dualwrite.security.clock import Clock

log = structlog.get_logger(__name__)

ROUND = timedelta(hours=1)


class Log(Protocol):
    """Something that forgets (``store.activity``, ``store.alerts``)."""

    async def forget(self, before: datetime) -> int: ...


class ActivityRetention:
    """Forgets, once an hour, what is older than it is to be kept."""

    def __init__(
        self,
        *logs: Log,
        keep: timedelta,
        now: Clock,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._logs = logs
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
        """Nothing is older than it is to be kept; gives how many were. Raises: EnvironmentUnavailable."""
        return sum([await each.forget(self._now() - self._keep) for each in self._logs])
