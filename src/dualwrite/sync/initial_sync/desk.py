"""Where the rows of one attempt at a partition are judged and written."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final
from uuid import UUID

import polars as pl

from dualwrite.environments.bulk import COMPANY, ID, ROW, CopyParticipant
from dualwrite.maps.plan import DirectionPlan, Path
from dualwrite.maps.values import SyncDirection
from dualwrite.sync.initial_sync.endings import Endings
from dualwrite.sync.initial_sync.job import Conflict, Ending, PartitionJob, value_to_json
from dualwrite.sync.initial_sync.partners import HELD
from dualwrite.sync.initial_sync.reading import ids_of, read_rows
from dualwrite.sync.initial_sync.references import NewRows
from dualwrite.sync.link import COMPANY_CODE, COMPANY_TABLE, Routing

_TO_COME: Final = str(UUID(int=0))
"""In place of the id of a row that is still to come."""


@dataclass(slots=True)
class Preview:
    """What the partitions that have been looked at so far would have brought.

    ``watched`` are the paths by which the run looks for rows of each table, ``companies`` the codes of new companies,
    folded. ``samples`` is how many conflicts are told.
    """

    watched: Mapping[str, frozenset[Path]]
    samples: int
    expected: list[NewRows] = field(default_factory=list)
    companies: set[str] = field(default_factory=set)
    conflicts: dict[int, list[Conflict]] = field(default_factory=dict)
    """Of the partition that is looked at, by position."""

    def expect(self, rows: NewRows) -> None:
        """Lookups of later partitions find these rows."""
        if rows.table == COMPANY_TABLE and (COMPANY_CODE,) in rows.columns:
            codes = rows.frame[rows.columns[COMPANY_CODE,]]
            self.companies.update(str(code).lower() for code in codes)
        wanted = {path: name for path, name in rows.columns.items() if path in self.watched.get(rows.table, ())}
        if wanted and rows.frame.height:
            nowhere = pl.lit(None, pl.Int64).alias(ROW), pl.lit(_TO_COME).alias(rows.id)
            frame = rows.frame.select(COMPANY, *set(wanted.values()), *nowhere)
            self.expected.append(NewRows(rows.table, frame, wanted, rows.id))

    def brings(self, company: str | None) -> bool:
        """Whether an earlier partition would have brought the company."""
        return str(company).lower() in self.companies

    def tell(self, settled: pl.DataFrame, label: Callable[[int], str]) -> None:
        """The conflicts of the first rows are kept."""
        columns = [name for name in settled.columns if HELD + name in settled.columns]
        for row in settled.head(self.samples).iter_rows(named=True):
            self.conflicts[row[ROW]] = [
                Conflict(label(row[ROW]), name, value_to_json(row[name]), value_to_json(row[HELD + name]))
                for name in columns
                if row[name] != row[HELD + name]
            ]


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
    """The rows of the partition that are to be inserted, where others of it may refer to them."""
    preview: Preview | None = None
    """Where nothing will be written: what earlier partitions would have brought."""

    @property
    def known_rows(self) -> Sequence[NewRows]:
        """Rows that lookups find although the target has them not yet."""
        own = [] if self.new_rows is None else [self.new_rows]
        return own if self.preview is None else [*own, *self.preview.expected]

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
