"""How long activities, and alerts that are over, are kept."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Protocol

from dualwrite.security.clock import Clock
from dualwrite.sync.rounds import Pause, round_after_round

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
        pause: Pause = asyncio.sleep,
    ) -> None:
        self._logs = logs
        self._keep = keep
        self._now = now
        self._pause = pause

    async def run(self) -> None:
        """Forgets until it is cancelled. A round that fails is made up for by the next."""
        await round_after_round(
            self.forget, between_s=ROUND.total_seconds, failing="old activities cannot be forgotten", pause=self._pause
        )

    async def forget(self) -> int:
        """Nothing is older than it is to be kept; gives how many were. Raises: EnvironmentUnavailable."""
        return sum([await each.forget(self._now() - self._keep) for each in self._logs])
