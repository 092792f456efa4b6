"""What the workers of a catch-up do, piece by piece. Everything can be called again, by whoever, after whatever."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Final, assert_never

import structlog

from dualwrite.errors import DualwriteError, EnvironmentUnavailable, NotFound
from dualwrite.lifecycle.catch_up.moving import locked_catch_up, move, resuming_maps, stop
from dualwrite.lifecycle.catch_up.queue import Queue, QueueOf
from dualwrite.lifecycle.catch_up.states import CatchUpAction, next_state
from dualwrite.lifecycle.transitions import Action
from dualwrite.store.activity import Severity
from dualwrite.store.catch_ups import CatchUp, CatchUpCounts, CatchUpId, CatchUpState, QueueOption
from dualwrite.store.database import Repositories, Store
from dualwrite.sync.catch_up.replay import Group, Replayed
from dualwrite.sync.stored_router import StoredRouter

log = structlog.get_logger(__name__)

FEW: Final = 100
"""So many transactions are worked off while users wait for them."""
WINDOW: Final = 2_000
"""So many transactions of each environment are planned at once."""
HELD: Final = timedelta(seconds=10)
"""So long users wait at the most; then they get a turn, and the rest is worked off behind them."""
_HELD_WINDOW: Final = 500

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Window:
    """What is to be carried out next, and how many transactions waited when that was planned."""

    groups: tuple[Group, ...]
    left: int


class CatchUpWork:
    """The work on the catch-ups of one connection.

    A conductor calls :meth:`plan`, then :meth:`carry_out` for the groups of the window, in any order and beside each
    other, and so on until little is left; then :meth:`hand_over`, until that says that nothing follows.
    """

    def __init__(self, store: Store, connection: str, router: StoredRouter, queue: QueueOf, *, now: Clock) -> None:
        self._store = store
        self._connection = connection
        self._router = router
        self._queue_of = queue
        self._now = now

    async def unfinished(self) -> tuple[CatchUpId, ...]:
        """The catch-ups that somebody has to work on."""
        return tuple(each.run for each in await self._store.catch_ups.unfinished(self._connection))

    async def plan(self, run: CatchUpId) -> Window | None:
        """What is to be carried out next; None when the catch-up is not to go on. Idempotency: plans what is left.

        A queue that is not to be replayed has been emptied instead.
        """
        record, maps = await self._standing(run)
        if not maps:
            return None
        queue = await self._queue()
        match record.option:
            case QueueOption.REPLAY:
                left = await queue.left(maps)
                await self._store.catch_ups.set_queued(run, left)
                groups = await queue.plan(maps, most_transactions=WINDOW) if left > FEW else ()
                return Window(tuple(groups), left)
            case QueueOption.KEEP | QueueOption.DISCARD:
                await self._empty(record, queue, maps)
                return Window((), 0)
            case _:
                assert_never(record.option)

    async def carry_out(self, run: CatchUpId, group: Group) -> bool:
        """What the group holds has left the queue; False when the catch-up is not to go on.

        Atomicity: each queued transaction by itself. Idempotency: what has left the queue is not replayed again.
        Raises: every DualwriteError; the transient ones are worth another try.
        """
        _, maps = await self._standing(run)
        wanted = tuple(each for each in group.maps if each in maps)
        if not wanted:
            return False
        await self._replay(run, await self._queue(), replace(group, maps=wanted))
        return True

    async def hand_over(self, run: CatchUpId) -> CatchUpState:
        """The maps are running and nothing waits for them, or users have waited for long enough.

        REPLAYING says that there is more to work off: plan again. Idempotency: by run. After failure: nobody waits any
        more; call it again. Raises: every DualwriteError.
        """
        record, maps = await self._hold(run)
        if not maps:
            # Also when it was found so: whoever brought it to its end may have died before telling the others.
            await self._router.renew()
            return record.state
        try:
            await self._all_wait()
            if await self._is_empty(record, maps):
                record = await self._complete(run)
            else:
                record = await self._release(run)
        except BaseException:
            await asyncio.shield(asyncio.ensure_future(self._let_go(run)))
            raise
        await self._router.renew()
        return record.state

    async def fail(self, run: CatchUpId, message: str) -> CatchUpState:
        """The maps are paused again with what is left of their queue, and the catch-up has failed. Idempotent."""
        async with self._store.transaction() as repositories:
            record = await locked_catch_up(repositories, self._connection, run)
            after = next_state(CatchUpAction.FAIL, record.state)
            if after is None:
                return record.state
            maps = await resuming_maps(repositories, record)
            await move(repositories, self._connection, maps, action=Action.FALL_BACK)
            record = await repositories.catch_ups.move(run, after, message=message)
            await _tell(repositories, record, maps, result=f"failed, paused again: {message}", severity=Severity.ERROR)
        await self._renewed_if_possible()
        return record.state

    # --- pieces -------------------------------------------------------------------------------------------------------

    async def _standing(self, run: CatchUpId) -> tuple[CatchUp, Sequence[str]]:
        """The catch-up with the maps that it still has; when there is none it has ended."""
        # What another process has begun is among the routing.
        self._router.expire()
        record = await self._store.catch_ups.get(run)
        if record is None or record.connection != self._connection:
            raise NotFound(f"There is no catch-up {run}.", run=str(run))
        maps = await resuming_maps(self._store, record)
        if maps or record.state.is_at_rest:
            return record, maps
        async with self._store.transaction() as repositories:
            return await stop(repositories, await locked_catch_up(repositories, self._connection, run)), ()

    async def _queue(self) -> Queue:
        return self._queue_of((await self._store.connections.named(self._connection)).primary_side)

    async def _replay(self, run: CatchUpId, queue: Queue, group: Group) -> None:
        replayed = await queue.carry_out(group)
        await self._store.catch_ups.add(run, _counts(replayed))

    async def _empty(self, record: CatchUp, queue: Queue, maps: Sequence[str]) -> None:
        if record.option is QueueOption.KEEP:
            counts = CatchUpCounts(kept=await queue.give_up(maps))
        else:
            counts = CatchUpCounts(discarded=await queue.discard(maps))
        await self._store.catch_ups.add(record.run, counts)

    async def _hold(self, run: CatchUpId) -> tuple[CatchUp, Sequence[str]]:
        async with self._store.transaction() as repositories:
            record = await locked_catch_up(repositories, self._connection, run)
            after = next_state(CatchUpAction.HOLD, record.state)
            if after is None:
                return record, ()
            maps = await resuming_maps(repositories, record)
            if not maps:
                return await stop(repositories, record), ()
            await repositories.maps.hold(self._connection, maps, held=True)
            return await repositories.catch_ups.move(run, after), maps

    async def _all_wait(self) -> None:
        """Every change from here on waits, in both environments. Raises: EnvironmentUnavailable, if one is away."""
        await self._router.renew()
        routing = await self._router.current()
        if routing.away:
            names = " and ".join(sorted(routing.away))
            raise EnvironmentUnavailable(f"Environment {names} does not answer; what is queued stays queued.")

    async def _is_empty(self, record: CatchUp, maps: Sequence[str]) -> bool:
        """Whether everything has been worked off, as far as that goes in the time for which users may wait."""
        queue, until = await self._queue(), self._now() + HELD
        if record.option is not QueueOption.REPLAY:
            await self._empty(record, queue, maps)
        while groups := await queue.plan(maps, most_transactions=_HELD_WINDOW):
            for group in groups:
                if self._now() >= until:
                    return False
                await self._replay(record.run, queue, group)
        return True

    async def _complete(self, run: CatchUpId) -> CatchUp:
        async with self._store.transaction() as repositories:
            record = await locked_catch_up(repositories, self._connection, run)
            after = next_state(CatchUpAction.COMPLETE, record.state)
            maps = await resuming_maps(repositories, record)
            if after is None or not maps:
                return await stop(repositories, record)
            await move(repositories, self._connection, maps, action=Action.CAUGHT_UP)
            record = await repositories.catch_ups.move(run, after)
            lost = record.counts.conflicts + record.counts.failed + record.counts.kept
            severity = Severity.WARNING if lost else Severity.INFO
            await _tell(repositories, record, maps, result=f"completed, {shown(record.counts)}", severity=severity)
            return record

    async def _release(self, run: CatchUpId) -> CatchUp:
        async with self._store.transaction() as repositories:
            record = await locked_catch_up(repositories, self._connection, run)
            await repositories.maps.hold(self._connection, record.maps, held=False)
            after = next_state(CatchUpAction.RELEASE, record.state)
            return record if after is None else await repositories.catch_ups.move(run, after)

    async def _let_go(self, run: CatchUpId) -> None:
        """Nobody waits, whatever went wrong."""
        await self._release(run)
        await self._renewed_if_possible()

    async def _renewed_if_possible(self) -> None:
        """With both environments away there is nobody to be told; whoever comes back reads how the maps stand."""
        try:
            await self._router.renew()
        except DualwriteError as error:
            log.warning("routing not renewed", code=error.code, reason=error.message)


def shown(counts: CatchUpCounts) -> str:
    """The counts in words; what did not occur is left out."""
    words = {
        "applied": counts.applied,
        "lost to the other side's changes": counts.conflicts,
        "failed": counts.failed,
        "kept as catch-up errors": counts.kept,
        "discarded": counts.discarded,
    }
    return ", ".join(f"{number:,} {word}" for word, number in words.items() if number) or "nothing was queued"


def _counts(replayed: Replayed) -> CatchUpCounts:
    return CatchUpCounts(replayed.applied, replayed.conflicts, replayed.failed)


async def _tell(
    repositories: Repositories, record: CatchUp, maps: Sequence[str], *, result: str, severity: Severity
) -> None:
    """The log says of every map how catching up has ended."""
    for name in maps:
        await repositories.activity.record(
            Action.CAUGHT_UP.value,
            who=record.started_by,
            result=result,
            map=name,
            severity=severity,
            details={"run": str(record.run), "option": record.option.value, **asdict(record.counts)},
        )
