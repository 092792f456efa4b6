"""Catch-ups that are worked off at once, in this process: those of tests need no workflows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from dualwrite.errors import DualwriteError
from dualwrite.lifecycle.catch_up.desk import CatchUps
from dualwrite.lifecycle.catch_up.queue import QueueOf
from dualwrite.lifecycle.catch_up.work import FEW, CatchUpWork
from dualwrite.metadata.schema import Side
from dualwrite.store import Store
from dualwrite.store.catch_ups import CatchUpId
from dualwrite.sync.catch_up.replay import Group, Replay
from dualwrite.sync.link import Pair
from dualwrite.sync.stored_failures import StoredFailures
from dualwrite.sync.stored_router import StoredRouter
from dualwrite.sync.tally import Tally

Before = Callable[[Group], Awaitable[None]]


async def at_once(group: Group) -> None:
    """Nothing happens before a group."""


@dataclass
class InlineReplayer:
    """Implements ``Conductor`` for catch-ups. ``before`` is awaited before each group; a failure is not tried again."""

    work: CatchUpWork
    before: Before = at_once
    windows: list[int] = field(default_factory=list)
    """How many transactions were left whenever a window was planned."""

    async def conduct(self, run: CatchUpId) -> None:
        try:
            while (window := await self.work.plan(run)) is not None:
                self.windows.append(window.left)
                await self._carry_out(run, window.groups)
                if window.left <= FEW and (await self.work.hand_over(run)).is_at_rest:
                    return
        except DualwriteError as error:
            await self.work.fail(run, error.message)

    async def ended(self, run: CatchUpId) -> None:
        """The catch-up is at rest when it has been conducted."""

    async def _carry_out(self, run: CatchUpId, groups: Sequence[Group]) -> None:
        for group in groups:
            await self.before(group)
            await self.work.carry_out(run, group)


def queue_of(store: Store, pair: Pair, router: StoredRouter, tally: Tally) -> QueueOf:
    """The queue of the connection ``main``; what is refused is kept in the store."""

    def queue(primary: Side) -> Replay:
        return Replay(pair, router, primary, StoredFailures(store, "main"), tally)

    return queue


def inline_catch_ups(store: Store, pair: Pair, router: StoredRouter, tally: Tally | None = None) -> CatchUps:
    """The catch-ups of the connection ``main``, worked off at once."""
    queue = queue_of(store, pair, router, tally or Tally())
    work = CatchUpWork(store, "main", router, queue, now=lambda: datetime.now(UTC))
    return CatchUps(store, "main", router, queue, conductor=InlineReplayer(work))
