"""The queue replayed: what waited for paused maps is carried to the other side, whole transactions in their order.

Replaying a queued transaction is a live change whose source half takes it out of the queue: the target's half is
prepared, the source commits together with its decision. So whatever is killed, a queued transaction is either still
there and nowhere applied, or gone and applied once.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Final

import structlog

from dualwrite.environments.crash_points import CrashPoints, nowhere
from dualwrite.environments.port import Participant
from dualwrite.environments.queue import Position, QueuedRecord
from dualwrite.errors import Contention, EnvironmentUnavailable, RecordRefused
from dualwrite.metadata.schema import Side
from dualwrite.sync.catch_up.conflicts import Queued, settle
from dualwrite.sync.catch_up.failing import SPOKEN, given_up, overruled, refused
from dualwrite.sync.catch_up.reading import READ_AT_ONCE, touched_by
from dualwrite.sync.catch_up.touching import components, packed
from dualwrite.sync.failures import FailedRecord, FailureKind, FailureSink
from dualwrite.sync.link import Pair, Router, Routing
from dualwrite.sync.live import LiveSync
from dualwrite.sync.mapping import Action, Work
from dualwrite.sync.queueing import requests_of, work_of
from dualwrite.sync.tally import Tally

log = structlog.get_logger(__name__)

_TOGETHER: Final = 16
"""So many transactions are prepared and committed together, in their order; each alone when one of them is refused."""
_AT_A_TIME: Final = 8
_OF_ONE_GROUP: Final = 200
_ATTEMPTS: Final = 12
_MOST_DOUBLINGS: Final = 6


@dataclass(frozen=True, slots=True)
class Group:
    """Queued transactions of one environment. Its components touch none of each other, nor of other groups of the same
    plan; within a component they are replayed in order.
    """

    side: Side
    maps: tuple[str, ...]
    components: tuple[tuple[Position, ...], ...]

    @property
    def transactions(self) -> int:
        return sum(map(len, self.components))

    def to_json(self) -> str:
        return json.dumps({"side": self.side.value, "maps": self.maps, "components": self.components})

    @classmethod
    def from_json(cls, text: str) -> Group:
        held = json.loads(text)
        return cls(Side(held["side"]), tuple(held["maps"]), tuple(tuple(each) for each in held["components"]))


@dataclass(frozen=True, slots=True)
class Replayed:
    """How queued records ended: ``conflicts`` were lost to the other side's changes, ``gone`` had been replayed."""

    applied: int = 0
    conflicts: int = 0
    failed: int = 0
    gone: int = 0

    def __add__(self, other: Replayed) -> Replayed:
        return Replayed(
            self.applied + other.applied,
            self.conflicts + other.conflicts,
            self.failed + other.failed,
            self.gone + other.gone,
        )


