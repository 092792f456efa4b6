"""The source rows of a partition: read as a frame, told apart by company, and passed through the map's filter.

A frame of rows has, beside the columns that the map reads and the reserved ones of ``environments.bulk``:

=================  =================================================================================================
``@row``           the position in the frame, from 0
``@company``       the company in the *target's* words; null for rows of global maps
``@legal entity``  the company in finance and operations' words, by which rows are counted; empty for global maps
=================  =================================================================================================
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple
from uuid import UUID

import polars as pl

from dualwrite.environments.bulk import COMPANY, ID, ROW, CopyParticipant, Extent, Path, Scan, Span
from dualwrite.filters.columns import columns_of
from dualwrite.filters.frame import compile_frame
from dualwrite.maps.columnar.frames import source_columns
from dualwrite.maps.plan import DirectionPlan
from dualwrite.metadata.schema import ColumnType, Side
from dualwrite.metadata.values import TARGET_SUFFIX, Row, Value
from dualwrite.sync.initial_sync.job import NO_COMPANY, PartitionJob, id_to_json
from dualwrite.sync.link import COMPANY_TABLE, Companies, Routing
from dualwrite.sync.mapping import company_code_column, record_label

ENTITY: Final = "@legal entity"
_LINKED: Final = "@linked"
_IDS = frozenset({ColumnType.GUID, ColumnType.LOOKUP})


@dataclass(frozen=True, slots=True)
class SourceRows:
    """The rows that take part, and by legal entity how many others there were.

    ``equal`` rows have been compared and are not in the frame.
    """

    frame: pl.DataFrame
    filtered: Mapping[str, int]
    equal: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Glance:
    """Less than everything is read: what ``route`` looks at, ``digest`` of some columns, the first ``most_rows``."""

    route: DirectionPlan
    digest: tuple[str, ...] = ()
    most_rows: int | None = None


async def read_rows(
    session: CopyParticipant, routing: Routing, job: PartitionJob, *, glance: Glance | None = None
) -> SourceRows:
    """The rows of the partition as they are committed now; ids that are gone are not among them."""
    frame = await session.frame(_scan(job, routing.companies, glance or Glance(job.route)))
    if job.without_ids:
        left_out = pl.Series(ID, [id_to_json(each) for each in job.without_ids], dtype=frame.schema[ID])
        frame = frame.filter(~pl.col(ID).is_in(left_out.implode()))
    return await asyncio.to_thread(_taking_part, frame, routing, job)


def _scan(job: PartitionJob, companies: Companies, glance: Glance) -> Scan:
    scan = Scan(
        job.route.source.name,
        tuple(_paths(job, glance.route)),
        created_before=job.created_before,
        most_rows=glance.most_rows,
        digest=glance.digest,
    )
    if job.ids is not None:
        scan = replace(scan, ids=job.ids, created_before=None)
        if job.extent is None:
            return scan
    extent = job.extent or Extent(None, Span(), 0)
    links = companies.by_legal_entity if job.route.source.side is Side.FINOPS else companies.by_code
    # Rows of companies that are not linked are only counted.
    counted_only = extent.companies is not None and not any(each.lower() in links for each in extent.companies)
    paths = () if counted_only else scan.paths
    return replace(scan, paths=paths, companies=extent.companies, span=extent.span)


def _paths(job: PartitionJob, route: DirectionPlan) -> Iterator[Path]:
    """Everything that is looked at: what the map reads, what its filter asks for, and what names a record."""
    paths: dict[Path, None] = {}
    for name in source_columns(route):
        if not name.endswith(TARGET_SUFFIX):
            paths[tuple(name.split("."))] = None
    for path in route.via:
        paths[path[:1]] = None
    if route.filter is not None:
        paths |= {path.parts: None for path in columns_of(route.filter)}
    names = [route.source.primary_name, route.source.key[-1]]
    if job.plan.dataverse.name == COMPANY_TABLE:
        names.append(company_code_column(job.plan, route.source.side))
    yield from paths | {(route.source.column(name).name,): None for name in names if name is not None}


def _taking_part(frame: pl.DataFrame, routing: Routing, job: PartitionJob) -> SourceRows:
    expression = job.route.filter
    inside = pl.lit(True) if expression is None else compile_frame(expression, dtypes=frame.schema)
    frame = _with_companies(frame, routing.companies, job).with_columns(pl.col(_LINKED) & inside)
    outside = frame.filter(~pl.col(_LINKED)).group_by(ENTITY).len()
    taking_part = frame.filter(_LINKED) if outside.height else frame
    return SourceRows(taking_part.drop(_LINKED).with_row_index(ROW).cast({ROW: pl.Int64}), dict(outside.iter_rows()))


# --- companies ------------------------------------------------------------------------------------------------------


class _Company(NamedTuple):
    """What one spelling of a company in the source means."""

    partner: str | None
    legal_entity: str
    linked: bool


def _with_companies(frame: pl.DataFrame, companies: Companies, job: PartitionJob) -> pl.DataFrame:
    plan, source = job.plan, job.route.source
    if plan.dataverse.name == COMPANY_TABLE:
        column = company_code_column(plan, source.side)
        known = companies.by_code if source.side is Side.DATAVERSE else companies.by_legal_entity
        meant = {word: _Company(None, NO_COMPANY, str(word or "").lower() in known) for word in frame[column].unique()}
        return _translated(frame, column, meant)
    if not plan.company_specific or source.company_column is None:
        everyone = pl.lit(None, pl.String).alias(COMPANY), pl.lit(NO_COMPANY).alias(ENTITY), pl.lit(True).alias(_LINKED)
        return frame.with_columns(*everyone)
    meant = {word: _company(word, companies, source.side) for word in frame[COMPANY].unique()}
    return _translated(frame, COMPANY, meant)


def _company(word: str | None, companies: Companies, side: Side) -> _Company:
    links = companies.by_legal_entity if side is Side.FINOPS else companies.by_code
    link = links.get(str(word).lower())
    if word is None or link is None:
        return _Company(None, word or NO_COMPANY, False)
    return _Company(link.company_code if side is Side.FINOPS else link.legal_entity, link.legal_entity, True)


def _translated(frame: pl.DataFrame, column: str, meant: Mapping[str | None, _Company]) -> pl.DataFrame:
    words = pl.DataFrame(
        {
            "word": pl.Series(list(meant), dtype=pl.String),
            COMPANY: pl.Series([each.partner for each in meant.values()], dtype=pl.String),
            ENTITY: pl.Series([each.legal_entity for each in meant.values()], dtype=pl.String),
            _LINKED: pl.Series([each.linked for each in meant.values()], dtype=pl.Boolean),
        }
    )
    spelled = frame.select(pl.col(column).alias("word"))
    found = spelled.join(words, on="word", how="left", nulls_equal=True, maintain_order="left")
    return frame.with_columns(found.drop("word"))


# --- single rows ----------------------------------------------------------------------------------------------------


def held_row(job: PartitionJob, held: Mapping[str, Value]) -> Row:
    """A row of a frame as a row of the source's table: its own columns, ids as ids."""
    table = job.route.source
    row: dict[str, Value] = {}
    for name, value in held.items():
        column = table.by_name.get(name)
        if column is not None:
            row[name] = UUID(value) if column.type in _IDS and isinstance(value, str) else value
    return row


def label_of(job: PartitionJob, held: Mapping[str, Value]) -> str:
    """How messages name a row of a frame."""
    return record_label(job.route, held_row(job, held))


def ids_of(frame: pl.DataFrame, side: Side) -> list[Value]:
    """The record ids of the rows as the environment's own values."""
    held = frame[ID].to_list()
    return [UUID(each) for each in held] if side is Side.DATAVERSE else held
