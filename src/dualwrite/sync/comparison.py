"""Comparison: whether both sides agree, record by record and column by column, under the map's own rules."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from uuid import UUID

from dualwrite.environments.port import Condition, Environment, Follow, RowQuery, Search, Session
from dualwrite.errors import RecordRefused
from dualwrite.filters.columns import columns_of
from dualwrite.filters.evaluate import matches
from dualwrite.maps.equality import ColumnDifference, differs
from dualwrite.maps.execute import key_of
from dualwrite.maps.plan import DirectionPlan, Path, Plan
from dualwrite.metadata.schema import Side, Table
from dualwrite.metadata.values import Row, Value, target_entry
from dualwrite.sync.link import Pair, Routing
from dualwrite.sync.mapping import CompanyCodes, company_of, folded_key, record_id, record_label
from dualwrite.sync.tally import Ending

_Key = tuple[object, ...]
_RUNS = 10
"""A sample is taken at so many places of a table."""


@dataclass(frozen=True, slots=True)
class RecordDifference:
    """A record that the two sides hold differently."""

    record: str
    company: str | None
    columns: tuple[ColumnDifference, ...]


@dataclass(slots=True)
class Comparison:
    """What comparing one map found. Records are named as ``<company>: <key>``."""

    map_name: str
    compared: int = 0
    missing: list[str] = field(default_factory=list)
    """In finance and operations, not in Dataverse."""
    extra: list[str] = field(default_factory=list)
    """In Dataverse, not in finance and operations."""
    different: list[RecordDifference] = field(default_factory=list)
    outside_filter: int = 0
    """Records whose partner exists but has left the map's filter; not a difference."""

    @property
    def is_clean(self) -> bool:
        return not (self.missing or self.extra or self.different)


@dataclass(frozen=True, slots=True)
class _Half:
    row: Row
    related: Mapping[Path, Value]
    passes: bool
    label: str
    company: str | None


async def compare_map(pair: Pair, routing: Routing, plan: Plan) -> Comparison:
    """Every record of the map on both sides, each side read in one snapshot. Reads only."""
    result = Comparison(plan.map.name)
    finops = await _halves(pair.finops, routing, plan)
    dataverse = await _halves(pair.dataverse, routing, plan)
    for key, half in finops.items():
        partner = dataverse.get(key)
        if partner is None:
            if half.passes and plan.to_dataverse is not None:
                result.missing.append(_name(half))
        elif half.passes and partner.passes:
            _compare_halves(plan, half, partner, result)
        elif half.passes or partner.passes:
            result.outside_filter += 1
    for key, half in dataverse.items():
        if key not in finops and half.passes and plan.to_finops is not None:
            result.extra.append(_name(half))
    return result


def _compare_halves(plan: Plan, finops: _Half, dataverse: _Half, result: Comparison) -> None:
    result.compared += 1
    found = differs(plan, finops.row, dataverse.row, related=dataverse.related)
    if found:
        result.different.append(RecordDifference(finops.label, finops.company, found))


def _name(half: _Half) -> str:
    return f"{half.company}: {half.label}" if half.company else half.label


async def _halves(environment: Environment, routing: Routing, plan: Plan) -> Mapping[_Key, _Half]:
    """The rows of one side by their key in the other side's words; rows that no map would carry are left out."""
    halves: dict[_Key, _Half] = {}
    async with environment.participate() as session:
        await session.begin()
        reader = _HalfReader(session, routing, plan, environment.side)
        async for rows in environment.scan(RowQuery(reader.table.name)):
            halves.update(await reader.halves(rows))
    return halves


class _HalfReader:
    """Makes halves of the rows of one side, within one transaction there."""

    def __init__(self, session: Session, routing: Routing, plan: Plan, side: Side) -> None:
        self.table = plan.finops if side is Side.FINOPS else plan.dataverse
        self._own = plan.to_dataverse if side is Side.FINOPS else plan.to_finops
        self._keyed = _keyed(plan)
        self._paths = _paths(plan, self._own, self._keyed, side)
        self._session, self._routing, self._plan, self._side = session, routing, plan, side
        self._codes = CompanyCodes(session)

    async def halves(self, rows: Sequence[Row]) -> Mapping[_Key, _Half]:
        """The rows by their key in the other side's words, without those that no map would carry."""
        related = await _related(self._session, self.table, rows, self._paths)
        halves: dict[_Key, _Half] = {}
        for row in rows:
            company = await company_of(self._plan, row, self._routing.companies, self._codes)
            if not isinstance(company, Ending):
                behind = related.get(record_id(self.table, row), {})
                key, half = _half(self._side, (self._own, self._keyed), row, behind, company)
                halves[key] = half
        return halves


def _keyed(plan: Plan) -> DirectionPlan:
    """The way by whose key records are matched."""
    keyed = plan.to_dataverse or plan.to_finops
    assert keyed is not None
    return keyed


