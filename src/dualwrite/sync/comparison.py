"""Comparison: whether both sides agree, record by record and column by column, under the map's own rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from dualwrite.environments.port import Environment, Follow, RowQuery, Session
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
    table = plan.finops if environment.side is Side.FINOPS else plan.dataverse
    own = plan.to_dataverse if environment.side is Side.FINOPS else plan.to_finops
    keyed = plan.to_dataverse or plan.to_finops
    assert keyed is not None
    halves: dict[_Key, _Half] = {}
    async with environment.participate() as session:
        await session.begin()
        codes = CompanyCodes(session)
        paths = _paths(plan, own, keyed, environment.side)
        async for rows in environment.scan(RowQuery(table.name)):
            related = await _related(session, table, rows, paths)
            for row in rows:
                company = await company_of(plan, row, routing.companies, codes)
                if isinstance(company, Ending):
                    continue
                half = _half(environment.side, (own, keyed), row, related.get(record_id(table, row), {}), company)
                halves[half[0]] = half[1]
    return halves


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
