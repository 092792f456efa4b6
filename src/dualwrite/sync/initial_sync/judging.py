"""What is to be done with each row of a partition: inserted, updated, nothing, or refused. Writes nothing.

Rows that a frame cannot judge (one key several times, a key that finds several rows) are to be done one by one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import polars as pl

from dualwrite.environments.bulk import COMPANY, ID, ROW
from dualwrite.environments.new_ids import new_ids
from dualwrite.maps.columnar.execute import ColumnarResult, FrameLookup, refusals, transform_frame
from dualwrite.maps.columnar.frames import dotted, in_frame
from dualwrite.maps.plan import DirectionPlan, Path
from dualwrite.metadata.schema import Side
from dualwrite.metadata.values import target_entry
from dualwrite.sync.company_columns import CompanyColumns, missing_company
from dualwrite.sync.initial_sync.agreement import returns
from dualwrite.sync.initial_sync.comparison import Comparison
from dualwrite.sync.initial_sync.desk import Desk, read_again
from dualwrite.sync.initial_sync.filling import OPEN, filled
from dualwrite.sync.initial_sync.job import Ending, id_to_json
from dualwrite.sync.initial_sync.partners import Partners, as_stored, find_partners
from dualwrite.sync.initial_sync.references import OWN, NewRows

_NO_ROWS: Final = pl.DataFrame(schema={ROW: pl.Int64})
_OWN: Final = {ROW: pl.Int64(), OWN: pl.Int64()}
_KEY: Final = "key:"
_BEHIND: Final = "key:behind:"


@dataclass(slots=True)
class Judged:
    """What is to be written. All frames have ``@row``; ``updates`` have ``@id``, the target's, too.

    ``own`` tells which rows refer to which of ``inserts``: ``@row`` and ``@own``, the positions. ``one_by_one`` are the
    positions of rows that need a closer look.
    """

    inserts: pl.DataFrame
    updates: list[pl.DataFrame]
    own: pl.DataFrame
    one_by_one: list[int]


async def judge(desk: Desk, rows: pl.DataFrame) -> Judged:
    """Every row of ``rows`` has an ending at the desk, or is to be done one by one. The target is only read."""
    if rows.is_empty():
        return Judged(_NO_ROWS, [], pl.DataFrame(schema=_OWN), [])
    rows, partners = await match_rows(desk, rows)
    here = rows[ROW].is_in(partners.present[ROW].implode())
    new, present = rows.filter(~here), _without_left_alone(desk, rows.filter(here), partners)
    del rows
    if new.height and not desk.job.is_masters_way:
        new = await read_again(desk, new)
    inserts = await _inserts(desk, desk.job.route, new)
    del new
    updates = await judge_present(desk, desk.there, present, partners.present)
    own = pl.concat(desk.own) if desk.own else pl.DataFrame(schema=_OWN)
    return Judged(inserts, updates, own, sorted(set(desk.one_by_one)))


def _without_left_alone(desk: Desk, rows: pl.DataFrame, partners: Partners) -> pl.DataFrame:
    """``rows``, which all have partners, without those that are left as they are."""
    if not desk.job.left_alone:
        return rows
    ids = pl.Series([id_to_json(each) for each in desk.job.left_alone], dtype=partners.present.schema[ID])
    left = partners.present.filter(pl.col(ID).is_in(ids.implode()))[ROW]
    alone = rows[ROW].is_in(left.implode())
    desk.endings.end(rows.filter(alone)[ROW].to_list(), Ending.EQUAL)
    return rows.filter(~alone)


# --- keys -----------------------------------------------------------------------------------------------------------


async def match_rows(desk: Desk, rows: pl.DataFrame, *, digest: tuple[str, ...] = ()) -> tuple[pl.DataFrame, Partners]:
    """The rows whose key is clear, and which of them the target has; with the ``digest`` of some of its columns."""
    route = desk.job.route
    keyed = await asyncio.to_thread(transform_frame, replace(route, columns=()), rows)
    rows, keys = await _without_refused(desk, desk.there, rows, keyed)
    for_new = desk.job.plan.created_only[route.direction]
    compared = [name for name in _written(desk.there) if name not in for_new]
    partners = await find_partners(desk.target, route, keys, compared, digest=digest)
    if partners.unclear.len():
        desk.one_by_one += partners.unclear.to_list()
        rows = rows.filter(~pl.col(ROW).is_in(partners.unclear.implode()))
    return rows, partners


def _written(route: DirectionPlan) -> Sequence[str]:
    """The target's columns that the route fills, with the entries of polymorphic lookups."""
    names: dict[str, None] = {}
    for each in route.columns:
        names[each.target_column] = None
        if each.lookup is not None and route.target.column(each.target_column).is_polymorphic:
            names[target_entry(each.target_column)] = None
    return list(names)


