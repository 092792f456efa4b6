"""Live sync for whole frames: the other half of what one transaction has written into a table, or nothing of it.

The same agreement as for single changes (sync/live.py): the target's half carries the change's acceptance and is
prepared; the source commits together with its decision. What is mapped and written by frames is the work of the
initial sync's machinery, which reads the source's rows as its open transaction sees them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID, uuid4

import polars as pl

from dualwrite.environments.bulk import ID, ROW, BulkEnvironment, CopyParticipant
from dualwrite.environments.port import ChangeId, Commitment, Decision, PreparedName
from dualwrite.filters.columns import columns_of
from dualwrite.maps.plan import DirectionPlan
from dualwrite.maps.values import Direction
from dualwrite.metadata.schema import Table
from dualwrite.metadata.values import Value
from dualwrite.sync.initial_sync.desk import Desk
from dualwrite.sync.initial_sync.endings import Endings
from dualwrite.sync.initial_sync.frame_writing import write_frames
from dualwrite.sync.initial_sync.job import PartitionJob, RefusedRow
from dualwrite.sync.initial_sync.judging import judge
from dualwrite.sync.initial_sync.reading import SourceRows, read_rows
from dualwrite.sync.initial_sync.row_path import write_one_by_one
from dualwrite.sync.initial_sync.written import Written
from dualwrite.sync.link import COMPANY_TABLE, Routing
from dualwrite.sync.live import LiveSync, PreparedCommitment, RoutedCommitment

_NO_RUN: Final = UUID(int=0)


@dataclass(frozen=True, slots=True)
class FrameChange:
    """Rows of one table that an open transaction has written: their record ids.

    ``columns`` are those that were changed in the rows that were there before.
    """

    table: Table
    created: tuple[Value, ...]
    updated: tuple[Value, ...]
    columns: frozenset[str]


class FrameChanges:
    """Carries frames from one environment of a link to the other."""

    def __init__(self, live: LiveSync, *, source: BulkEnvironment, target: BulkEnvironment) -> None:
        self._live = live
        self._source = source
        self._target = target

    async def routing(self) -> Routing:
        """What is linked and running now."""
        return await self._live.router.current()

    def carries(self, routing: Routing, table: Table) -> bool:
        """Whether changes of ``table`` have another half."""
        return bool(routing.routes(table.side, table.name))

    def one_by_one(self, routing: Routing, table: Table) -> bool:
        """Whether rows of ``table`` are no business of frames: those of companies decide what is linked, and those of
        paused maps are queued.
        """
        return any(
            plan.dataverse.name == COMPANY_TABLE or plan.map.name in routing.queueing
            for plan, _ in routing.routes(table.side, table.name)
        )

    def watched(self, routing: Routing, table: Table) -> frozenset[str]:
        """Columns of ``table`` whose change in a row that is there makes it enter or leave a map, or be another."""
        names: set[str] = set()
        for _, route in routing.routes(table.side, table.name):
            names.update(part.source_path[0] for part in route.key)
            if route.filter is not None:
                names.update(path.parts[0] for path in columns_of(route.filter))
        return frozenset(names)

    def nothing(self, routing: Routing) -> Commitment:
        """What a source commits with that has no other half: it holds only under this routing."""
        return RoutedCommitment(routing.epoch, self._live.router, tally=self._live.tally)

    @asynccontextmanager
    async def other_half(self, routing: Routing, table: Table) -> AsyncIterator[OtherHalf]:
        """The target's transaction for a change of ``table``; gone on leaving unless it has been prepared."""
        change = ChangeId(uuid4())
        gates = [
            name
            for _, route in routing.routes(table.side, table.name)
            if (name := route.target.name) in routing.copying
        ]
        async with self._target.copying() as session:
            name = await session.accept(change, source=self._source.name, epoch=routing.epoch, gates=gates)
            half = OtherHalf(routing, session, PreparedHalf(change, name, self._target, self._live))
            try:
                yield half
            except BaseException:
                if half.is_preparing:
                    await asyncio.shield(asyncio.ensure_future(self._live.withdraw(name)))
                raise


