"""What the workers of a run do, piece by piece. Everything can be called again, by whoever, after whatever."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum
from itertools import groupby

from dualwrite.errors import NotAllowed
from dualwrite.lifecycle.initial_sync.cutting import cut
from dualwrite.lifecycle.initial_sync.ending import bring_to_running, copied_maps, locked_run, put_back
from dualwrite.lifecycle.initial_sync.states import RunAction, next_state
from dualwrite.maps.plan import Plan
from dualwrite.metadata.schema import Side
from dualwrite.store.activity import Severity
from dualwrite.store.database import Repositories, Store
from dualwrite.store.initial_syncs import InitialSyncRun, OnRefusals, RerunKind, RunId, RunMap, RunState
from dualwrite.store.partitions import Partition, RowCounts
from dualwrite.store.refusals import DoneAgain, RefusedRecord
from dualwrite.sync.initial_sync.job import ChosenMap, PartitionJob, PartitionOutcome, PlannedPartition, RefusedRow
from dualwrite.sync.initial_sync.survey import MOST_ROWS
from dualwrite.sync.link import Companies, Pair, Routing
from dualwrite.sync.stored_router import StoredRouter

OUTCOMES_KEPT = timedelta(days=1)
"""So long after a run has ended nobody can still be about to commit one of its partitions."""


class Carried(Enum):
    """What became of a partition."""

    DONE = "done"
    """Nothing is left to be done about it: its rows are there, or its map has been stopped."""
    NOT_DONE = "not done"
    """The run is not to go on, or somebody else has begun the partition."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Partitions to be carried out one after the other; ``target`` is the side they write to."""

    number: int
    target: Side
    partitions: tuple[int, ...]
    rows: int


@dataclass(slots=True)
class _Attempt:
    """A partition under way here; ``taken_over`` once somebody else has begun it, too."""

    run: InitialSyncRun
    map: RunMap
    partition: Partition
    taken_over: bool = field(default=False)


