"""The partitions that a run of the initial sync is cut into, and how the rows of each ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Row,
    Select,
    Text,
    Update,
    cast,
    func,
    insert,
    literal_column,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert

from dualwrite.environments.bulk import Extent, Span
from dualwrite.maps.values import Direction
from dualwrite.metadata.values import Value
from dualwrite.store import tables
from dualwrite.store.connector import Transactions, storable_text
from dualwrite.store.initial_syncs import RunId, RunMapState
from dualwrite.store.record_ids import record_id, record_ids

_PARTITIONS_AT_ONCE = 1_000
"""Rows in one INSERT; a statement holds at most 65,535 parameters."""


class PartitionState(Enum):
    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Partition:
    """Map x direction x companies x key range; without ``extent`` some rows that are named one by one.

    Waves follow each other; the partitions of a batch are carried out one after the other by one worker.
    ``open_tables`` are those whose rows are still to come when its turn comes. ``second_pass_of`` is the partition
    whose lookups this one fills. Rows that earlier runs inserted without being able to complete them are done
    ``whole``.
    """

    number: int
    wave: int
    batch: int
    map: str
    direction: Direction
    extent: Extent | None
    rows: int
    open_tables: frozenset[str] = frozenset()
    second_pass_of: int | None = None
    whole: bool = False
    state: PartitionState = PartitionState.PENDING
    attempts: int = 0
    worker: str = ""
    message: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RowCounts:
    """How rows ended: read = inserted + updated + equal + filtered + refused. ``conflicts`` is beside the sum."""

    read: int = 0
    inserted: int = 0
    updated: int = 0
    equal: int = 0
    filtered: int = 0
    refused: int = 0
    conflicts: int = 0

    def __add__(self, other: RowCounts) -> RowCounts:
        return RowCounts(*(getattr(self, each) + getattr(other, each) for each in RowCounts.__slots__))


@dataclass(frozen=True, slots=True)
class MapCount:
    """How the rows of one map, direction and legal entity (empty: none) ended."""

    map: str
    direction: Direction
    legal_entity: str
    counts: RowCounts


class PartitionRepository:
    """The partitions of runs and their counts."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def plan(
        self, run: RunId, partitions: Sequence[Partition], *, ids: Mapping[int, Sequence[Value]] | None = None
    ) -> None:
        """The partitions are kept, with the ``ids`` of those (by number) whose rows are named one by one.

        Idempotency: by run and number; what is there stays.
        """
        named = ids or {}
        facts = [{"run": run, **_facts(each, named.get(each.number))} for each in partitions]
        async with self._transactions.begin() as connection:
            for start in range(0, len(facts), _PARTITIONS_AT_ONCE):
                chunk = facts[start : start + _PARTITIONS_AT_ONCE]
                await connection.execute(upsert(tables.initial_sync_partition).on_conflict_do_nothing(), chunk)

    async def exist(self, run: RunId) -> bool:
        """Whether the run has been cut into partitions."""
        t = tables.initial_sync_partition
        async with self._transactions.begin() as connection:
            return bool(await connection.scalar(select(select(t.c.number).where(t.c.run == run).exists())))

    async def get(self, run: RunId, number: int) -> Partition | None:
        """The partition, None when there is none."""
        t = tables.initial_sync_partition
        query = select(*_LISTED).where(t.c.run == run, t.c.number == number)
        async with self._transactions.begin() as connection:
            row = (await connection.execute(query)).one_or_none()
            return None if row is None else _partition(row)

    async def list(self, run: RunId, *, map: str | None = None) -> tuple[Partition, ...]:
        """The partitions in order, of one map when named."""
        t = tables.initial_sync_partition
        query = select(*_LISTED).where(t.c.run == run).order_by(t.c.number)
        if map is not None:
            query = query.where(t.c.map == map)
        async with self._transactions.begin() as connection:
            return tuple(_partition(row) for row in await connection.execute(query))

    async def to_do(self, run: RunId, *, second_pass: bool) -> tuple[Partition, ...]:
        """The partitions of the first or of the second pass that are not done, of maps that are still copied."""
        t, m = tables.initial_sync_partition, tables.initial_sync_map
        query = (
            select(*_LISTED)
            .join(m, (m.c.run == t.c.run) & (m.c.map == t.c.map))
            .where(t.c.run == run, t.c.state != _DONE, m.c.state == RunMapState.COPYING.value)
            .where(t.c.second_pass_of.is_not(None) if second_pass else t.c.second_pass_of.is_(None))
        )
        async with self._transactions.begin() as connection:
            found = await connection.execute(query.order_by(t.c.wave, t.c.batch, t.c.number))
            return tuple(_partition(row) for row in found)

    async def ids(self, run: RunId, number: int) -> tuple[Value, ...] | None:
        """The record ids of a partition whose rows are named one by one."""
        t = tables.initial_sync_partition
        query = select(t.c.ids, t.c.direction).where(t.c.run == run, t.c.number == number)
        async with self._transactions.begin() as connection:
            row = (await connection.execute(query)).one()
            return None if row.ids is None else record_ids(row.ids, Direction(row.direction))

    async def has_left_open(self, run: RunId) -> bool:
        """Whether a partition has left rows open that no second pass is planned for."""
        async with self._transactions.begin() as connection:
            return bool(await connection.scalar(select(_left_open(run).exists())))

    async def plan_second_pass(self, run: RunId) -> None:
        """Each partition that has left rows open has a second pass, in a wave after all others.

        Idempotency: by run; what is planned stays.
        """
        t, first = tables.initial_sync_partition, tables.initial_sync_partition.alias()
        after = {
            each: select(func.max(first.c[each]) + 1)
            .where(first.c.run == run, first.c.second_pass_of.is_(None))
            .scalar_subquery()
            for each in ("number", "wave", "batch")
        }
        again = {
            "run": t.c.run,
            "number": t.c.number + after["number"],
            "wave": after["wave"],
            "batch": t.c.batch + after["batch"],
            "map": t.c.map,
            "direction": t.c.direction,
            "ids": t.c.left_open,
            "by_ids": true(),
            "rows": func.cardinality(t.c.left_open),
            "open_tables": cast([], ARRAY(Text)),
            "second_pass_of": t.c.number,
            "whole": t.c.whole,
        }
        query = _left_open(run).with_only_columns(*(value.label(name) for name, value in again.items()))
        async with self._transactions.begin() as connection:
            await connection.execute(upsert(t).from_select(list(again), query).on_conflict_do_nothing())

    # --- one partition ------------------------------------------------------------------------------------------------

    async def begin(self, run: RunId, number: int, *, worker: str) -> Partition | None:
        """The partition is under way in ``worker``; gives it with the number of the attempt, None when it is done."""
        t = tables.initial_sync_partition
        statement = (
            _undone(run, number)
            .values(
                state=PartitionState.RUNNING.value,
                worker=storable_text(worker),
                attempts=t.c.attempts + 1,
                message="",
                started_at=func.clock_timestamp(),
            )
            .returning(*_LISTED)
        )
        async with self._transactions.begin() as connection:
            row = (await connection.execute(statement)).one_or_none()
            return None if row is None else _partition(row)

    async def wave_to_do(self, run: RunId) -> int | None:
        """The first wave that has partitions to be done, of maps that are still copied; None when all are done."""
        t, m = tables.initial_sync_partition, tables.initial_sync_map
        query = (
            select(t.c.wave)
            .join(m, (m.c.run == t.c.run) & (m.c.map == t.c.map))
            .where(t.c.run == run, t.c.state != _DONE, m.c.state == RunMapState.COPYING.value)
        )
        async with self._transactions.begin() as connection:
            wave: int | None = await connection.scalar(query.order_by(t.c.wave).limit(1))
            return wave

    async def is_latest(self, run: RunId, number: int, *, attempt: int) -> bool:
        """Whether nobody has begun the partition again or released it; nobody does until the transaction ends."""
        t = tables.initial_sync_partition
        under_way = (t.c.run == run, t.c.number == number, t.c.state == PartitionState.RUNNING.value)
        query = select(t.c.attempts).where(*under_way).with_for_update(read=True)
        async with self._transactions.begin() as connection:
            return await connection.scalar(query) == attempt

    async def finish(
        self,
        run: RunId,
        number: int,
        counts: Mapping[str, RowCounts],
        *,
        left_open: Sequence[Value] = (),
    ) -> bool:
        """The partition is done with these counts by legal entity; False when it was before, and then stays so."""
        done = _undone(run, number).values(
            state=PartitionState.DONE.value,
            finished_at=func.clock_timestamp(),
            message="",
            left_open=[str(each) for each in left_open],
        )
        facts = [
            {
                "run": run,
                "partition": number,
                "legal_entity": company,
                **{each: getattr(count, each) for each in RowCounts.__slots__},
            }
            for company, count in counts.items()
        ]
        async with self._transactions.begin() as connection:
            if (await connection.execute(done)).rowcount == 0:
                return False
            if facts:
                await connection.execute(insert(tables.initial_sync_count), facts)
        return True

    async def fail(self, run: RunId, number: int, message: str) -> None:
        """The partition could not be carried out, for the reason that ``message`` tells."""
        failed = _undone(run, number).values(state=PartitionState.FAILED.value, message=storable_text(message))
        async with self._transactions.begin() as connection:
            await connection.execute(failed)

    async def release(self, run: RunId) -> None:
        """No partition is under way any more: those that were are to be carried out when the run goes on."""
        t = tables.initial_sync_partition
        waiting = (
            update(t)
            .where(t.c.run == run, t.c.state == PartitionState.RUNNING.value)
            .values(state=PartitionState.PENDING.value)
        )
        async with self._transactions.begin() as connection:
            await connection.execute(waiting)

    # --- counts -------------------------------------------------------------------------------------------------------

    async def counts(self, run: RunId) -> tuple[MapCount, ...]:
        """The counts by map, direction and legal entity."""
        t, c = tables.initial_sync_partition, tables.initial_sync_count
        key = (t.c.map, t.c.direction, c.c.legal_entity)
        sums = [func.sum(c.c[each]).label(each) for each in RowCounts.__slots__]
        query = (
            select(*key, *sums)
            .join(t, (t.c.run == c.c.run) & (t.c.number == c.c.partition))
            .where(c.c.run == run)
            .group_by(*key)
            .order_by(*key)
        )
        async with self._transactions.begin() as connection:
            return tuple(
                MapCount(row.map, Direction(row.direction), row.legal_entity, counts_of(row))
                for row in await connection.execute(query)
            )


