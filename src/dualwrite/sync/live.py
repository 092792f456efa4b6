"""Live sync: the pre-commit pipeline that writes the other half of every transaction, or stops it.

A served transaction arrives here with everything written and nothing committed. Its change set is mapped, written to
the target in one transaction that also records the acceptance, and prepared there. The source then commits together
with its decision; only after that the prepared half is committed. See docs/architecture and decision record 3.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import chain
from typing import TypeAlias
from uuid import uuid4
from weakref import WeakKeyDictionary

import structlog

from dualwrite.environments.crash_points import CrashPoints, nowhere
from dualwrite.environments.port import (
    ChangeId,
    ChangeSet,
    Commitment,
    Decision,
    Environment,
    Epoch,
    Participant,
    PreparedName,
    Session,
)
from dualwrite.errors import Contention, DualwriteError, EnvironmentUnavailable, OutcomeUnknown, RecordRefused
from dualwrite.metadata.schema import Table
from dualwrite.sync.availability import Breaker
from dualwrite.sync.failures import FailureSink, NoFailureSink, failed_live
from dualwrite.sync.link import Pair, Router, Routing, direction_from
from dualwrite.sync.lookups import Lookups
from dualwrite.sync.mapping import Mapper, Work
from dualwrite.sync.queueing import check_queue, mark_of, new_record, waits
from dualwrite.sync.recovery import Recovery
from dualwrite.sync.steps import Step
from dualwrite.sync.tally import Ending, Tally
from dualwrite.sync.writing import Writer

log = structlog.get_logger(__name__)

Adjust: TypeAlias = Callable[[Participant], Awaitable[Sequence[Sequence[Work]]]]

_KEEP_S = 0.5
"""So long a save that has failed waits until that is noted."""
_SETTLE_ATTEMPTS = 5
_SETTLE_PAUSE_S = 0.1


class RoutedCommitment:
    """Nothing goes to the other side; the source only checks that the maps are still the ones that were looked at.

    ``queued`` is what waits in the source's queue from now on.
    """

    def __init__(self, epoch: Epoch, router: Router, *, tally: Tally, queued: Sequence[Work] = ()) -> None:
        self.epoch = epoch
        self.decision: Decision | None = None
        self._router = router
        self._tally = tally
        self._queued = queued

    async def committed(self) -> None:
        for each in self._queued:
            self._tally.count(each.route.map_name, each.route.direction, Ending.QUEUED)

    async def abandoned(self) -> None:
        self._router.expire()

    async def unknown(self) -> bool:
        self._router.expire()
        return False


class PreparedCommitment:
    """The other half is prepared in the target and waits for the source's decision."""

    def __init__(
        self,
        *,
        routing: Routing,
        decision: Decision,
        live: LiveSync,
        work: Sequence[Work],
        queued: Sequence[Work] = (),
    ) -> None:
        self.epoch = routing.epoch
        self.decision: Decision | None = decision
        self._name: PreparedName = decision.prepared
        self._change: ChangeId = decision.change
        self._live = live
        self._ended = ((work, Ending.APPLIED), (queued, Ending.QUEUED))
        self._deciding = live.steps.take(Step.DECIDE)

    async def committed(self) -> None:
        self._deciding.end()
        await self._live.settle(self._name, commit=True)
        for work, ending in self._ended:
            for each in work:
                self._live.tally.count(each.route.map_name, each.route.direction, ending)

    async def abandoned(self) -> None:
        self._deciding.end()
        self._live.router.expire()
        await self._live.settle(self._name, commit=False)

    async def unknown(self) -> bool:
        self._deciding.end()
        self._live.router.expire()
        return await self._live.find_out(self._change)


@dataclass(slots=True)
class Preparing:
    """What is being prepared in the target, once nobody but its name may be able to end it."""

    name: PreparedName | None = None


@dataclass(frozen=True, slots=True)
class _GaveWay:
    """A transaction that met others at its records."""

    routing: Routing
    changes: ChangeSet
    work: Sequence[Work]