@dataclass(frozen=True, slots=True)
class Replay:
    """The queues of both environments of a link."""

    pair: Pair
    router: Router
    primary: Side
    failures: FailureSink
    tally: Tally
    reached: CrashPoints = nowhere
    latest: bool = False
    """Of every record only the latest version is carried, as integration jobs do."""
    _lives: dict[Side, LiveSync] = field(default_factory=dict)

    async def left(self, maps: Collection[str]) -> int:
        """How many queued transactions wait for these maps, in both environments."""
        return sum([len(await self._positions(side, maps)) for side in Side])

    async def plan(self, maps: Collection[str], *, most_transactions: int = 1000) -> Sequence[Group]:
        """The first so many transactions of each environment, in groups; the next are planned when these are done.

        What is applied in one environment may be in the way of the other's: both sides' groups are given together.
        """
        routing = await self.router.current()
        groups: list[Group] = []
        for side in Side:
            environment = self.pair.side(side)
            positions = await self._positions(side, maps, most=most_transactions)
            if not positions:
                continue
            touched = [each async for each in touched_by(environment, routing, maps, last=positions[-1])]
            found = await asyncio.to_thread(components, touched)
            groups += [Group(side, tuple(sorted(maps)), each) for each in packed(found, most=_OF_ONE_GROUP)]
        return groups

    async def carry_out(self, group: Group) -> Replayed:
        """The group's transactions are in the target, or are catch-up errors; either way they have left the queue.

        Atomicity: each queued transaction by itself, on both sides. Idempotency: what has left the queue is not
        replayed again. Ordering: as queued, within a component. After failure: what was replayed stays so, call it
        again.

        Raises: EnvironmentUnavailable, Contention (others were in the way for too long), OutcomeUnknown.
        """
        free = asyncio.Semaphore(_AT_A_TIME)

        async def carried(positions: Sequence[Position]) -> Replayed:
            async with free:
                return await self._chain(group, positions)

        chains = [tuple(chain.from_iterable(each)) for each in packed(group.components, most=_TOGETHER)]
        tasks = [asyncio.ensure_future(carried(each)) for each in chains]
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        for each in ended:
            if isinstance(each, BaseException):
                raise each
        return sum((each for each in ended if isinstance(each, Replayed)), Replayed())

    async def give_up(self, maps: Collection[str]) -> int:
        """Nothing waits for these maps any more: all of it has become catch-up errors; tells how many records."""
        return await self._empty(maps, keep=True)

    async def discard(self, maps: Collection[str]) -> int:
        """Nothing waits for these maps any more, and nobody will know what did; tells how many records that were."""
        return await self._empty(maps, keep=False)

    # --- one after the other ------------------------------------------------------------------------------------------

    async def _chain(self, group: Group, positions: Sequence[Position]) -> Replayed:
        replayed = Replayed()
        for start in range(0, len(positions), _TOGETHER):
            together = positions[start : start + _TOGETHER]
            try:
                replayed += await self._patiently(group, together)
            except RecordRefused:
                for position in together:
                    replayed += await self._alone(group, position)
        return replayed

    async def _alone(self, group: Group, position: Position) -> Replayed:
        try:
            return await self._patiently(group, (position,))
        except RecordRefused as refusal:
            return await self._failed(group, position, refusal)

    async def _patiently(self, group: Group, positions: Sequence[Position]) -> Replayed:
        """The transactions are in the target, all of them at once."""
        for attempt in range(_ATTEMPTS):
            try:
                return await self._attempt(group, positions, attempt)
            except Contention:
                self.router.expire()
                if attempt == _ATTEMPTS - 1:
                    raise
                await asyncio.sleep(random.uniform(0.004, 0.02) * 2 ** min(attempt, _MOST_DOUBLINGS))
        raise AssertionError("unreachable")

    async def _attempt(self, group: Group, positions: Sequence[Position], attempt: int) -> Replayed:
        routing = await self.router.current()
        live = self._live(group.side)
        async with self.pair.side(group.side).participate(attempt=attempt) as source:
            await source.begin()
            # What waits for a map that has been stopped meanwhile is not replayed: it becomes catch-up errors.
            records = await source.claim(positions, [each for each in group.maps if each in routing.queueing])
            if not records:
                return Replayed(gone=len(positions))
            queued = list(_queued(records, routing))
            if self.latest:
                queued = _latest(queued)
            lost: list[QueuedRecord] = []

            async def adjusted(target: Participant) -> Sequence[Sequence[Work]]:
                settled = await settle(queued, target, primary=self.primary)
                lost.extend(settled.lost)
                return settled.transactions

            target_side = self.pair.side(group.side.partner)
            with live.steps.replaying(requests_of(records)):
                async with live.withdrawing() as preparing, target_side.participate(attempt=attempt) as target:
                    sides = source, target
                    work = [each.work for each in queued]
                    commitment = await live.prepare(routing, work, sides, preparing, adjusted=adjusted)
                self.reached("replay.prepared")
                await source.take(records)
                if lost:
                    await self._keep([overruled(each, self.primary) for each in lost])
                await source.decide(commitment)
        self.reached("replay.decided")
        return Replayed(applied=len(records) - len(lost), conflicts=len(lost))

    async def _failed(self, group: Group, position: Position, refusal: RecordRefused) -> Replayed:
        """The transaction is among the catch-up errors, and has left the queue after that."""
        async with self.pair.side(group.side).participate() as source:
            await source.begin()
            records = await source.claim((position,), group.maps)
            number = refusal.details.get("command")
            log.warning("replay refused", position=position, code=refusal.code, reason=refusal.message)
            await self._keep(
                [refused(each, refusal, is_cause=each.number == number or len(records) == 1) for each in records]
            )
            self.reached("replay.failed")
            await source.take(records)
            await source.commit()
        return Replayed(failed=len(records))

    async def _keep(self, failed: Sequence[FailedRecord]) -> None:
        kind = FailureKind.ASYNC if self.latest else FailureKind.CATCH_UP
        await self.failures.keep([replace(each, kind=kind) for each in failed])

    def _live(self, side: Side) -> LiveSync:
        if side not in self._lives:
            source, target = self.pair.side(side), self.pair.side(side.partner)
            self._lives[side] = LiveSync(
                source=source, target=target, pair=self.pair, router=self.router, tally=self.tally, reached=self.reached
            )
        return self._lives[side]

    # --- without the other side -------------------------------------------------------------------------------------

    async def _empty(self, maps: Collection[str], *, keep: bool) -> int:
        """Batch after batch leaves the queue, in order; catch-up errors are kept before that.

        Raises: EnvironmentUnavailable for the environment that is away, when the other's queue is empty.
        """
        emptied = 0
        away: list[EnvironmentUnavailable] = []
        for side in Side:
            try:
                emptied += await self._empty_side(side, maps, keep=keep)
            except EnvironmentUnavailable as error:
                away.append(error)
        if away:
            raise away[0]
        return emptied

    async def _empty_side(self, side: Side, maps: Collection[str], *, keep: bool) -> int:
        emptied = 0
        while positions := await self._positions(side, maps, most=READ_AT_ONCE):
            async with self.pair.side(side).participate() as source:
                await source.begin()
                records = await source.claim(positions, maps)
                if keep:
                    await self._keep([given_up(each) for each in records])
                await source.take(records)
                await source.commit()
            emptied += len(records)
        return emptied

    async def _positions(self, side: Side, maps: Collection[str], *, most: int | None = None) -> Sequence[Position]:
        environment = self.pair.side(side)
        return await self.pair.availability(environment).ask(environment.queue_positions(maps, most=most))


# --- records --------------------------------------------------------------------------------------------------------


def _queued(records: Sequence[QueuedRecord], routing: Routing) -> Iterator[Queued]:
    """With the place among ``records`` as the command, so that refusals tell which one they mean."""
    for each in records:
        work = work_of(each, routing)
        if work is None:
            raise RecordRefused(
                f"{each.map}, {each.record}: the map carries no changes to {SPOKEN[each.direction.target]} any more.",
                command=each.number,
            )
        yield Queued(each, replace(work, command=each.number))


def _latest(queued: Sequence[Queued]) -> list[Queued]:
    """One change a record, the last one, which carries the row as it is when it is written."""
    last = {each.place: each for each in queued}
    return [
        replace(each, work=replace(each.work, action=Action.WRITE_WHOLE, changed=frozenset()))
        for each in queued
        if last[each.place] is each
    ]
