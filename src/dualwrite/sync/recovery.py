"""Recovery reads, never guesses: what a dead process left prepared is settled by the decision of its source.

The epoch makes that safe beside living processes. It is raised first: the sources then wait for every decision under
way and refuse all that were not taken, so that nothing can be decided behind the reader's back. Only transactions of
earlier epochs are settled.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from dualwrite.environments.crash_points import CrashPoints, nowhere
from dualwrite.environments.port import Environment, Epoch, PreparedTransaction
from dualwrite.errors import EnvironmentUnavailable
from dualwrite.sync.link import Pair

log = structlog.get_logger(__name__)

_SETTLE_ATTEMPTS = 8
_SETTLE_PAUSE_S = 0.02


@dataclass(frozen=True, slots=True)
class Recovered:
    """How many prepared transactions were carried through, and how many undone."""

    committed: int
    rolled_back: int


class Recovery:
    """Settles what was left behind in the two environments of a link.

    Atomicity: none needed; each step may be repeated. Idempotency: by the names of the prepared transactions.
    Ordering: epochs are raised in both environments before anything is settled. After failure: run it again.
    """

    def __init__(self, pair: Pair, *, reached: CrashPoints = nowhere) -> None:
        self._pair = pair
        self._reached = reached

    async def level(self) -> Epoch:
        """Both environments have a new epoch, the same one; changes that were routed before are routed again.

        While one of them is away, the other has a new one, and nothing passes between them: their epochs differ until
        this is done again. Raises: EnvironmentUnavailable, when both are.
        """
        try:
            first = await self._epoch(self._pair.finops)
        except EnvironmentUnavailable:
            return await self._raise(self._pair.dataverse, Epoch(await self._epoch(self._pair.dataverse) + 1))
        try:
            wanted = Epoch(max(first, await self._epoch(self._pair.dataverse)) + 1)
        except EnvironmentUnavailable:
            return await self._raise(self._pair.finops, Epoch(first + 1))
        while True:
            first = await self._raise(self._pair.finops, wanted)
            second = await self._raise(self._pair.dataverse, first)
            if first == second:
                return first
            wanted = second

    async def _epoch(self, environment: Environment) -> Epoch:
        return await self._pair.availability(environment).ask(environment.epoch())

    async def _raise(self, environment: Environment, to: Epoch) -> Epoch:
        return await self._pair.availability(environment).ask(environment.raise_epoch(to))

    async def run(self) -> Recovered:
        """Nothing that was prepared before this call is left undecided."""
        await self.level()
        self._reached("recovery.raised")
        committed = rolled_back = 0
        for source, target in (
            (self._pair.finops, self._pair.dataverse),
            (self._pair.dataverse, self._pair.finops),
        ):
            epoch = await source.epoch()
            await target.accepted_ended()
            left = [each for each in await target.prepared() if each.source == source.name and each.epoch < epoch]
            done, undone = await self._settle(source, target, left)
            committed += done
            rolled_back += undone
        if committed or rolled_back:
            log.warning("recovered", committed=committed, rolled_back=rolled_back)
        return Recovered(committed, rolled_back)

    async def _settle(
        self, source: Environment, target: Environment, left: Sequence[PreparedTransaction]
    ) -> tuple[int, int]:
        decided = await source.decided([each.change for each in left]) if left else frozenset()
        for each in left:
            self._reached("recovery.settling")
            await self._settle_one(target, each, commit=each.change in decided)
            self._reached("recovery.settled")
        committed = sum(each.change in decided for each in left)
        return committed, len(left) - committed

    async def _settle_one(self, target: Environment, each: PreparedTransaction, *, commit: bool) -> None:
        """A living process may be settling the same one: that is waited for."""
        for attempt in range(_SETTLE_ATTEMPTS):
            try:
                await target.settle(each.name, commit=commit)
            except EnvironmentUnavailable:
                if attempt == _SETTLE_ATTEMPTS - 1:
                    raise
                await asyncio.sleep(_SETTLE_PAUSE_S * 2**attempt)
            else:
                return

    async def is_due(self) -> bool:
        """Whether something is prepared, or the environments' epochs have come apart: signs of a process that died.

        What a dead process's back ends still have to prepare is waited for.
        """
        for environment in (self._pair.finops, self._pair.dataverse):
            await environment.accepted_ended()
        apart = await self._pair.finops.epoch() != await self._pair.dataverse.epoch()
        return apart or await self.left_behind() > 0

    async def run_after_absence(self) -> Recovered | None:
        """What was prepared when an environment went away is settled, now that it is back; None when nothing was."""
        return await self.run() if await self.left_behind() else None

    async def left_behind(self) -> int:
        """How many prepared transactions there are in both environments, of whatever age."""
        return len(await self._pair.finops.prepared()) + len(await self._pair.dataverse.prepared())
