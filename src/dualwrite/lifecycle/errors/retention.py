"""How long errors are kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from dualwrite.lifecycle.errors.desk import SyncErrors
from dualwrite.sync.rounds import Pause, round_after_round

ROUND: Final = timedelta(hours=1)


class ErrorRetention:
    """Forgets, once an hour, what is older than it is to be kept; the activity log tells what was still open."""

    def __init__(
        self,
        errors: SyncErrors,
        *,
        keep: timedelta,
        now: Callable[[], datetime],
        pause: Pause = asyncio.sleep,
    ) -> None:
        self._errors = errors
        self._keep = keep
        self._now = now
        self._pause = pause

    async def run(self) -> None:
        """Forgets until it is cancelled. A round that fails is made up for by the next."""
        await round_after_round(
            self.forget, between_s=ROUND.total_seconds, failing="old errors cannot be forgotten", pause=self._pause
        )

    async def forget(self) -> int:
        """No error is older than it is to be kept; gives how many were. Raises: EnvironmentUnavailable."""
        return sum(each.errors for each in await self._errors.purge(self._now() - self._keep))
