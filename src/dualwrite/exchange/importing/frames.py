"""Records written as frames: some thousand in one transaction, and their other halves in the same breath."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import Final
from uuid import UUID

import polars as pl

from dualwrite.environments.bulk import COMPANY, ID, ROW, BulkEnvironment, CopyParticipant, FrameSearch
from dualwrite.environments.port import Commitment, Existence, RecordKey, Update
from dualwrite.errors import Contention, RecordRefused
from dualwrite.exchange.files.piece import LINE
from dualwrite.exchange.importing.chunk import Chunk, ChunkOutcome, ChunkWriter, objection_of, values_of
from dualwrite.exchange.refusals import Objection
from dualwrite.maps.columnar.frames import in_frame
from dualwrite.metadata.empty import empty_value
from dualwrite.metadata.schema import Side, Table
from dualwrite.metadata.values import Value
from dualwrite.sync.frame_changes import FrameChange, FrameChanges
from dualwrite.sync.initial_sync.comparison import unequal
from dualwrite.sync.initial_sync.job import RefusedRow
from dualwrite.sync.initial_sync.partners import HELD
from dualwrite.sync.link import Routing
from dualwrite.sync.mapping import record_id

_ATTEMPTS: Final = 10
_PAUSE_S: Final = 0.02


class FrameWriter:
    """Implements ``chunk.ChunkWriter``.

    Atomicity: the chunk, on both sides of every link; refused records are left out of it. Idempotency: by primary key,
    equal records are not written. Ordering: none within a chunk. After failure: nothing of the chunk was written.

    Records that no frame can carry go to ``rows``: those of tables whose rules see rows only, and changed ones that
    enter or leave a map.
    """

    def __init__(self, environment: BulkEnvironment, changes: FrameChanges, rows: ChunkWriter) -> None:
        self._environment = environment
        self._changes = changes
        self._rows = rows

    async def write(self, chunk: Chunk) -> ChunkOutcome:
        refused: dict[int, Objection] = {}
        met = 0
        while True:
            attempt = _Attempt(self._changes, chunk.without(refused))
            try:
                async with self._environment.copying() as session:
                    left = await attempt.carry_out(session)
            except Contention:
                met += 1
                if met == _ATTEMPTS:
                    raise
                await asyncio.sleep(random.uniform(0, _PAUSE_S) * 2**met)
            except _RefusedAfterwards as again:
                refused |= again.objections
            else:
                outcome = attempt.outcome
                outcome.objections |= refused
                if left.len():
                    outcome.add(await self._rows.write(chunk.only(left)))
                return outcome


class _RefusedAfterwards(Exception):
    """The other side refuses records that are written already and not easily taken back: here, or through other maps
    there.
    """

    def __init__(self, objections: dict[int, Objection]) -> None:
        super().__init__()
        self.objections = objections


@dataclass(slots=True)
class _Written:
    """The record ids, as the environment has them, of what the transaction has written, with the lines."""

    created: dict[Value, int] = field(default_factory=dict)
    updated: dict[Value, int] = field(default_factory=dict)
    columns: set[str] = field(default_factory=set)


class _Attempt:
    """One attempt at a chunk."""

    def __init__(self, changes: FrameChanges, chunk: Chunk) -> None:
        self._changes = changes
        self._chunk = chunk
        self._written = _Written()
        self.outcome = ChunkOutcome()

    @property
    def _table(self) -> Table:
        return self._chunk.table

    async def carry_out(self, session: CopyParticipant) -> pl.Series:
        """The chunk is committed, but for the records on the lines that this gives: they are no business of frames."""
        routing = await self._changes.routing()
        if not session.takes_frames(self._table.name) or self._changes.one_by_one(routing, self._table):
            return self._chunk.rows[LINE]
        await session.begin()
        new, changed = await self._compared(session)
        changed, left = self._parted(routing, changed)
        by_rows = [*await self._insert(session, new), *await self._update(session, changed)]
        for row in self._chunk.only(pl.Series(by_rows, dtype=pl.Int64)).rows.iter_rows(named=True):
            await self._write_row(session, row)
        if self._changes.carries(routing, self._table) and (self._written.created or self._written.updated):
            await self._with_other_half(session, routing)
        else:
            await session.decide(self._changes.nothing(routing))
        return left

    # --- what there is to do ----------------------------------------------------------------------------------------

    async def _compared(self, session: CopyParticipant) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The records that are new, and those that differ from what is there, with ``@id`` and (``held:``) that."""
        table = self._table
        given = _as_stored(self._chunk.rows, table).with_columns(pl.int_range(pl.len(), dtype=pl.Int64).alias(ROW))
        columns = [name for name in self._chunk.columns if name not in table.key]
        by_company = table.side is Side.FINOPS and table.company_column is not None
        key = [name for name in table.key if not (by_company and name == table.company_column)]
        keys = given.select(pl.col(name).alias(str(number)) for number, name in enumerate(key))
        if by_company:
            keys = keys.with_columns(given[str(table.company_column)].alias(COMPANY))
        search = FrameSearch(table.name, tuple((name,) for name in key), keys, columns=tuple(columns), hold=True)
        found = await session.find_frame(search)
        held = found.select(ROW, ID, *(pl.col(name).alias(HELD + name) for name in columns))
        new = given.join(held.select(ROW), on=ROW, how="anti", maintain_order="left").drop(ROW)
        there = given.join(held, on=ROW, how="inner", maintain_order="left").drop(ROW)
        changed = there.filter(_any([_differs(there, name) for name in columns], there.height))
        self.outcome.unchanged += there.height - changed.height
        return new, changed

    def _parted(self, routing: Routing, changed: pl.DataFrame) -> tuple[pl.DataFrame, pl.Series]:
        """The changed records that stay in the maps they are in, and the lines of the others."""
        watched = self._changes.watched(routing, self._table)
        names = [name for name in self._chunk.columns if name in watched and HELD + name in changed.columns]
        moves = _any([_differs(changed, name) for name in names], changed.height)
        return changed.filter(~moves), changed.filter(moves)[LINE]

    # --- writing ----------------------------------------------------------------------------------------------------

    async def _insert(self, session: CopyParticipant, new: pl.DataFrame) -> Sequence[int]:
        """The lines that need a closer look."""
        if new.is_empty():
            return ()
        inserted = await session.insert_frame(self._table.name, new.drop(LINE))
        lines = new[LINE].to_list()
        left = set(inserted.left)
        for position, row_id in enumerate(inserted.ids.to_list()):
            if position not in left:
                self._written.created[self._own(row_id)] = lines[position]
        self.outcome.created += len(lines) - len(left)
        return [lines[position] for position in inserted.left]

    async def _update(self, session: CopyParticipant, changed: pl.DataFrame) -> Sequence[int]:
        """The lines that need a closer look."""
        if changed.is_empty():
            return ()
        columns = [name for name in self._chunk.columns if HELD + name in changed.columns]
        written = [name for name in columns if _differs(changed, name).any()]
        refused = set(await session.update_frame(self._table.name, changed.select(ID, *written)))
        self._written.columns.update(written)
        for position, (line, row_id) in enumerate(changed.select(LINE, ID).iter_rows()):
            if position not in refused:
                self._written.updated[self._own(row_id)] = line
        self.outcome.updated += changed.height - len(refused)
        return changed[LINE].gather(sorted(refused)).to_list()

    async def _write_row(self, session: CopyParticipant, row: dict[str, object]) -> None:
        values = values_of(self._table, row)
        key = RecordKey(tuple((name, values.pop(name)) for name in self._table.key))
        line = row[LINE]
        assert isinstance(line, int)
        await session.savepoint()
        try:
            (change,) = await session.execute([Update(self._table.name, key, values, existence=Existence.ANY)])
        except RecordRefused as refusal:
            await session.undo()
            self.outcome.objections[line] = objection_of(refusal)
            return
        if change.before is None:
            self._written.created[record_id(self._table, change.image)] = line
            self.outcome.created += 1
        elif changed := change.changed & frozenset(values):
            self._written.updated[record_id(self._table, change.image)] = line
            self._written.columns.update(changed)
            self.outcome.updated += 1
        else:
            self.outcome.unchanged += 1

    # --- the other side ---------------------------------------------------------------------------------------------

    async def _with_other_half(self, session: CopyParticipant, routing: Routing) -> None:
        written = self._written
        async with self._changes.other_half(routing, self._table) as half:
            change = FrameChange(
                self._table, tuple(written.created), tuple(written.updated), frozenset(written.columns)
            )
            refused = await half.carry(change, session)
            await self._take_back(
                session, refused, by_one_map=len(routing.routes(self._table.side, self._table.name)) == 1
            )
            commitment: Commitment = await half.prepare()
        await session.decide(commitment)

    async def _take_back(self, session: CopyParticipant, refused: Sequence[RefusedRow], *, by_one_map: bool) -> None:
        """The records that the other side refuses are not here either. Raises: _RefusedAfterwards."""
        if not refused:
            return
        written = self._written
        objections = {_line(written, each): _objection(each) for each in refused}
        ids = {each.record_id for each in refused}
        if not by_one_map or ids & written.updated.keys():
            raise _RefusedAfterwards(objections)
        dtype = pl.Int64 if self._table.side is Side.FINOPS else pl.String
        try:
            await session.delete_ids(self._table.name, pl.Series(ID, [in_frame(each) for each in ids], dtype=dtype))
        except RecordRefused as refusal:
            raise _RefusedAfterwards(objections) from refusal
        self.outcome.created -= len(ids)
        self.outcome.objections |= objections

    def _own(self, row_id: object) -> Value:
        """A record id of a frame as the environment has it."""
        return UUID(row_id) if isinstance(row_id, str) else row_id  # type: ignore[return-value]