async def _without_refused(
    desk: Desk, route: DirectionPlan, rows: pl.DataFrame, result: ColumnarResult
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows that are not refused, and their keys (``0``, ``1`` …)."""
    keys = pl.concat([rows.select(ROW, COMPANY), result.key], how="horizontal")
    if not result.refused.any():
        return rows, keys
    await asyncio.to_thread(_refuse, desk, route, rows, result.refused)
    return rows.filter(~result.refused), keys.filter(~result.refused)


def _refuse(desk: Desk, route: DirectionPlan, rows: pl.DataFrame, refused: pl.Series) -> None:
    """The rows are refused as the row executor says it."""
    positions = rows[ROW].to_list()

    def label(number: int) -> str:
        return desk.endings.label(positions[number])

    for each in refusals(route, rows, refused, label=label):
        desk.endings.refuse(positions[each.position], each.refusal)


async def _transformed(
    desk: Desk, route: DirectionPlan, rows: pl.DataFrame
) -> tuple[pl.DataFrame, Sequence[FrameLookup]]:
    """``@row``, ``@company``, the target's values and (``key:0`` …) the key; and the lookups of these rows."""
    result = await asyncio.to_thread(transform_frame, route, rows)
    keys = result.key.rename(lambda name: _KEY + name)
    values = await asyncio.to_thread(as_stored, result.values, route.target)
    told = rows.select(ROW, COMPANY)
    frame = pl.concat([told, values, keys], how="horizontal")
    if not result.refused.any():
        return frame, result.lookups
    await asyncio.to_thread(_refuse, desk, route, rows, result.refused)
    kept = ~result.refused
    lookups = tuple(
        FrameLookup(each.plan, each.pending.filter(kept), tuple(table.filter(kept) for table in each.alternatives))
        for each in result.lookups
    )
    return frame.filter(kept), lookups


def _without(frame: pl.DataFrame, prefix: str) -> pl.DataFrame:
    return frame.drop([name for name in frame.columns if name.startswith(prefix)])


# --- rows that are new ----------------------------------------------------------------------------------------------


async def _inserts(desk: Desk, route: DirectionPlan, rows: pl.DataFrame) -> pl.DataFrame:
    if rows.is_empty():
        return _NO_ROWS
    frame, lookups = await _transformed(desk, route, rows)
    if route.target.name in route.lookup_tables and route.target.side is Side.DATAVERSE:
        ids = await asyncio.to_thread(new_ids, frame.height)
        frame = frame.with_columns(ids.alias(route.target.key[0]))
        desk.new_rows = _new_rows(route, frame)
    if desk.preview is not None:
        frame = _with_keys_behind(frame, lookups)
    frame = await filled(desk, route, frame, lookups)
    frame = await _with_company(desk, route, frame)
    desk.endings.end(frame[ROW].to_list(), Ending.INSERTED)
    _leave_open(desk, frame)
    if desk.preview is not None:
        desk.preview.expect(_new_rows(route, frame))
    return _without(_without(frame, OPEN), _KEY).drop(COMPANY)


def _leave_open(desk: Desk, frame: pl.DataFrame) -> None:
    for name in frame.columns:
        if name.startswith(OPEN):
            desk.endings.leave_open(frame.filter(name)[ROW].to_list())


def _new_rows(route: DirectionPlan, frame: pl.DataFrame) -> NewRows:
    """What is known of the rows, by the paths by which others may look for them."""
    columns: dict[Path, str] = {(name,): name for name in frame.columns if name in route.target.by_name}
    columns |= {tuple(name.split(".")): f"{_BEHIND}{name}" for name in _behind(frame)}
    columns |= {part.target_path: f"{_KEY}{number}" for number, part in enumerate(route.key)}
    return NewRows(route.target.name, frame.select(ROW, COMPANY, *set(columns.values())), columns, route.target.key[0])


def _behind(frame: pl.DataFrame) -> Sequence[str]:
    return [name.removeprefix(_BEHIND) for name in frame.columns if name.startswith(_BEHIND)]


def _with_keys_behind(frame: pl.DataFrame, lookups: Sequence[FrameLookup]) -> pl.DataFrame:
    """With what the rows look for behind their lookups, under the dotted paths."""
    behind = [
        values[str(number)].alias(f"{_BEHIND}{dotted((each.plan.column, *condition.target_path))}")
        for each in lookups
        for alternative, values in zip(each.plan.alternatives[:1], each.alternatives[:1], strict=True)
        for number, condition in enumerate(alternative.conditions)
    ]
    return frame.with_columns(behind)


async def _with_company(desk: Desk, route: DirectionPlan, frame: pl.DataFrame) -> pl.DataFrame:
    """The rows belong to their companies; those of a company that the target has not are refused."""
    companies = CompanyColumns(desk.target)
    team = desk.routing.owning_teams.get(route.map_name)
    parts: list[pl.DataFrame] = []
    for part in frame.partition_by(COMPANY, maintain_order=True):
        company = part[COMPANY][0]
        values = await companies.values(route.target, company, owning_team=team)
        if values is None and desk.preview is not None and desk.preview.brings(company):
            values = {}
        if values is None:
            for position in part[ROW]:
                label = desk.endings.label(position)
                refusal = missing_company(desk.routing, map_name=route.map_name, label=label, company=company)
                desk.endings.refuse(position, refusal)
            continue
        held = [pl.lit(in_frame(value)).alias(name) for name, value in values.items()]
        parts.append(part.with_columns(held))
    return pl.concat(parts) if parts else frame.clear()


# --- rows that both sides have --------------------------------------------------------------------------------------


async def judge_present(
    desk: Desk, route: DirectionPlan, rows: pl.DataFrame, partners: pl.DataFrame
) -> list[pl.DataFrame]:
    """``rows``, which all have partners, are compared with them; gives what is to be written of those that differ."""
    if rows.is_empty() or not route.columns:
        desk.endings.end(rows[ROW].to_list(), Ending.EQUAL)
        return []
    frame, lookups = await _transformed(desk, route, rows)
    frame = await filled(desk, route, _without(frame, _KEY), lookups)
    ways_back = None if desk.exact else returns(desk.job)
    comparison = Comparison(route, ways_back, desk.job.plan.created_only[route.direction])
    changes = await asyncio.to_thread(comparison.changes, frame, partners, rows)
    desk.endings.end(frame[ROW].to_list(), Ending.EQUAL)
    for changed in changes.frames:
        desk.endings.end(changed[ROW].to_list(), Ending.UPDATED)
    desk.endings.settled_by_master(changes.settled[ROW].to_list())
    if desk.preview is not None:
        desk.preview.tell(changes.settled, desk.endings.label)
    _leave_open(desk, frame)
    return changes.frames