_LISTED = tuple(each for each in tables.initial_sync_partition.c if each.name not in ("run", "ids", "left_open"))
"""Lists of ids may be long, and are read where they are needed."""


def _left_open(run: RunId) -> Select[*tuple[Any, ...]]:
    """The partitions with rows that wait for a second pass, of maps that are still copied."""
    t, m = tables.initial_sync_partition, tables.initial_sync_map
    again = tables.initial_sync_partition.alias()
    second_pass = select(again.c.number).where(again.c.run == run, again.c.second_pass_of == t.c.number)
    return (
        select(t.c.number)
        .join(m, (m.c.run == t.c.run) & (m.c.map == t.c.map))
        .where(t.c.run == run, func.cardinality(t.c.left_open) > 0, m.c.state == RunMapState.COPYING.value)
        .where(~second_pass.exists())
    )


_DONE: ColumnElement[str] = literal_column(f"'{PartitionState.DONE.value}'")
"""Spelled out, not as a parameter: the index over what is not done is good for this value only."""


def counts_of(row: Row[*tuple[Any, ...]]) -> RowCounts:
    """The sums of a query; what nobody has counted is 0."""
    return RowCounts(*(int(getattr(row, each) or 0) for each in RowCounts.__slots__))


def _undone(run: RunId, number: int) -> Update:
    t = tables.initial_sync_partition
    return update(t).where(t.c.run == run, t.c.number == number, t.c.state != PartitionState.DONE.value)


