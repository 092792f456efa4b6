"""How far runs of the initial sync are, summed up by the database: cheap to ask, however many partitions there are."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Float, Integer, Row, Select, Text, cast, func, select
from sqlalchemy.dialects.postgresql import ARRAY

from dualwrite.maps.values import Direction
from dualwrite.store import tables
from dualwrite.store.connector import Transactions
from dualwrite.store.initial_syncs import RunId
from dualwrite.store.partitions import MapCount, PartitionState, RowCounts, counts_of

RATE_OVER_S = 30
"""The rate is that of the partitions finished in the last so many seconds."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is planned and done of some partitions.

    ``rows_lately`` have been done in the last ``RATE_OVER_S`` seconds; ``since_s`` is how long ago the first began.
    """

    map: str
    direction: Direction
    rows: int
    rows_done: int
    partitions: int
    done: int
    running: int
    failed: int
    rows_lately: int
    since_s: float

    @property
    def rows_per_s(self) -> float:
        """Of late."""
        return self.rows_lately / min(max(self.since_s, 0.1), RATE_OVER_S)


class SyncProgress:
    """Sums over the partitions and counts of runs. Second passes do rows again, and count as partitions only."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def by_map(self, run: RunId) -> tuple[Standing, ...]:
        """How far each map is, one way."""
        t = tables.initial_sync_partition
        query = select(t.c.map, t.c.direction, *_sums()).where(t.c.run == run).group_by(t.c.map, t.c.direction)
        async with self._transactions.begin() as connection:
            return tuple(_standing(row) for row in await connection.execute(query))

    async def by_company(self, run: RunId, *, map: str | None = None) -> dict[tuple[Direction, str], Standing]:
        """How far each direction and company (in its source's words; empty: none) is.

        A partition that several companies share counts for each of them, with its rows divided evenly.
        """
        t = tables.initial_sync_partition
        companies = func.coalesce(t.c.companies, cast([""], ARRAY(Text)))
        share = func.greatest(func.cardinality(companies), 1)
        company = func.unnest(companies).label("company")
        inner = select(t, company, share.label("share")).where(t.c.run == run)
        if map is not None:
            inner = inner.where(t.c.map == map)
        each = inner.subquery()
        query = select(
            func.min(each.c.map).label("map"), each.c.direction, each.c.company, *_sums(each, share=each.c.share)
        ).group_by(each.c.direction, each.c.company)
        async with self._transactions.begin() as connection:
            found = await connection.execute(query)
            return {(Direction(row.direction), row.company): _standing(row) for row in found}

    async def counts_by_map(self, runs: Collection[RunId]) -> dict[RunId, tuple[MapCount, ...]]:
        """The counts of several runs by map and direction, legal entities together."""
        t, c = tables.initial_sync_partition, tables.initial_sync_count
        key = (c.c.run, t.c.map, t.c.direction)
        query = _counted(select(*key, *_count_sums()).where(c.c.run.in_(runs))).group_by(*key).order_by(*key)
        found: dict[RunId, tuple[MapCount, ...]] = {}
        async with self._transactions.begin() as connection:
            for row in await connection.execute(query):
                count = MapCount(row.map, Direction(row.direction), "", counts_of(row))
                found[RunId(row.run)] = (*found.get(RunId(row.run), ()), count)
        return found

    async def counts_by_legal_entity(self, run: RunId, *, map: str | None = None) -> dict[str, RowCounts]:
        """The counts of each legal entity (empty: none), of one map when named."""
        t, c = tables.initial_sync_partition, tables.initial_sync_count
        query = _counted(select(c.c.legal_entity, *_count_sums()).where(c.c.run == run)).group_by(c.c.legal_entity)
        if map is not None:
            query = query.where(t.c.map == map)
        async with self._transactions.begin() as connection:
            return {row.legal_entity: counts_of(row) for row in await connection.execute(query)}


def _counted(query: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    t, c = tables.initial_sync_partition, tables.initial_sync_count
    return query.join_from(c, t, (t.c.run == c.c.run) & (t.c.number == c.c.partition))


def _count_sums() -> list[ColumnElement[Any]]:
    c = tables.initial_sync_count
    return [func.sum(c.c[each]).label(each) for each in RowCounts.__slots__]


def _sums(source: Any = tables.initial_sync_partition, *, share: ColumnElement[int] | None = None) -> list[Any]:
    p = source.c
    rows = p.rows if share is None else cast(p.rows / share, Integer)
    first_pass = p.second_pass_of.is_(None)
    done = p.state == PartitionState.DONE.value
    lately = done & (p.finished_at > func.clock_timestamp() - func.make_interval(0, 0, 0, 0, 0, 0, RATE_OVER_S))
    seconds = func.extract("epoch", func.clock_timestamp() - func.min(p.started_at))
    return [
        func.coalesce(func.sum(rows).filter(first_pass), 0).label("rows"),
        func.coalesce(func.sum(rows).filter(first_pass & done), 0).label("rows_done"),
        func.count().label("partitions"),
        func.count().filter(done).label("done"),
        func.count().filter(p.state == PartitionState.RUNNING.value).label("running"),
        func.count().filter(p.state == PartitionState.FAILED.value).label("failed"),
        func.coalesce(func.sum(rows).filter(first_pass & lately), 0).label("rows_lately"),
        func.coalesce(cast(seconds, Float), 0).label("since_s"),
    ]


def _standing(row: Row[*tuple[Any, ...]]) -> Standing:
    return Standing(
        map=row.map,
        direction=Direction(row.direction),
        rows=int(row.rows),
        rows_done=int(row.rows_done),
        partitions=row.partitions,
        done=row.done,
        running=row.running,
        failed=row.failed,
        rows_lately=int(row.rows_lately),
        since_s=float(row.since_s),
    )