@dataclass(frozen=True, slots=True)
class PreparedHalf:
    """What a half is called once it is prepared."""

    change: ChangeId
    name: PreparedName
    target: BulkEnvironment
    live: LiveSync


class OtherHalf:
    """The target's half of one change while it is written."""

    def __init__(self, routing: Routing, session: CopyParticipant, prepared: PreparedHalf) -> None:
        self._routing = routing
        self._session = session
        self._prepared = prepared
        self.is_preparing = False

    async def carry(self, change: FrameChange, source: CopyParticipant) -> Sequence[RefusedRow]:
        """The rows of ``change`` are in the target wherever running maps carry them, but for those it refuses.

        ``source`` is the transaction that has written them.
        """
        refused: list[RefusedRow] = []
        for plan, route in self._routing.routes(change.table.side, change.table.name):
            job = PartitionJob(
                run=_NO_RUN,
                number=0,
                plan=plan,
                direction=route.direction,
                master=change.table.side,
                ids=(*change.created, *change.updated),
            )
            refused += await self._carry(job, change, source)
        return refused

    async def prepare(self) -> Commitment:
        """The half survives this process; the source's decision settles it."""
        self.is_preparing = True
        await self._session.prepare()
        prepared = self._prepared
        decision = Decision(prepared.change, prepared.name, prepared.target.name)
        return PreparedCommitment(routing=self._routing, decision=decision, live=prepared.live, work=())

    # --- one map ----------------------------------------------------------------------------------------------------

    async def _carry(self, job: PartitionJob, change: FrameChange, source: CopyParticipant) -> Sequence[RefusedRow]:
        rows = await read_rows(source, self._routing, job)
        created = pl.Series([str(each) for each in change.created], dtype=pl.String)
        is_new = rows.frame[ID].cast(pl.String).is_in(created.implode())
        desk = self._desk(job, rows, source)
        await _write(desk, rows.frame.filter(is_new))
        changed = rows.frame.filter(~is_new)
        if changed.is_empty():
            return desk.endings.refused
        fewer = self._desk(_affected(job, change.columns), rows, source)
        left = await _write_changed(fewer, changed)
        await _write(replace(desk, one_by_one=[], own=[], new_rows=None), left)
        return [*desk.endings.refused, *fewer.endings.refused]

    def _desk(self, job: PartitionJob, rows: SourceRows, source: CopyParticipant) -> Desk:
        return Desk(source, self._session, self._routing, job, rows.frame, Endings(job, rows), exact=True)


async def _write(desk: Desk, rows: pl.DataFrame) -> None:
    """The rows are in the target with all columns, or refused at the desk."""
    if rows.is_empty():
        return
    written = Written()
    left = await write_frames(desk, await judge(desk, rows), written)
    if left:
        await write_one_by_one(desk, rows.filter(pl.col(ROW).is_in(left)), written)


async def _write_changed(desk: Desk, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows that the target has are changed there, in the columns of the desk's job; gives the others."""
    if not desk.job.route.columns:
        return rows.clear()
    judged = await judge(desk, rows)
    absent = judged.inserts[ROW]
    judged.inserts = judged.inserts.clear()
    left = await write_frames(desk, judged, Written())
    return rows.filter(pl.col(ROW).is_in([*absent, *left]))


def _affected(job: PartitionJob, columns: frozenset[str]) -> PartitionJob:
    """The same, of the target's columns that ``columns`` of the source feed."""
    plan = job.plan
    if plan.to_dataverse is not None and job.direction is Direction.TO_DATAVERSE:
        return replace(job, plan=replace(plan, to_dataverse=_fewer(plan.to_dataverse, columns)))
    if plan.to_finops is not None and job.direction is Direction.TO_FINOPS:
        return replace(job, plan=replace(plan, to_finops=_fewer(plan.to_finops, columns)))
    return job


def _fewer(route: DirectionPlan, columns: frozenset[str]) -> DirectionPlan:
    return replace(route, columns=tuple(each for each in route.columns if each.source_columns & columns))
