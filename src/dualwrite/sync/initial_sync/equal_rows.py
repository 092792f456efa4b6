"""Rows that both sides have already, and equal: told without reading them whole.

Texts that are copied as they are need not be fetched to be compared: each environment tells one number for all of them.
Rows that are not surely equal in this way are read whole and judged as ever.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Final

import polars as pl

from dualwrite.environments.bulk import DIGEST, ID, ROW, CopyParticipant
from dualwrite.maps.plan import ColumnPlan, DirectionPlan
from dualwrite.maps.values import Direction
from dualwrite.metadata.schema import Table
from dualwrite.sync.initial_sync.desk import Desk
from dualwrite.sync.initial_sync.endings import Endings
from dualwrite.sync.initial_sync.job import PartitionJob
from dualwrite.sync.initial_sync.judging import judge_present, match_rows
from dualwrite.sync.initial_sync.partners import HELD
from dualwrite.sync.initial_sync.reading import ENTITY, Glance, SourceRows, ids_of, read_rows
from dualwrite.sync.link import Routing

_FEW_ROWS: Final = 1_000
"""Partitions of so few rows are read whole at once."""
_SAMPLE_ROWS: Final = 200
_FEW_TEXTS: Final = 8


@dataclass(frozen=True, slots=True)
class _Texts:
    """Texts that are copied as they are: the columns of the source and the target, in the same order."""

    source: tuple[str, ...]
    target: tuple[str, ...]


async def read_unequal(
    reading: CopyParticipant, writing: CopyParticipant, routing: Routing, job: PartitionJob
) -> SourceRows | None:
    """The rows that are not surely equal, whole, with the number of the others; None where a look is not worth it."""
    texts = _texts(job.route)
    if not job.is_masters_way or job.extent is None or job.extent.rows < _FEW_ROWS or len(texts.source) < _FEW_TEXTS:
        return None
    if not await _are_mostly_there(reading, writing, routing, job):
        return None
    narrow = _without_texts(job, texts)
    rows = await read_rows(reading, routing, narrow, glance=Glance(narrow.route, digest=texts.source))
    equal = await _equal(Desk(reading, writing, routing, narrow, rows.frame, Endings(narrow, rows)), texts)
    known = Counter(rows.frame.filter(equal)[ENTITY].to_list())
    others = rows.frame.filter(~equal).select(ID)
    if others.is_empty():
        return SourceRows(rows.frame.clear(), rows.filtered, known)
    again = replace(job, extent=None, ids=tuple(ids_of(others, job.route.source.side)), created_before=None)
    unequal = await read_rows(reading, routing, again)
    return SourceRows(unequal.frame, Counter(rows.filtered) + Counter(unequal.filtered), known)


async def _are_mostly_there(
    reading: CopyParticipant, writing: CopyParticipant, routing: Routing, job: PartitionJob
) -> bool:
    """Whether the target has most of the first rows."""
    keys = _with_columns(job, ())
    rows = await read_rows(reading, routing, keys, glance=Glance(keys.route, most_rows=_SAMPLE_ROWS))
    _, partners = await match_rows(Desk(reading, writing, routing, keys, rows.frame, Endings(keys, rows)), rows.frame)
    return partners.present.height * 2 > rows.frame.height


async def _equal(desk: Desk, texts: _Texts) -> pl.Series:
    """A mask of the rows that are surely equal."""
    rows, partners = await match_rows(desk, desk.rows, digest=texts.target)
    digests = desk.rows.select(ROW, DIGEST).join(partners.present, on=ROW, how="inner", maintain_order="left")
    alike = digests.filter(pl.col(DIGEST) == pl.col(HELD + DIGEST))[ROW]
    present = rows.filter(rows[ROW].is_in(alike.implode()))
    await judge_present(desk, desk.job.route, present, partners.present)
    return desk.rows[ROW].is_in(desk.endings.equal)


def _texts(route: DirectionPlan) -> _Texts:
    pairs = [each for each in route.columns if _is_text_as_it_is(each, route.target)]
    return _Texts(
        tuple(each.source_path[0] for each in pairs if each.source_path is not None),
        tuple(each.target_column for each in pairs),
    )


def _is_text_as_it_is(column: ColumnPlan, target: Table) -> bool:
    if column.conversion is None or column.followed or column.alternatives or column.conversion.transforms:
        return False
    return column.conversion.source.column.type.is_text and target.column(column.target_column).type.is_text


def _without_texts(job: PartitionJob, texts: _Texts) -> PartitionJob:
    """The job of the other columns; whatever its lookups do not find is left open, and so not surely equal."""
    columns = tuple(each for each in job.route.columns if each.target_column not in texts.target)
    return replace(_with_columns(job, columns), open_tables=job.route.lookup_tables)


def _with_columns(job: PartitionJob, columns: tuple[ColumnPlan, ...]) -> PartitionJob:
    route = replace(job.route, columns=columns)
    forward = job.direction is Direction.TO_DATAVERSE
    plan = replace(job.plan, to_dataverse=route) if forward else replace(job.plan, to_finops=route)
    return replace(job, plan=plan)
