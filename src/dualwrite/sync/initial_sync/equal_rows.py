"""Rows that both sides have already, and equal: told without reading them whole.

Texts and numbers that are copied as they are need not be fetched to be compared: each environment tells one number for
all of them. Rows that are not surely equal in this way are read whole and judged as ever.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Final

import polars as pl

from dualwrite.environments.bulk import DIGEST, ID, ROW, CopyParticipant
from dualwrite.maps.plan import ColumnPlan, DirectionPlan
from dualwrite.maps.values import Direction
from dualwrite.metadata.schema import ColumnType, Table
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
_FEW_COLUMNS: Final = 8
_NUMBERS: Final = frozenset({ColumnType.INTEGER, ColumnType.BIGINT, ColumnType.DECIMAL, ColumnType.MONEY})


@dataclass(frozen=True, slots=True)
class _Copied:
    """What is copied as it is: the columns of the source and the target, in the same order."""

    source: tuple[str, ...]
    target: tuple[str, ...]


async def read_unequal(
    reading: CopyParticipant, writing: CopyParticipant, routing: Routing, job: PartitionJob
) -> SourceRows | None:
    """The rows that are not surely equal, whole, with the number of the others; None where a look is not worth it."""
    copied = _copied_columns(job.route)
    rows = job.extent.rows if job.extent is not None and job.ids is None else 0
    if not job.is_masters_way or rows < _FEW_ROWS or len(copied.source) < _FEW_COLUMNS:
        return None
    if not await _are_mostly_there(reading, writing, routing, job):
        return None
    narrow = _without(job, copied)
    read = await read_rows(reading, routing, narrow, glance=Glance(narrow.route, digest=copied.source))
    equal = await _equal(Desk(reading, writing, routing, narrow, read.frame, Endings(narrow, read)), copied)
    known = Counter(read.frame.filter(equal)[ENTITY].to_list())
    others = read.frame.filter(~equal).select(ID)
    if others.is_empty():
        return SourceRows(read.frame.clear(), read.filtered, known)
    again = replace(job, extent=None, ids=tuple(ids_of(others, job.route.source.side)), created_before=None)
    unequal = await read_rows(reading, routing, again)
    return SourceRows(unequal.frame, Counter(read.filtered) + Counter(unequal.filtered), known)


async def _are_mostly_there(
    reading: CopyParticipant, writing: CopyParticipant, routing: Routing, job: PartitionJob
) -> bool:
    """Whether the target has most of the first rows."""
    keys = _with_columns(job, ())
    rows = await read_rows(reading, routing, keys, glance=Glance(keys.route, most_rows=_SAMPLE_ROWS))
    _, partners = await match_rows(Desk(reading, writing, routing, keys, rows.frame, Endings(keys, rows)), rows.frame)
    return partners.present.height * 2 > rows.frame.height


async def _equal(desk: Desk, copied: _Copied) -> pl.Series:
    """A mask of the rows that are surely equal."""
    rows, partners = await match_rows(desk, desk.rows, digest=copied.target)
    digests = desk.rows.select(ROW, DIGEST).join(partners.present, on=ROW, how="inner", maintain_order="left")
    alike = digests.filter(pl.col(DIGEST) == pl.col(HELD + DIGEST))[ROW]
    present = rows.filter(rows[ROW].is_in(alike.implode()))
    await judge_present(desk, desk.job.route, present, partners.present)
    return desk.rows[ROW].is_in(desk.endings.equal)


def _copied_columns(route: DirectionPlan) -> _Copied:
    pairs = [each for each in route.columns if _is_copied(each, route.target)]
    return _Copied(
        tuple(each.source_path[0] for each in pairs if each.source_path is not None),
        tuple(each.target_column for each in pairs),
    )


def _is_copied(column: ColumnPlan, target: Table) -> bool:
    if column.conversion is None or column.followed or column.alternatives or column.conversion.transforms:
        return False
    kinds = column.conversion.source.column.type, target.column(column.target_column).type
    return all(each.is_text for each in kinds) or all(each in _NUMBERS for each in kinds)


def _without(job: PartitionJob, copied: _Copied) -> PartitionJob:
    """The job of the other columns; whatever its lookups do not find is left open, and so not surely equal."""
    columns = tuple(each for each in job.route.columns if each.target_column not in copied.target)
    return replace(_with_columns(job, columns), open_tables=job.route.lookup_tables)


def _with_columns(job: PartitionJob, columns: tuple[ColumnPlan, ...]) -> PartitionJob:
    route = replace(job.route, columns=columns)
    forward = job.direction is Direction.TO_DATAVERSE
    plan = replace(job.plan, to_dataverse=route) if forward else replace(job.plan, to_finops=route)
    return replace(job, plan=plan)
