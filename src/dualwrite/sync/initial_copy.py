"""Initial copy: what both sides hold already is brought into step, map by map, legal entity by legal entity.

A map copies from its master to the other side; rows that exist on one side only travel whatever the master, where the
map goes that way. Each batch locks its source rows while their copies are written, so that a live change waits a
moment and an older copy never overwrites a newer change. Lookups that form a circle are left open in the first pass
and filled in a second one.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from dualwrite.environments.port import Condition, Environment, Participant, RowQuery, Search
from dualwrite.errors import Contention, NotAllowed, RecordRefused
from dualwrite.filters.tree import ColumnPath, Compare, Comparison
from dualwrite.maps.execute import PendingLookup, key_of, read_paths, transform
from dualwrite.maps.plan import DirectionPlan, Plan
from dualwrite.maps.values import Direction
from dualwrite.metadata.schema import Side
from dualwrite.metadata.values import Row, Value
from dualwrite.sync.link import COMPANY_CODE, COMPANY_TABLE, Pair, Routing
from dualwrite.sync.lookups import Lookups
from dualwrite.sync.mapping import (
    Action,
    CompanyCodes,
    Work,
    company_of,
    passes_filter,
    read_related,
    record_id,
    record_label,
)
from dualwrite.sync.tally import Ending
from dualwrite.sync.writing import Writer

BATCH_ROWS = 100
_BATCH_ATTEMPTS = 12


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that could not be copied, and why."""

    map_name: str
    direction: Direction
    company: str | None
    record: str
    column: str
    code: str
    reason: str
    row: Row


@dataclass(slots=True)
class CopyCount:
    """How the rows of one map, direction and company ended: read = inserted + updated + equal + skipped + refused."""

    map_name: str
    direction: Direction
    company: str | None
    read: int = 0
    inserted: int = 0
    updated: int = 0
    equal: int = 0
    skipped: int = 0
    """Outside of the map's filter, of a company that is not linked, or settled by the master."""
    refused: int = 0

    def add(self, other: CopyCount) -> None:
        for name in ("read", "inserted", "updated", "equal", "skipped", "refused"):
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass(slots=True)
class CopyReport:
    """The counts of a run, and every refused row."""

    counts: list[CopyCount] = field(default_factory=list)
    refused: list[RefusedRow] = field(default_factory=list)


Progress = Callable[[CopyCount], Awaitable[None]]


MayGoOn = Callable[[Plan], Awaitable[bool]]


async def silent(count: CopyCount) -> None:
    """Progress that nobody watches."""


async def always(plan: Plan) -> bool:
    """Nobody stops a map while it is being copied."""
    return True


@dataclass(frozen=True, slots=True)
class _Batch:
    """Some rows of one map and direction. Lookups to ``open_tables`` may be left for the second pass."""

    plan: Plan
    route: DirectionPlan
    ids: Sequence[Value]
    master: Side
    open_tables: frozenset[str]