async def compare_sample(pair: Pair, routing: Routing, plan: Plan, *, rows: int, chance: Random) -> Comparison:
    """About so many records of the map, drawn by lot from the side that it matches records from. Reads only.

    A record that is only on the other side is not found this way; :func:`compare_map` finds it.
    """
    route = _keyed(plan)
    source, target = pair.side(route.source.side), pair.side(route.target.side)
    result = Comparison(plan.map.name)
    async with source.participate() as here, target.participate() as there:
        await here.begin()
        await there.begin()
        mine = _HalfReader(here, routing, plan, source.side)
        theirs = _HalfReader(there, routing, plan, target.side)
        async for piece in _drawn(source, route.source, rows, chance):
            halves = await mine.halves(piece)
            found = await _partners(there, route, halves)
            partners = await theirs.halves(found)
            for key, half in halves.items():
                _compare_drawn(plan, (source.side, half), partners.get(key), result)
    return result


def _compare_drawn(plan: Plan, drawn: tuple[Side, _Half], partner: _Half | None, result: Comparison) -> None:
    side, half = drawn
    if partner is None:
        if half.passes:
            (result.missing if side is Side.FINOPS else result.extra).append(_name(half))
    elif half.passes and partner.passes:
        finops, dataverse = (half, partner) if side is Side.FINOPS else (partner, half)
        _compare_halves(plan, finops, dataverse, result)
    elif half.passes or partner.passes:
        result.outside_filter += 1


async def _drawn(environment: Environment, table: Table, rows: int, chance: Random) -> AsyncIterator[Sequence[Row]]:
    """Runs of neighbouring rows from places drawn by lot; all rows, where there are no more than asked for."""
    total = (await environment.read(RowQuery(table.name, limit=0, count=True))).total or 0
    if total <= rows:
        yield (await environment.read(RowQuery(table.name))).rows
        return
    size = math.ceil(rows / _RUNS)
    for start in sorted(chance.sample(range(total - size + 1), k=min(_RUNS, total - size + 1))):
        yield (await environment.read(RowQuery(table.name, limit=size, offset=start))).rows


async def _partners(target: Session, route: DirectionPlan, halves: Mapping[_Key, _Half]) -> Sequence[Row]:
    """The rows of the target under the keys of ``halves``. Raises: RecordRefused, when one finds several rows."""
    conditions = tuple(Condition(part.target_path) for part in route.key)
    wanted: dict[str | None, list[tuple[Value, ...]]] = {}
    for half in halves.values():
        with suppress(RecordRefused):
            wanted.setdefault(half.company, []).append(key_of(route, half.row, half.related))
    found: list[Row] = []
    for company, keys in wanted.items():
        search = Search(route.target.name, conditions, tuple(dict.fromkeys(keys)), company)
        found += [row for row in await target.search(search) if row is not None]
    return found


def _half(
    side: Side,
    routes: tuple[DirectionPlan | None, DirectionPlan],
    row: Row,
    related: Mapping[Path, Value],
    company: str | None,
) -> tuple[_Key, _Half]:
    own, keyed = routes
    passes = own is None or own.filter is None or matches(own.filter, row, related)
    label = record_label(own or keyed, row) if own is not None else _label(keyed, row, related)
    try:
        values = key_of(keyed, row, related) if keyed.source.side is side else _target_key(keyed, row, related)
        key: _Key = (company, *folded_key(values))
    except RecordRefused:
        # Nothing can be matched to a row without a key; it stands for itself.
        key = (company, id(row))
    return key, _Half(row, related, passes, label, company)


def _target_key(route: DirectionPlan, row: Row, related: Mapping[Path, Value]) -> Sequence[Value]:
    paths = (part.target_path for part in route.key)
    return [row.get(path[0]) if len(path) == 1 else related.get(path) for path in paths]


def _label(route: DirectionPlan, row: Row, related: Mapping[Path, Value]) -> str:
    return ", ".join(str(value) for value in _target_key(route, row, related))


def _paths(plan: Plan, own: DirectionPlan | None, keyed: DirectionPlan, side: Side) -> Mapping[Path, frozenset[str]]:
    """The paths behind lookups that are needed, with the tables that the lookup may point to (empty: any)."""
    paths: dict[Path, frozenset[str]] = {}
    if side is Side.DATAVERSE:
        for part in keyed.key:
            paths[part.target_path if keyed.target.side is side else part.source_path] = frozenset()
        for table, path in (each for pair in plan.pairs for each in pair.paths):
            paths[path] = paths.get(path, frozenset()) | ({table} if table is not None else set())
    if own is not None and own.filter is not None:
        paths |= {path.parts: frozenset() for path in columns_of(own.filter)}
    return {path: tables for path, tables in paths.items() if len(path) > 1}


async def _related(
    session: Session, table: Table, rows: Iterable[Row], paths: Mapping[Path, frozenset[str]]
) -> Mapping[Value, Mapping[Path, Value]]:
    """The values behind the lookups of many rows, by row id and path."""
    related: dict[Value, dict[Path, Value]] = {}
    for path, tables in paths.items():
        wanted: dict[str, dict[Value, UUID]] = {}
        for row in rows:
            value = row.get(path[0])
            target = str(row.get(target_entry(path[0])) or table.column(path[0]).targets[0])
            if isinstance(value, UUID) and (not tables or target in tables):
                wanted.setdefault(target, {})[record_id(table, row)] = value
        for target, ids in wanted.items():
            found = await session.follow(Follow(target, path[1:], tuple(set(ids.values()))))
            for row_id, value in ids.items():
                if value in found:
                    related.setdefault(row_id, {})[path] = found[value]
    return related