def _as_stored(rows: pl.DataFrame, table: Table) -> pl.DataFrame:
    """Finance and operations has no nulls. (Column by column: an expression for each of hundreds takes its time.)"""
    if table.side is not Side.FINOPS:
        return rows
    blank = [table.by_name[name] for name in rows.columns if name in table.by_name and rows[name].null_count()]
    return rows.with_columns([rows[each.name].fill_null(pl.lit(in_frame(empty_value(each)))) for each in blank])


def _differs(frame: pl.DataFrame, name: str) -> pl.Series:
    """The rows of which the column holds something else than what is there (``held:``)."""
    ours, held = frame[name], frame[HELD + name]
    if ours.dtype != held.dtype:
        return frame.select(unequal(name, ours.dtype, held.dtype)).to_series()
    return ours.ne_missing(held)


def _any(conditions: Sequence[pl.Series], height: int) -> pl.Series:
    return reduce(or_, conditions, pl.repeat(False, height, dtype=pl.Boolean, eager=True))


def _line(written: _Written, refused: RefusedRow) -> int:
    row_id = refused.record_id
    return written.created[row_id] if row_id in written.created else written.updated[row_id]


def _objection(refused: RefusedRow) -> Objection:
    return Objection(refused.column, refused.code, refused.reason, refused.cause)