@dataclass(slots=True)
class _Trial:
    """What one attempt at a batch did; thrown away when the attempt fails."""

    count: CopyCount
    refused: list[RefusedRow] = field(default_factory=list)
    left_open: dict[Value, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _LeftOpen:
    plan: Plan
    route: DirectionPlan
    endings: Mapping[Value, str]
    count: CopyCount


class InitialCopy:
    """Copies the rows of maps that are live already.

    Atomicity: a batch of rows; within it a refused row is undone alone. Idempotency: by integration key, equal rows
    are not written again. Ordering: maps as given, rows by key. After failure: run it again.
    """

    def __init__(
        self, pair: Pair, routing: Routing, *, progress: Progress = silent, may_go_on: MayGoOn = always
    ) -> None:
        """``may_go_on`` is asked before every batch, so that a map that was stopped is not copied any further."""
        self._pair = pair
        self._routing = routing
        self._progress = progress
        self._may_go_on = may_go_on
        self.report = CopyReport()

    async def run(self, plans: Sequence[Plan], *, master: Side) -> CopyReport:
        """Both sides hold the rows of all ``plans``, equal where the map carries a column; refusals are reported."""
        left_open: list[_LeftOpen] = []
        for number, plan in enumerate(plans):
            to_come = frozenset(each.dataverse.name for each in plans[number:])
            for route in _routes(plan, master):
                left_open += await self._copy(plan, route, master=master, open_tables=to_come)
        for left in left_open:
            await self._complete(left, master=master)
        return self.report

    async def _copy(
        self, plan: Plan, route: DirectionPlan, *, master: Side, open_tables: frozenset[str]
    ) -> Sequence[_LeftOpen]:
        """The rows whose lookups to rows that are still to come (``open_tables``) were left open."""
        left_open: list[_LeftOpen] = []
        for company in self._companies(plan, route):
            count = CopyCount(plan.map.name, route.direction, company)
            self.report.counts.append(count)
            await self._progress(count)
            async for ids in self._rows(route, company):
                batch = _Batch(plan, route, ids, master, open_tables)
                if left := await self._carry_out(batch, count):
                    left_open.append(_LeftOpen(plan, route, left, count))
                await self._progress(count)
        return left_open

    async def _complete(self, left: _LeftOpen, *, master: Side) -> None:
        """Lookups that were left open are filled; a row that still cannot be completed counts as refused."""
        again = CopyCount(left.count.map_name, left.count.direction, left.count.company)
        ids = tuple(left.endings)
        refused = len(self.report.refused)
        await self._carry_out(_Batch(left.plan, left.route, ids, master, frozenset()), again)
        for each in self.report.refused[refused:]:
            ending = left.endings[record_id(left.route.source, each.row)]
            setattr(left.count, ending, getattr(left.count, ending) - 1)
            left.count.refused += 1

    def _companies(self, plan: Plan, route: DirectionPlan) -> Sequence[str | None]:
        if not plan.company_specific or plan.dataverse.name == COMPANY_TABLE:
            return (None,)
        links = self._routing.companies.links
        finops = route.source.side is Side.FINOPS
        return tuple(str(link.legal_entity) if finops else link.company_code for link in links)

    async def _rows(self, route: DirectionPlan, company: str | None) -> AsyncIterator[Sequence[Value]]:
        """The record ids of the source's rows, in batches."""
        source = self._pair.side(route.source.side)
        where = await self._company_filter(source, route, company)
        async for rows in source.scan(RowQuery(route.source.name, columns=(), where=where), batch_rows=BATCH_ROWS):
            yield [record_id(route.source, row) for row in rows]

    async def _company_filter(self, source: Environment, route: DirectionPlan, company: str | None) -> Compare | None:
        column = route.source.company_column
        if company is None or column is None:
            return None
        if source.side is Side.FINOPS:
            return Compare(Comparison.EQ, ColumnPath((column,)), company.lower())
        code = Compare(Comparison.EQ, ColumnPath((COMPANY_CODE,)), company)
        page = await source.read(RowQuery(COMPANY_TABLE, where=code, limit=1))
        row_id = page.rows[0][source.schema.table(COMPANY_TABLE).key[0]] if page.rows else UUID(int=0)
        return Compare(Comparison.EQ, ColumnPath((column,)), row_id)

    # --- one batch --------------------------------------------------------------------------------------------------

    async def _carry_out(self, batch: _Batch, count: CopyCount) -> Mapping[Value, str]:
        """The batch is in the target, started over where others were in the way. Gives the rows left open."""
        if not await self._may_go_on(batch.plan):
            raise NotAllowed(f"{batch.plan.map.name} was stopped while it was being copied; run it again.")
        for attempt in range(_BATCH_ATTEMPTS):
            trial = _Trial(CopyCount(count.map_name, count.direction, count.company))
            try:
                await self._try(batch, trial)
            except Contention:
                if attempt == _BATCH_ATTEMPTS - 1:
                    raise
                await asyncio.sleep(random.uniform(0.01, 0.05) * 2**attempt)
            else:
                count.add(trial.count)
                self.report.refused += trial.refused
                return trial.left_open
        raise AssertionError("unreachable")

    async def _try(self, batch: _Batch, trial: _Trial) -> None:
        plan, route = batch.plan, batch.route
        source, target = self._pair.side(route.source.side), self._pair.side(route.target.side)
        async with source.participate() as locked, target.participate() as writing:
            await locked.begin()
            await writing.begin()
            codes = CompanyCodes(locked)
            work: list[Work] = []
            for row in await locked.lock(route.source.name, batch.ids):
                trial.count.read += 1
                try:
                    each = await self._work((plan, route), row, locked, codes)
                except RecordRefused as refusal:
                    self._refuse(trial, plan, route, row, refusal)
                    continue
                if each is None:
                    trial.count.skipped += 1
                else:
                    work.append(each)
            lookups = Lookups(writing)
            await lookups.prefetch((pending, each.company) for each in work for pending in _pending(each))
            for each in work:
                try:
                    ending = await self._one(each, batch, (writing, locked, lookups), trial)
                except RecordRefused as refusal:
                    self._refuse(trial, plan, route, each.row, refusal)
                else:
                    setattr(trial.count, ending, getattr(trial.count, ending) + 1)
            await writing.commit()

    def _refuse(self, trial: _Trial, plan: Plan, route: DirectionPlan, row: Row, refusal: RecordRefused) -> None:
        trial.count.refused += 1
        trial.refused.append(self._refusal(plan, route, row, refusal, trial.count.company))

    async def _work(
        self, way: tuple[Plan, DirectionPlan], row: Row, source: Participant, codes: CompanyCodes
    ) -> Work | None:
        plan, route = way
        company = await company_of(plan, row, self._routing.companies, codes)
        if isinstance(company, Ending) or not await passes_filter(route, row, source):
            return None
        label = record_label(route, row)
        related = await read_related(route, row, read_paths(route, None), source)
        key = key_of(route, row, related, label=label)
        return Work(plan, route, Action.WRITE_WHOLE, row, None, related, key, label, company, 0)

    async def _one(
        self, work: Work, batch: _Batch, sessions: tuple[Participant, Participant, Lookups], trial: _Trial
    ) -> str:
        target, source, lookups = sessions
        if work.route.source.side is not batch.master and await self._exists(work, target):
            return "skipped"
        await target.savepoint()
        writer = Writer(self._routing, target, source, lookups=lookups, leave_open=batch.open_tables)
        try:
            change = (await writer.carry_out([work]))[0]
        except RecordRefused:
            await target.undo()
            lookups.forget()
            raise
        ending = "inserted" if change.before is None else "updated" if change.changed else "equal"
        if writer.left_open:
            trial.left_open[record_id(work.route.source, work.row)] = ending
        return ending

    async def _exists(self, work: Work, target: Participant) -> bool:
        """Whether the other side, being the master, has the record: then its copy has been made or refused there."""
        conditions = tuple(Condition(part.target_path) for part in work.route.key)
        found = await target.search(Search(work.route.target.name, conditions, (work.key,), work.company))
        return found[0] is not None

    def _refusal(
        self, plan: Plan, route: DirectionPlan, row: Row, refusal: RecordRefused, company: str | None
    ) -> RefusedRow:
        code = str(refusal.details.get("code", refusal.code))
        return RefusedRow(
            plan.map.name,
            route.direction,
            company,
            record_label(route, row),
            refusal.column,
            code,
            refusal.message,
            row,
        )


def _pending(work: Work) -> Sequence[PendingLookup]:
    """The lookups of a row; none of a row that cannot be transformed, which is refused when its turn comes."""
    try:
        return transform(work.route, work.row, related=work.related, changed=None, label=work.label).lookups
    except RecordRefused:
        return ()


def _routes(plan: Plan, master: Side) -> Sequence[DirectionPlan]:
    """The master's way first: what it brings, the other side need not send back."""
    ways = (plan.to_dataverse, plan.to_finops)
    if master is Side.DATAVERSE:
        ways = (plan.to_finops, plan.to_dataverse)
    return tuple(way for way in ways if way is not None)
