"""The lookup columns of a frame are filled; rows whose lookups lead nowhere are refused or left open."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import polars as pl

from dualwrite.environments.bulk import COMPANY, ID, ROW
from dualwrite.maps.columnar.execute import FrameLookup
from dualwrite.maps.execute import PendingLookup
from dualwrite.maps.plan import DirectionPlan
from dualwrite.metadata.values import target_entry
from dualwrite.sync.initial_sync.desk import Desk
from dualwrite.sync.initial_sync.job import Ending
from dualwrite.sync.initial_sync.references import OWN, SEVERAL, TABLE, find_reference
from dualwrite.sync.writing import unresolved

OPEN: Final = "open:"
"""In front of the name of a lookup column: whether it is left open."""


async def filled(desk: Desk, route: DirectionPlan, frame: pl.DataFrame, lookups: Sequence[FrameLookup]) -> pl.DataFrame:
    """``frame`` with the lookup columns of those of its rows that can be written.

    A lookup that is left open is empty, and its column ``open:<lookup>`` true. The other rows are refused at the desk,
    left for later, or to be done one by one.
    """
    told = frame.select(ROW, COMPANY)
    # As with single rows: a lookup of the table itself is the last that a row is refused for.
    for lookup in sorted(lookups, key=lambda each: _may_be_own(route, each)):
        frame = await _filled(desk, route, frame, (told, lookup))
    return frame


def _may_be_own(route: DirectionPlan, lookup: FrameLookup) -> bool:
    return any(each.table == route.target.name for each in lookup.plan.alternatives)


async def _filled(
    desk: Desk, route: DirectionPlan, frame: pl.DataFrame, asked: tuple[pl.DataFrame, FrameLookup]
) -> pl.DataFrame:
    """``asked``: the rows that the lookup was made for, some of which may be gone since, and the lookup."""
    told, lookup = asked
    pending = lookup.pending if frame.height == told.height else lookup.pending & _among(told[ROW], frame[ROW])
    reference = await find_reference(desk.target, replace(lookup, pending=pending), told, desk.known_rows)
    unclear = reference.found.filter(SEVERAL)[ROW]
    desk.one_by_one += unclear.to_list()
    own = reference.found.filter(pl.col(OWN).is_not_null() & ~pl.col(SEVERAL)).select(ROW, OWN)
    if own.height:
        desk.own.append(own)
    left_open = await _missing(desk, route, asked, reference.missing)
    gone = unclear if left_open is not None else pl.concat([unclear, reference.missing])
    if gone.len():
        frame = frame.filter(~_among(frame[ROW], gone))
    return frame.with_columns([*_columns(route, frame, lookup, reference.found), *_open(lookup, frame, left_open)])


def _among(positions: pl.Series, some: pl.Series) -> pl.Series:
    return positions.is_in(some.implode())


def _columns(route: DirectionPlan, frame: pl.DataFrame, lookup: FrameLookup, found: pl.DataFrame) -> list[pl.Series]:
    name = lookup.plan.column
    ids = found.select(ROW, pl.col(ID).alias(name), pl.col(TABLE).alias(target_entry(name)))
    held = frame.select(ROW).join(ids, on=ROW, how="left", maintain_order="left")
    return [held[name], held[target_entry(name)]] if route.target.column(name).is_polymorphic else [held[name]]


def _open(lookup: FrameLookup, frame: pl.DataFrame, left_open: pl.Series | None) -> list[pl.Series]:
    if left_open is None or left_open.is_empty():
        return []
    return [_among(frame[ROW], left_open).alias(OPEN + lookup.plan.column)]


async def _missing(
    desk: Desk, route: DirectionPlan, asked: tuple[pl.DataFrame, FrameLookup], missing: pl.Series
) -> pl.Series | None:
    """The rows that are written with the lookup left open; None where such rows are not written now."""
    told, lookup = asked
    if not any(each.table in desk.job.open_tables for each in lookup.plan.alternatives):
        await asyncio.to_thread(_refuse, desk, route, told.filter(_among(told[ROW], missing)), _only(asked, missing))
        return None
    if any(part.target_path[0] == lookup.plan.column for part in route.key):
        desk.endings.end(missing, Ending.REFUSED)
        desk.endings.leave_open(missing)
        return None
    return missing


def _only(asked: tuple[pl.DataFrame, FrameLookup], missing: pl.Series) -> FrameLookup:
    told, lookup = asked
    kept = _among(told[ROW], missing)
    return FrameLookup(
        lookup.plan, lookup.pending.filter(kept), tuple(table.filter(kept) for table in lookup.alternatives)
    )


def _refuse(desk: Desk, route: DirectionPlan, told: pl.DataFrame, lookup: FrameLookup) -> None:
    wanted = zip(*(table.iter_rows() for table in lookup.alternatives), strict=True)
    for (position, company), values in zip(told.select(ROW, COMPANY).iter_rows(), wanted, strict=True):
        pending = PendingLookup(lookup.plan, values)
        label = desk.endings.label(position)
        desk.endings.refuse(position, unresolved(desk.routing, route, pending, label=label, company=company))