def _facts(each: Partition, ids: Sequence[Value] | None) -> dict[str, object]:
    extent = each.extent
    return {
        "number": each.number,
        "wave": each.wave,
        "batch": each.batch,
        "map": each.map,
        "direction": each.direction.value,
        "companies": None if extent is None or extent.companies is None else list(extent.companies),
        "first_id": None if extent is None or extent.span.first is None else str(extent.span.first),
        "last_id": None if extent is None or extent.span.last is None else str(extent.span.last),
        "ids": None if ids is None else [str(it) for it in ids],
        "rows": each.rows,
        "open_tables": sorted(each.open_tables),
        "second_pass_of": each.second_pass_of,
        "by_ids": ids is not None,
        "whole": each.whole,
    }


def _partition(row: Row[*tuple[Any, ...]]) -> Partition:
    direction = Direction(row.direction)
    companies = None if row.companies is None else tuple(row.companies)
    span = Span(_id(row.first_id, direction), _id(row.last_id, direction))
    return Partition(
        number=row.number,
        wave=row.wave,
        batch=row.batch,
        map=row.map,
        direction=direction,
        extent=None if row.by_ids else Extent(companies, span, row.rows),
        rows=row.rows,
        open_tables=frozenset(row.open_tables),
        second_pass_of=row.second_pass_of,
        whole=row.whole,
        state=PartitionState(row.state),
        attempts=row.attempts,
        worker=row.worker,
        message=row.message,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )


def _id(text: str | None, direction: Direction) -> Value:
    return None if text is None else record_id(text, direction)
