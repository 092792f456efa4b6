"""The failed records of one transaction, tried again together.

A retry is a live change whose source changes nothing: its rows are read and kept from changing, the target's half is
prepared, and the source decides. So a change that is made meanwhile comes before the retry, which then sees it, or
after it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from dualwrite.environments.crash_points import CrashPoints, nowhere
from dualwrite.environments.port import Condition, Participant, Search, Session
from dualwrite.errors import Contention, DualwriteError, EnvironmentUnavailable, RecordRefused
from dualwrite.metadata.schema import Side
from dualwrite.metadata.values import Row
from dualwrite.store.sync_errors import Attempt, ErrorState, SyncError
from dualwrite.sync.failures import cause_of, code_of
from dualwrite.sync.link import Pair, Router, Routing
from dualwrite.sync.live import LiveSync
from dualwrite.sync.mapping import Action, Work, record_id
from dualwrite.sync.retrying.judging import Judge, Overtaken
from dualwrite.sync.tally import Tally

_ATTEMPTS: Final = 8
_FIRST_PAUSE_S: Final = 0.01
_LONGEST_PAUSE_S: Final = 0.5

Pause = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Retry:
    """Tries failed records again, in both directions of a link."""

    pair: Pair
    router: Router
    tally: Tally
    pause: Pause = asyncio.sleep
    reached: CrashPoints = nowhere
    _lives: dict[Side, LiveSync] = field(default_factory=dict)

    async def carry_out(self, errors: Sequence[SyncError]) -> Sequence[Attempt]:
        """How the errors of one transaction, in its order, have ended: all that is left of it is in the target, or
        nothing.

        Atomicity: all of it, on both sides. Idempotency: what the target has already is completed once more. After
        failure: call it again.

        Raises: EnvironmentUnavailable, OutcomeUnknown.
        """
        busy: Contention | None = None
        for attempt in range(_ATTEMPTS):
            try:
                return await self._attempt(errors, attempt)
            except Contention as met:
                busy = met
                self.router.expire()
                longest = min(_FIRST_PAUSE_S * 2**attempt, _LONGEST_PAUSE_S)
                await self.pause(longest * random.uniform(0.5, 1))
        assert busy is not None
        return [_failed_again(each, busy) for each in errors]

    async def _attempt(self, errors: Sequence[SyncError], attempt: int) -> Sequence[Attempt]:
        routing = await self.router.current()
        side = errors[0].direction.source
        self._check_reachable(routing)
        async with self.pair.side(side).participate(attempt=attempt) as source:
            await source.begin()
            judge = Judge(routing, source)
            judged: list[Work | Overtaken] = []
            for command, each in enumerate(errors):
                try:
                    judged.append(await judge.judge(each, command=command))
                except RecordRefused as refusal:
                    return _refused(errors, refusal, command=command)
            if any(isinstance(each, Work) for each in judged):
                try:
                    await self._carry(routing, _Judged(errors, judged, judge), (source, attempt))
                except RecordRefused as refusal:
                    return _refused(errors, refusal, command=refusal.details.get("command"))
        return [_settled(error, each) for error, each in zip(errors, judged, strict=True)]

    async def _carry(self, routing: Routing, judged: _Judged, reading: tuple[Participant, int]) -> None:
        """The work is committed on both sides. What turns out to be overtaken after all is judged so."""
        source, attempt = reading
        side = judged.errors[0].direction.source
        live = self._live(side)

        async def looked_at(target: Participant) -> Sequence[Sequence[Work]]:
            looked = [await _look(target, judged, each) for each in judged.work]
            return [[each for each in looked if each is not None]]

        async with (
            live.withdrawing() as preparing,
            self.pair.side(side.partner).participate(attempt=attempt) as target,
        ):
            sides: tuple[Session, Participant] = (source, target)
            commitment = await live.prepare(routing, judged.work, sides, preparing, adjusted=looked_at)
        self.reached("retry.prepared")
        await source.decide(commitment)

    def _check_reachable(self, routing: Routing) -> None:
        if routing.away:
            raise EnvironmentUnavailable(
                f"environment {', '.join(sorted(routing.away))} does not answer; try again later"
            )

    def _live(self, side: Side) -> LiveSync:
        if side not in self._lives:
            source, target = self.pair.side(side), self.pair.side(side.partner)
            self._lives[side] = LiveSync(
                source=source, target=target, pair=self.pair, router=self.router, tally=self.tally, reached=self.reached
            )
        return self._lives[side]


@dataclass(slots=True)
class _Judged:
    """The errors of a transaction with what the judge says of each."""

    errors: Sequence[SyncError]
    outcomes: list[Work | Overtaken]
    judge: Judge

    @property
    def work(self) -> list[Work]:
        return [each for each in self.outcomes if isinstance(each, Work)]


async def _look(target: Participant, judged: _Judged, work: Work) -> Work | None:
    """The work, now that the target has been looked at; None when it is overtaken.

    A record may have been made again while the target's was not held yet, so a deletion is judged once more. A record
    under a new key has no partner in the target. Raises: RecordRefused.
    """
    if work.action is Action.DELETE:
        if await _partner(target, work) is None:
            return work
        again = await judged.judge.judge(judged.errors[work.command], command=work.command)
        judged.outcomes[work.command] = again
        return again if isinstance(again, Work) else None
    keys = {part.source_path[0] for part in work.route.key}
    if work.changed is not None and keys & work.changed and await _partner(target, work) is None:
        column = ", ".join(sorted(keys & work.changed))
        raise RecordRefused(
            f"{work.route.map_name}, {work.label}: {column} is the integration key, and {work.route.target.entity_set} "
            "has no record with this one. Change it back, or stop the map and run it with an initial sync.",
            table=work.route.source.name,
            column=column,
            command=work.command,
        )
    return work


async def _partner(target: Participant, work: Work) -> Row | None:
    """The target's row, held until the transaction ends."""
    table = work.route.target
    conditions = tuple(Condition(part.target_path) for part in work.route.key)
    (row,) = await target.search(Search(table.name, conditions, (work.key,), work.company, columns=frozenset()))
    found = [] if row is None else await target.lock(table.name, [record_id(table, row)])
    return found[0] if found else None


# --- how it ended ---------------------------------------------------------------------------------------------------


def _settled(error: SyncError, outcome: Work | Overtaken) -> Attempt:
    if isinstance(outcome, Overtaken):
        return Attempt(error.id, ErrorState.STALE, reason=f"{error.map}, {error.record}: {outcome.reason}")
    return Attempt(error.id, ErrorState.COMPLETED)


def _refused(errors: Sequence[SyncError], refusal: RecordRefused, *, command: object) -> Sequence[Attempt]:
    """All of a transaction fails with one of its records; each of the others tells why."""
    named = [refusal.message.startswith(f"{each.map}, {each.record}: ") for each in errors]
    cause = command if isinstance(command, int) else named.index(True) if any(named) else None
    return [
        _failed_again(each, refusal) if cause in (place, None) else _failed_along(each, refusal)
        for place, each in enumerate(errors)
    ]


def _failed_again(error: SyncError, why: DualwriteError) -> Attempt:
    return Attempt(
        error.id,
        ErrorState.OPEN,
        reason=why.message,
        cause=cause_of(why, map_name=error.map, record=error.record),
        column=why.column if isinstance(why, RecordRefused) else "",
        code=code_of(why),
    )


def _failed_along(error: SyncError, why: RecordRefused) -> Attempt:
    cause = f"another record of the same transaction was refused: {why.message}"
    return Attempt(error.id, ErrorState.OPEN, f"{error.map}, {error.record}: {cause}", cause)