class SyncWork:
    """The work on the runs of one connection.

    A conductor calls :meth:`prepare`, then :meth:`carry_out` for the partitions of every batch, wave after wave, with
    :meth:`settle` after each; then :meth:`second_pass` and its waves; at last :meth:`finish`.
    """

    def __init__(
        self, store: Store, connection: str, pair: Pair, router: StoredRouter, *, partition_rows: int = MOST_ROWS
    ) -> None:
        self._partition_rows = partition_rows
        self._store = store
        self._connection = connection
        self._pair = pair
        self._router = router

    async def unfinished(self) -> tuple[RunId, ...]:
        """The runs that somebody has to work on: planned, running, pausing or cancelling."""
        busy = [each for each in RunState if not each.is_at_rest]
        return tuple(each.run for each in await self._store.initial_syncs.in_states(self._connection, busy))

    # --- cutting ------------------------------------------------------------------------------------------------------

    async def prepare(self, run: RunId) -> tuple[tuple[Batch, ...], ...]:
        """The run is cut into partitions and running; gives what is still to be done, wave by wave.

        Atomicity: all partitions or none. Idempotency: by run; the second call gives what is stored and not done.
        A run that is not to go on (pausing, cancelled ...) gives nothing.
        """
        record = await self._begun(run)
        if record is None:
            return ()
        if not await self._store.partitions.exist(run):
            await self._drop_outcomes()
            partitions, ids = await cut(
                self._store, self._pair, await self._routing(), record, most_rows=self._partition_rows
            )
            async with self._store.transaction() as repositories:
                await locked_run(repositories, self._connection, run)
                if not await repositories.partitions.exist(run):
                    await repositories.partitions.plan(run, partitions, ids=ids)
        return _waves(await self._store.partitions.to_do(run, second_pass=False))

    async def _begun(self, run: RunId) -> InitialSyncRun | None:
        """The run, running; None when it is not to go on."""
        if next_state(RunAction.BEGIN, (await self._run(run)).state) is None:
            return None
        went_live = None if await self._store.partitions.exist(run) else await self._gone_live()
        async with self._store.transaction() as repositories:
            record = await locked_run(repositories, self._connection, run)
            if next_state(RunAction.BEGIN, record.state) is None:
                return None
            if went_live is not None and not await repositories.partitions.exist(run):
                await repositories.initial_syncs.set_created_before(run, went_live)
            return await repositories.initial_syncs.move(run, RunState.RUNNING)

    async def _gone_live(self) -> datetime:
        """Every process carries changes through the maps from here on: what is created later is theirs.

        By Dataverse's clock, which tells when its rows were created; finance and operations tells rows by their ids.
        """
        await self._router.renew()
        async with self._pair.dataverse.copying() as session:
            await session.begin()
            return await session.now()

    async def second_pass(self, run: RunId) -> tuple[tuple[Batch, ...], ...]:
        """Partitions for the lookups that were left open are stored; gives what of them is still to be done.

        Idempotency: by run. To be called when all waves are done.
        """
        if (await self._run(run)).state is not RunState.RUNNING:
            return ()
        await self._store.partitions.plan_second_pass(run)
        return _waves(await self._store.partitions.to_do(run, second_pass=True))

    # --- one partition ------------------------------------------------------------------------------------------------

    async def carry_out(self, run: RunId, number: int, *, worker: str) -> Carried:
        """The rows of the partition are in the target, its refusals and counts in the store.

        Atomicity: the target's rows at once; the store follows. Idempotency: by run and number, also from two workers
        at a time. After failure: call it again. Raises: every DualwriteError; the transient ones are worth another try.
        """
        attempt = await self._attempt(run, number, worker=worker)
        if isinstance(attempt, Carried):
            return attempt
        routing = await self._routing()
        plan = next((each for each in routing.plans if each.map.name == attempt.map.map), None)
        if plan is None:
            # Stopped this moment.
            return Carried.DONE
        job = await self._job(attempt, plan)
        # Polars is loaded where there is something to carry out, and not by every command.
        from dualwrite.sync.initial_sync.partition import carry_out

        async def keep_refused(_: PartitionJob, refused: Sequence[RefusedRow]) -> None:
            await self._keep_refused(attempt, refused)

        try:
            outcome = await carry_out(self._pair, routing, job, keep_refused=keep_refused)
        except NotAllowed:
            if attempt.taken_over:
                return Carried.NOT_DONE
            raise
        await self._keep_outcome(attempt, job, outcome, routing.companies)
        return Carried.DONE

    async def _attempt(self, run: RunId, number: int, *, worker: str) -> _Attempt | Carried:
        """The partition is under way here, unless it is not to be carried out."""
        async with self._store.transaction() as repositories:
            state = await repositories.initial_syncs.stand(run)
            partition = await repositories.partitions.get(run, number)
            if state is None or partition is None:
                raise NotAllowed(f"Initial sync {run} has no partition {number}.", run=str(run), partition=number)
            record = await repositories.initial_syncs.get(run)
            assert record is not None
            maps = {each.map: each for each in await copied_maps(repositories, record)}
            if partition.map not in maps:
                return Carried.DONE
            wave = await repositories.partitions.wave_to_do(run)
            if state is not RunState.RUNNING or (wave is not None and wave < partition.wave):
                return Carried.NOT_DONE
            begun = await repositories.partitions.begin(run, number, worker=worker)
            return Carried.DONE if begun is None else _Attempt(record, maps[partition.map], begun)

    async def _job(self, attempt: _Attempt, plan: Plan) -> PartitionJob:
        each, run = attempt.partition, attempt.run
        ids = await self._store.partitions.ids(run.run, each.number) if each.extent is None else None
        planned = PlannedPartition(
            number=each.number,
            wave=each.wave,
            batch=each.batch,
            map_name=each.map,
            direction=each.direction,
            extent=each.extent,
            open_tables=each.open_tables,
            ids=ids,
            second_pass_of=each.second_pass_of,
            whole=each.whole,
        )
        entities = attempt.map.legal_entities
        chosen = ChosenMap(plan, attempt.map.master, None if entities is None else frozenset(entities))
        unfinished = (await self._store.refusals.unfinished(run.connection, map=each.map)).get(each.map, {})
        job = planned.job(run.run, chosen, created_before=run.created_before, unfinished=unfinished)
        if run.rerun is not RerunKind.WITHOUT_FAILED:
            return job
        refused = await self._store.refusals.open_ids(run.connection, run.root, map=each.map, other_than=run.run)
        return replace(job, without_ids=frozenset(refused.get((each.map, each.direction), ())))

    async def _keep_refused(self, attempt: _Attempt, refused: Sequence[RefusedRow]) -> None:
        run, number = attempt.run.run, attempt.partition.number
        async with self._store.transaction() as repositories:
            if not await repositories.partitions.is_latest(run, number, attempt=attempt.partition.attempts):
                attempt.taken_over = True
                raise NotAllowed("Another worker has begun the partition.", run=str(run), partition=number)
            await repositories.refusals.replace(run, number, [_refused(each) for each in refused])

    async def _keep_outcome(
        self, attempt: _Attempt, job: PartitionJob, outcome: PartitionOutcome, companies: Companies
    ) -> None:
        """The partition is done, and what was refused of its rows before is not the last word any more."""
        counts = {company: RowCounts(**asdict(count)) for company, count in outcome.counts.items()}
        async with self._store.transaction() as repositories:
            await repositories.partitions.finish(attempt.run.run, job.number, counts, left_open=outcome.open_ids)
            done = replace(_done_again(job, companies), except_ids=outcome.open_ids)
            await repositories.refusals.settle(
                attempt.run, done, keep_root=attempt.run.rerun is RerunKind.WITHOUT_FAILED
            )

    # --- the end ------------------------------------------------------------------------------------------------------

    async def settle(self, run: RunId) -> RunState:
        """Pausing has become paused, cancelling cancelled; the run goes on only when this says RUNNING."""
        async with self._store.transaction() as repositories:
            record = await locked_run(repositories, self._connection, run)
            after = next_state(RunAction.SETTLE, record.state)
            if after is not None:
                record = await repositories.initial_syncs.move(run, after)
                await repositories.partitions.release(run)
                if after is RunState.CANCELLED:
                    await put_back(repositories, record)
        if record.state.is_at_rest:
            # Also when it was found so: whoever brought it to rest may have died before telling the others.
            await self._router.renew()
        return record.state

    async def finish(self, run: RunId) -> RunState:
        """The maps are running and the run has ended, or awaits a decision, or was to pause or to be cancelled.

        Idempotency: by run. RUNNING says that partitions are still to be carried out: prepare the run again.
        """
        if (await self.settle(run)) is not RunState.RUNNING:
            return (await self._run(run)).state
        async with self._store.transaction() as repositories:
            record = await locked_run(repositories, self._connection, run)
            if record.state is not RunState.RUNNING or await _has_to_do(repositories, run):
                return record.state
            record = await self._conclude(repositories, record)
        await self._router.renew()
        return record.state

    async def _conclude(self, repositories: Repositories, run: InitialSyncRun) -> InitialSyncRun:
        maps = [each.map for each in await copied_maps(repositories, run)]
        refused = {each: 0 for each in maps}
        for count in await repositories.partitions.counts(run.run):
            if count.map in refused:
                refused[count.map] += count.counts.refused
        if not maps:
            state, message = RunState.CANCELLED, "All of its maps have been stopped."
        elif not any(refused.values()):
            state, message = RunState.COMPLETED, ""
        elif run.on_refusals is OnRefusals.WAIT:
            state, message = RunState.AWAITING_DECISION, ""
        else:
            state, message = RunState.WITH_REFUSALS, ""
        if state in (RunState.COMPLETED, RunState.WITH_REFUSALS):
            await bring_to_running(repositories, run)
            for name, rows in refused.items():
                result = f"completed, {rows} rows refused" if rows else "completed"
                await repositories.activity.record(
                    "run",
                    who=run.started_by,
                    result=result,
                    map=name,
                    severity=Severity.WARNING if rows else Severity.INFO,
                    details={"run": str(run.run)},
                )
        await repositories.activity.record(
            "finish initial sync",
            who=run.started_by,
            result=state.value,
            severity=Severity.INFO if state is RunState.COMPLETED else Severity.WARNING,
            details={"run": str(run.run)},
        )
        return await repositories.initial_syncs.move(run.run, state, message=message)

    async def fail(self, run: RunId, message: str, *, number: int | None = None) -> RunState:
        """The run has failed, with this message, at the partition; resuming takes it up again. Idempotent."""
        async with self._store.transaction() as repositories:
            record = await locked_run(repositories, self._connection, run)
            if number is not None:
                await repositories.partitions.fail(run, number, message)
            after = next_state(RunAction.FAIL, record.state)
            if after is None or record.state is RunState.FAILED:
                return record.state
            await repositories.initial_syncs.move(run, after, message=message)
            await repositories.activity.record(
                "finish initial sync",
                who=record.started_by,
                result=f"failed: {message}",
                severity=Severity.ERROR,
                details={"run": str(run)},
            )
            return after

    async def _drop_outcomes(self) -> None:
        """What the environments kept for the partitions of runs that ended long ago is gone."""
        for run in await self._store.initial_syncs.with_outcomes(self._connection, ended_for=OUTCOMES_KEPT):
            await self._pair.finops.forget_outcomes(run)
            await self._pair.dataverse.forget_outcomes(run)
            await self._store.initial_syncs.outcomes_dropped(run)

    async def _routing(self) -> Routing:
        """The routing as it is now: what another process has started is among it."""
        self._router.expire()
        return await self._router.current()

    async def _run(self, run: RunId) -> InitialSyncRun:
        record = await self._store.initial_syncs.get(run)
        if record is None or record.connection != self._connection:
            raise NotAllowed(f"There is no initial sync {run}.", run=str(run))
        return record


