"""The sweeper: settles, now and then, what no living process will settle any more, and forgets what is long decided."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from dualwrite.sync.link import Pair
from dualwrite.sync.recovery import Recovered, Recovery
from dualwrite.sync.rounds import Pause, round_after_round

Clock = Callable[[], datetime]

ROUND = timedelta(seconds=15)
LEFT_BEHIND_AFTER = timedelta(seconds=10)
"""Between preparing and deciding lie milliseconds; what is prepared for longer has lost its process."""
FORGET_EVERY = timedelta(hours=1)
REMEMBER = timedelta(hours=24)


class Sweeper:
    """Rounds over the two environments of a link, for as long as the program runs."""

    def __init__(self, pair: Pair, recovery: Recovery, *, now: Clock, pause: Pause = asyncio.sleep) -> None:
        self._pair = pair
        self._recovery = recovery
        self._now = now
        self._pause = pause
        self._forgotten_at: datetime | None = None

    async def run(self) -> None:
        """Sweeps until it is cancelled. A round that fails, because a database is away, is made up for by the next."""
        await round_after_round(
            self.sweep, between_s=ROUND.total_seconds, failing="sweep failed", pause=self._pause, rests_first=True
        )

    async def sweep(self) -> Recovered | None:
        """Nothing older than ten seconds is left prepared; None when there was nothing.

        Once an hour decisions and acceptances of the day before are dropped. Raises: EnvironmentUnavailable.
        """
        recovered = await self._recovery.run() if await self._left_behind() else None
        await self._forget()
        return recovered

    async def _left_behind(self) -> bool:
        latest = self._now() - LEFT_BEHIND_AFTER
        for environment in (self._pair.finops, self._pair.dataverse):
            if any(each.prepared_at < latest for each in await environment.prepared()):
                return True
        return False

    async def _forget(self) -> None:
        now = self._now()
        if self._forgotten_at is not None and now - self._forgotten_at < FORGET_EVERY:
            return
        if await self._recovery.left_behind():
            # A decision is kept for as long as something prepared may ask for it, however old.
            return
        for environment in (self._pair.finops, self._pair.dataverse):
            await environment.forget(now - REMEMBER)
        self._forgotten_at = now
