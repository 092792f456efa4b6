"""Where the rows of one attempt at a partition are judged and written."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace

import polars as pl

from dualwrite.environments.bulk import ID, ROW, CopyParticipant
from dualwrite.maps.plan import DirectionPlan
from dualwrite.maps.values import SyncDirection
from dualwrite.sync.initial_sync.endings import Endings
from dualwrite.sync.initial_sync.job import Ending, PartitionJob
from dualwrite.sync.initial_sync.reading import ids_of, read_rows
from dualwrite.sync.initial_sync.references import NewRows
from dualwrite.sync.link import Routing


@dataclass(slots=True)
class Desk:
    """The transactions on both sides, and what is known of the rows so far.

    ``rows`` are the partition's rows with what the route ``there`` reads.
    """

    source: CopyParticipant
    target: CopyParticipant
    routing: Routing
    job: PartitionJob
    rows: pl.DataFrame
    endings: Endings
    exact: bool = False
    """Whether whatever is not exactly equal is written, as live changes are, also where the two halves agree."""
    one_by_one: list[int] = field(default_factory=list)
    """The positions of rows that need a closer look."""
    own: list[pl.DataFrame] = field(default_factory=list)
    """Which rows refer to which new ones of the partition: ``@row`` and ``@own``, the positions."""
    new_rows: NewRows | None = None

    @property
    def there(self) -> DirectionPlan:
        """The route of the rows that both sides have."""
        return route_there(self.job)


def route_there(job: PartitionJob) -> DirectionPlan:
    """The route for rows that both sides have: against the master's way only what is mapped this way alone."""
    route = job.route
    if job.is_masters_way:
        return route
    columns = tuple(each for each in route.columns if each.mapping.sync_direction is not SyncDirection.BOTH)
    return replace(route, columns=columns)


async def whole_rows(desk: Desk, positions: Collection[int]) -> pl.DataFrame:
    """The rows at these positions with everything that the map reads; gone ones are not among them."""
    if not positions:
        return desk.rows.clear()
    rows = desk.rows.filter(pl.col(ROW).is_in(list(positions)))
    return rows if desk.job.is_masters_way else await read_again(desk, rows)


async def read_again(desk: Desk, rows: pl.DataFrame) -> pl.DataFrame:
    """``rows`` (``@row`` and ``@id`` of them) as they are now, whole; those that are gone count for nothing."""
    job, known = desk.job, rows.select(ID, ROW)
    ids = tuple(ids_of(known, job.route.source.side))
    now = await read_rows(desk.source, desk.routing, replace(job, extent=None, ids=ids, created_before=None))
    desk.endings.forget(known[ROW].to_list())
    if now.frame.height < known.height:
        there = await desk.source.versions(job.route.source.name, known[ID])
        outside = known.join(there, on=ID, how="semi").join(now.frame, on=ID, how="anti")
        desk.endings.end(outside[ROW].to_list(), Ending.FILTERED)
    again = now.frame.drop(ROW).join(known, on=ID, how="inner").sort(ROW)
    desk.endings.read_again(again)
    return again
