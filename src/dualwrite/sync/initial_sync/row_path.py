"""Rows done one by one, each within a savepoint: whatever a frame cannot surely do."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from dualwrite.environments.bulk import COMPANY, ROW
from dualwrite.environments.port import Condition, RecordChange, Search
from dualwrite.errors import RecordRefused
from dualwrite.maps.columnar.frames import in_frame, rows_of
from dualwrite.maps.execute import key_of, transform
from dualwrite.metadata.values import Row
from dualwrite.sync.initial_sync.agreement import returns, without_agreeing
from dualwrite.sync.initial_sync.comparison import settled_columns
from dualwrite.sync.initial_sync.desk import Desk
from dualwrite.sync.initial_sync.job import Ending
from dualwrite.sync.initial_sync.written import Written
from dualwrite.sync.lookups import Lookups
from dualwrite.sync.mapping import Action, Work, record_id
from dualwrite.sync.writing import OPEN_KEY, Writer

_ROWS_AT_ONCE = 500
"""So many rows are held as Python's values, and have their lookups asked for together."""


async def write_one_by_one(desk: Desk, rows: pl.DataFrame, written: Written) -> None:
    """Every row of ``rows`` has its ending at the desk, and is in the target unless it is refused.

    Atomicity: the participant's; a refused row is undone alone. Ordering: as given.
    """
    path = _RowPath(desk, written)
    for start in range(0, rows.height, _ROWS_AT_ONCE):
        await path.carry_out(rows.slice(start, _ROWS_AT_ONCE))


class _RowPath:
    def __init__(self, desk: Desk, written: Written) -> None:
        self._desk = desk
        self._written = written
        self._route = desk.job.route
        self._settled = settled_columns(desk.there)
        self._ways_back = returns(desk.job)
        self._own_lookups = [
            each.lookup.column
            for each in self._route.columns
            if each.lookup is not None and any(it.table == self._route.target.name for it in each.lookup.alternatives)
        ]
        self._lookups = Lookups(desk.target)
        self._writer = Writer(
            desk.routing, desk.target, desk.source, lookups=self._lookups, leave_open=desk.job.open_tables
        )

    async def carry_out(self, rows: pl.DataFrame) -> None:
        work = await asyncio.to_thread(self._work, rows)
        await self._writer.prepare([each for _, each in work])
        for position, each in work:
            self._desk.endings.forget([position])
            await self._one(position, each)

    def _work(self, rows: pl.DataFrame) -> Sequence[tuple[int, Work]]:
        """The work of each row; rows without a key are refused."""
        told = zip(rows[ROW].to_list(), rows[COMPANY].to_list(), strict=True)
        work: list[tuple[int, Work]] = []
        for (position, company), (row, related) in zip(told, rows_of(self._route, rows), strict=True):
            label = self._desk.endings.label(position)
            try:
                key = key_of(self._route, row, related, label=label)
            except RecordRefused as refusal:
                self._desk.endings.refuse(position, refusal)
                continue
            whole = Action.WRITE_WHOLE
            plan = self._desk.job.plan
            work.append((position, Work(plan, self._route, whole, row, None, related, key, label, company, 0)))
        return work

    async def _one(self, position: int, work: Work) -> None:
        endings, target = self._desk.endings, self._desk.target
        await target.savepoint()
        self._lookups.mark()
        try:
            change = await self._write(work)
        except RecordRefused as refusal:
            await target.undo()
            self._lookups.forget()
            if refusal.details.get(OPEN_KEY):
                endings.end([position], Ending.REFUSED)
                endings.leave_open([position])
            else:
                endings.refuse(position, refusal)
            return
        endings.end([position], self._ending(position, change))
        if self._writer.left_open:
            endings.leave_open([position])

    def _ending(self, position: int, change: RecordChange | None) -> Ending:
        if change is None:
            return Ending.EQUAL
        self._remember(position, change)
        if change.before is None:
            return Ending.INSERTED
        if not change.changed:
            return Ending.EQUAL
        if not self._settled.isdisjoint(change.changed):
            self._desk.endings.settled_by_master([position])
        return Ending.UPDATED

    def _remember(self, position: int, change: RecordChange) -> None:
        if change.before is not None and not change.changed:
            return
        target_id = in_frame(record_id(self._route.target, change.image))
        if change.before is None:
            self._written.inserted[position] = target_id
        else:
            self._written.updated.add(position)
        for column in self._own_lookups:
            to = in_frame(change.image.get(column))
            if to is not None and to != target_id:
                self._written.refer([position], to=[to])

    async def _write(self, work: Work) -> RecordChange | None:
        """What was written, None where nothing is to be: the target has the row, which agrees or is left alone."""
        alone, exact = self._desk.job.left_alone, self._desk.exact
        held = None if exact and not alone else await self._partner(work)
        if held is not None and record_id(self._route.target, held) in alone:
            self._writer.left_open = []
            return None
        if held is None or exact:
            return (await self._writer.carry_out([work]))[0]
        there = self._desk.there
        values = transform(there, work.row, related=work.related, changed=None, label=work.label).values
        columns = without_agreeing(there, self._ways_back, work.row, values=values, held=held)
        if not columns:
            self._writer.left_open = []
            return None
        return (await self._writer.carry_out([replace(work, route=replace(there, columns=columns))]))[0]

    async def _partner(self, work: Work) -> Row | None:
        """The target's row, which then stays until the transaction ends; None when there is none, or several."""
        table = self._route.target
        conditions = tuple(Condition(part.target_path) for part in self._route.key)
        search = Search(table.name, conditions, (work.key,), work.company, columns=frozenset())
        try:
            (row,) = await self._desk.target.search(search)
        except RecordRefused:
            # The writer meets them, too, and tells it in its own words.
            return None
        found = [] if row is None else await self._desk.target.lock(table.name, [record_id(table, row)])
        return found[0] if found else None