async def _has_to_do(repositories: Repositories, run: RunId) -> bool:
    partitions = repositories.partitions
    to_do = [await partitions.to_do(run, second_pass=again) for again in (False, True)]
    return any(to_do) or await partitions.has_left_open(run)


def _waves(partitions: Sequence[Partition]) -> tuple[tuple[Batch, ...], ...]:
    return tuple(
        tuple(_batch(number, tuple(batch)) for number, batch in groupby(wave, key=lambda each: each.batch))
        for _, wave in groupby(partitions, key=lambda each: each.wave)
    )


def _batch(number: int, partitions: Sequence[Partition]) -> Batch:
    numbers, rows = tuple(each.number for each in partitions), sum(each.rows for each in partitions)
    return Batch(number, partitions[0].direction.target, numbers, rows)


def _refused(row: RefusedRow) -> RefusedRecord:
    return RefusedRecord(
        map=row.map_name,
        direction=row.direction,
        legal_entity=row.company,
        record_id=str(row.record_id),
        record=row.record,
        column=row.column,
        code=row.code,
        reason=row.reason,
        cause=row.cause,
        row=row.row,
        whole=row.whole,
    )


def _done_again(job: PartitionJob, companies: Companies) -> DoneAgain:
    if job.extent is None:
        return DoneAgain(job.plan.map.name, job.direction, ids=job.ids)
    return DoneAgain(
        job.plan.map.name,
        job.direction,
        legal_entities=None if job.extent.companies is None else _legal_entities(job, companies),
        span=job.extent.span,
    )


def _legal_entities(job: PartitionJob, companies: Companies) -> tuple[str, ...]:
    """The companies of the partition in finance and operations' words."""
    assert job.extent is not None
    named = job.extent.companies or ()
    if job.direction.source is Side.FINOPS:
        return tuple(named)
    links = (companies.by_code.get(each.lower()) for each in named)
    return tuple(str(each.legal_entity) for each in links if each is not None)