class LiveSync:
    """The commit pipeline of one environment of a link. Implements ``port.CommitPipeline``."""

    def __init__(
        self,
        *,
        source: Environment,
        target: Environment,
        pair: Pair,
        router: Router,
        tally: Tally,
        failures: FailureSink | None = None,
        reached: CrashPoints = nowhere,
    ) -> None:
        self.router = router
        self.tally = tally
        self._failures = failures or NoFailureSink()
        self._source = source
        self._target = target
        self._turns = pair.turns
        self._availability = pair.availability(target)
        self._source_availability = pair.availability(source)
        self.steps = pair.watching.steps(direction_from(source.side))
        # By whose maps the columns were read: every attempt at a transaction is a task, and so has its own.
        self._asked: ContextVar[Epoch | None] = ContextVar("asked", default=None)
        self._gave_way: WeakKeyDictionary[Contention, _GaveWay] = WeakKeyDictionary()
        """What each transaction was about when it met others, for as long as somebody knows of that."""
        self._recovery = Recovery(pair, reached=reached)
        self._mapper = Mapper(tally)
        self._reached = reached

    async def before_commit(self, changes: ChangeSet, source: Session) -> Commitment:
        """The other half stands prepared in the target, or nothing of it.

        Atomicity: all of the change set's mapped rows in one target transaction. Idempotency: by change id, in the
        acceptance. Ordering: by relationship, then as given. After failure: nothing is left in the target, and the
        source is to roll back.

        Raises: RecordRefused (PartnerRefused for what the target objected to), Contention, EnvironmentUnavailable.
        """
        routing = await self.router.current()
        if self._asked.get() not in (None, routing.epoch):
            raise Contention("the maps changed while the record was read; it is read again")
        work: Sequence[Work] = ()
        try:
            with self.steps.take(Step.MAP):
                work = await self._mapper.work(routing, changes.changes, source)
            queued = await self._queue(routing, work, changes, source)
            work = [each for each in work if not waits(each, routing)]
            if not work:
                return RoutedCommitment(routing.epoch, self.router, tally=self.tally, queued=queued)
            self._check_reachable(routing)
            maps = sorted({each.route.map_name for each in work})
            structlog.contextvars.bind_contextvars(who=changes.caller.name, maps=maps)
            prepared = self._prepared(routing, work, source, queued=queued, attempt=changes.attempt)
            return await self._availability.carry(prepared)
        except RecordRefused as refusal:
            self._count_refusal(refusal)
            await self._keep(refusal, routing, changes, work)
            raise
        except Contention as busy:
            self.steps.gave_way()
            self.router.expire()
            self._gave_way[busy] = _GaveWay(routing, changes, work)
            raise
        except EnvironmentUnavailable as error:
            told = self._unreachable(error, work)
            await self._keep(told, routing, changes, work)
            raise told from error

    def turn(self, met: Sequence[Contention]) -> AbstractAsyncContextManager[None]:
        """Inside, no other transaction that had to give way at one of the same records is started over."""
        return self._turns.at(str(each.details["record"]) for each in met if "record" in each.details)

    async def gave_up(self, met: Contention, error: DualwriteError) -> None:
        """See the port. What was about to be saved is among the errors, as far as it had come to the maps."""
        last = self._gave_way.get(met)
        if last is not None:
            await self._keep(error, last.routing, last.changes, last.work)

    async def needs(self, table: Table, written: frozenset[str]) -> frozenset[str]:
        """The columns that the running maps look at when the columns ``written`` of a row of ``table`` change."""
        routing = await self.router.current()
        if self._asked.get() is None:
            self._asked.set(routing.epoch)
        return routing.needs(table, written)

    async def _queue(
        self, routing: Routing, work: Sequence[Work], changes: ChangeSet, source: Session
    ) -> Sequence[Work]:
        """What of ``work`` waits in the source's queue, if the source commits.

        Raises: Contention for held maps; RecordRefused for blocked ones, and for what is partly asynchronous.
        """
        if routing.queueing.isdisjoint(each.route.map_name for each in work):
            return ()
        check_queue(work, routing)
        waiting = [each for each in work if waits(each, routing)]
        if len(waiting) < len(work) and routing.asynchronous:
            gone = [each for each in work if each.route.map_name in routing.asynchronous and not waits(each, routing)]
            await source.unqueue([(each.route.map_name, mark_of(each, routing.companies)) for each in gone])
        if waiting:
            records = [new_record(each, routing.companies) for each in waiting]
            await source.queue(ChangeId(uuid4()), records, caller=changes.caller.name)
        return waiting

    async def _keep(self, error: DualwriteError, routing: Routing, changes: ChangeSet, work: Sequence[Work]) -> None:
        """The save is among the errors. It has failed anyhow: it does not wait long for that."""
        failed = failed_live(routing, changes.changes, error, work=work, change=uuid4())
        try:
            async with asyncio.timeout(_KEEP_S):
                await self._failures.keep(failed)
        except (DualwriteError, TimeoutError) as lost:
            log.warning("an error could not be kept", code=error.code, reason=error.message, because=str(lost))

    def _check_reachable(self, routing: Routing) -> None:
        if routing.away:
            raise EnvironmentUnavailable(f"its database does not answer ({', '.join(sorted(routing.away))})")

    def _unreachable(self, error: EnvironmentUnavailable, work: Sequence[Work]) -> EnvironmentUnavailable:
        """What the user is told who wants to save ``work`` while the target is away, with the ways out."""
        reason = error.details.get("absence", error.message)
        if not work:
            away = self._source.name
            return EnvironmentUnavailable(f"environment {away} does not answer; nothing was saved ({reason})")
        maps = sorted({each.route.map_name for each in work})
        those, they_are = ("the map", "it is") if len(maps) == 1 else ("the maps", "they are")
        return EnvironmentUnavailable(
            f"{', '.join(maps)}: environment {self._target.name} does not answer; nothing was saved ({reason}). "
            f"Try again in a moment, or pause {those} (dualwrite maps pause): while {they_are} paused, changes are "
            f"saved here and wait for environment {self._target.name}.",
            environment=self._target.name,
            maps=maps,
        )

    async def _prepared(
        self, routing: Routing, work: Sequence[Work], source: Session, *, queued: Sequence[Work], attempt: int
    ) -> Commitment:
        """The target is opened, and the work stands prepared in it."""
        async with self.withdrawing() as preparing, self._target.participate(attempt=attempt) as target:
            return await self.prepare(routing, work, (source, target), preparing, queued=queued)

    @asynccontextmanager
    async def withdrawing(self) -> AsyncIterator[Preparing]:
        """Inside something is being prepared in the target; with an error nothing of it is left there."""
        preparing = Preparing()
        try:
            yield preparing
        except BaseException:
            # Nothing is decided yet, so whatever came of it can be undone: also when only the answer has failed.
            if preparing.name is not None:
                await asyncio.shield(asyncio.ensure_future(self.withdraw(preparing.name)))
            raise

    async def prepare(
        self,
        routing: Routing,
        work: Sequence[Work],
        sides: tuple[Session, Participant],
        preparing: Preparing,
        *,
        queued: Sequence[Work] = (),
        adjusted: Adjust | None = None,
    ) -> PreparedCommitment:
        """The work stands prepared in the target. ``sides`` are the open source and the target, which is not begun yet.

        ``adjusted`` tells what of the work is carried out, transaction by transaction, now that the target has been
        opened.
        """
        source, target = sides
        change = ChangeId(uuid4())
        gates = sorted({each.route.target.name for each in work} & routing.copying)
        structlog.contextvars.bind_contextvars(change=str(change))
        with self.steps.take(Step.WRITE):
            name = await target.accept(change, source=self._source.name, epoch=routing.epoch, gates=gates)
            self._reached("target.accepted")
            transactions = [work] if adjusted is None else await adjusted(target)
            for each in transactions:
                lookups = Lookups(target, steps=self.steps)
                await Writer(routing, target, source, lookups=lookups).carry_out(each)
            self._reached("target.written")
        preparing.name = name
        with self.steps.take(Step.PREPARE):
            await target.prepare()
        self._reached("target.prepared")
        decision = Decision(change, name, self._target.name)
        done = tuple(chain.from_iterable(transactions))
        return PreparedCommitment(routing=routing, decision=decision, live=self, work=done, queued=queued)

    async def withdraw(self, name: PreparedName) -> None:
        """The target half is gone, prepared or not. Never raises: what fails here is left to recovery."""
        try:
            await self._target.accepted_ended()
        except EnvironmentUnavailable as error:
            log.warning("withdrawing waits", prepared=name, reason=error.message)
        await self.settle(name, commit=False)

    def _count_refusal(self, refusal: RecordRefused) -> None:
        name = refusal.details.get("map")
        if isinstance(name, str):
            self.tally.count(name, direction_from(self._source.side), Ending.REFUSED)

    async def settle(self, name: PreparedName, *, commit: bool) -> None:
        """The prepared half is committed or rolled back. Nobody waits for a target that is away.

        What fails stays for recovery, which will decide the same.
        """
        if not commit:
            await self._availability.see_to(self._settle(name, commit=False))
            return
        with self.steps.take(Step.COMMIT):
            await self._availability.see_to(self._settle(name, commit=True))

    async def _settle(self, name: PreparedName, *, commit: bool) -> None:
        for attempt in range(_SETTLE_ATTEMPTS):
            try:
                await self._target.settle(name, commit=commit)
            except EnvironmentUnavailable as error:
                log.warning("settling waits", prepared=name, commit=commit, reason=error.message)
                await asyncio.sleep(_SETTLE_PAUSE_S * 2**attempt)
            else:
                if commit:
                    self._reached("target.committed")
                return
        log.error("left to recovery", prepared=name, commit=commit)

    async def find_out(self, change: ChangeId) -> bool:
        """Whether a change whose commit was not answered has been decided; its target half is settled accordingly.

        Raises: OutcomeUnknown, when the source stays away; recovery settles the target later.
        """
        source = self._source_availability
        for attempt in range(_SETTLE_ATTEMPTS):
            try:
                return await source.ask(self._found_out(change))
            except DualwriteError as error:
                log.warning("outcome unknown", change=str(change), reason=error.message)
            if source.state is Breaker.OPEN:
                break
            await asyncio.sleep(_SETTLE_PAUSE_S * 2**attempt)
        raise OutcomeUnknown(
            f"environment {self._source.name} went away while the change was being saved; "
            "read it back before trying again"
        )

    async def _found_out(self, change: ChangeId) -> bool:
        """Once the epoch is raised nothing that has not been decided can be, so the source's word is final."""
        if self._availability.state is Breaker.OPEN:
            await self._recovery.level()
        else:
            await self._recovery.run()
        return change in await self._source.decided([change])
