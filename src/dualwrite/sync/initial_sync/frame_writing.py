"""Judged rows are written as frames, in the order in which they refer to each other."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from dualwrite.environments.bulk import ROW
from dualwrite.sync.initial_sync.desk import Desk
from dualwrite.sync.initial_sync.judging import Judged
from dualwrite.sync.initial_sync.references import OWN
from dualwrite.sync.initial_sync.written import Written

_MOST_LEVELS = 8
"""Rows that refer to each other over more steps, or in a circle, are written one by one."""


async def write_frames(desk: Desk, judged: Judged, written: Written) -> list[int]:
    """The positions of the rows that are still to be written, one by one.

    Those are the ones that were so judged, what the environment leaves, and the rows that refer to them.
    """
    new = set(judged.inserts[ROW].to_list())
    known = new.union(*(frame[ROW].to_list() for frame in judged.updates))
    if not desk.target.takes_frames(desk.job.route.target.name):
        return sorted(known.union(judged.one_by_one))
    own = judged.own
    # A row that was to be inserted may have been refused since others were found to refer to it.
    left = set(judged.one_by_one) | (_with_referring(own, set(own[OWN].to_list()) - new) & known)
    levels, judged.inserts = _levels(judged.inserts, own), judged.inserts.clear()
    for level in levels:
        left |= _with_referring(own, await _insert(desk, _without(level, left), written)) & known
    left |= _with_referring(own, new.difference(written.inserted)) & known
    for frame in judged.updates:
        left |= await _update(desk, _without(frame, left), written)
    for position, to in own.iter_rows():
        if to in written.inserted and position != to:
            written.refer([position], to=[written.inserted[to]])
    return sorted(left)


async def _insert(desk: Desk, frame: pl.DataFrame, written: Written) -> set[int]:
    if frame.is_empty():
        return set()
    inserted = await desk.target.insert_frame(desk.job.route.target.name, frame.drop(ROW))
    positions = frame[ROW].to_list()
    left = {positions[each] for each in inserted.left}
    ids = zip(positions, inserted.ids.to_list(), strict=True)
    written.inserted |= {position: row_id for position, row_id in ids if position not in left}
    return left


async def _update(desk: Desk, frame: pl.DataFrame, written: Written) -> set[int]:
    if frame.is_empty():
        return set()
    refused = await desk.target.update_frame(desk.job.route.target.name, frame.drop(ROW))
    positions = frame[ROW].to_list()
    left = {positions[each] for each in refused}
    written.updated.update(set(positions) - left)
    return left


def _levels(inserts: pl.DataFrame, own: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Rows that refer to rows of earlier levels, or to themselves; those in circles are in none."""
    own = own.filter(pl.col(ROW) != pl.col(OWN))
    for _ in range(_MOST_LEVELS):
        if inserts.is_empty():
            return
        waiting = own.join(inserts.select(pl.col(ROW).alias(OWN)), on=OWN, how="semi")[ROW]
        if waiting.is_empty():
            yield inserts
            return
        waits = inserts[ROW].is_in(waiting.implode())
        yield inserts.filter(~waits)
        inserts = inserts.filter(waits)


def _with_referring(own: pl.DataFrame, positions: set[int]) -> set[int]:
    """``positions`` and the rows that refer to one of them, also through others."""
    found = set(positions)
    more = found
    while more and own.height:
        more = set(own.filter(pl.col(OWN).is_in(list(more)))[ROW].to_list()) - found
        found |= more
    return found


def _without(frame: pl.DataFrame, positions: set[int]) -> pl.DataFrame:
    return frame.filter(~pl.col(ROW).is_in(list(positions))) if positions else frame
