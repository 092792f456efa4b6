"""Every map that is shipped carries made-up records both ways, created and changed, and every mapped column arrives."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from halves import MadeUp, Pointer, same

from databases import Cloning, Databases
from dualwrite.catalog import load_schema
from dualwrite.catalog.maps import Solution, load_solutions
from dualwrite.database.server import Server
from dualwrite.environments.hosted.environment import HostedEnvironment
from dualwrite.environments.port import Create, Epoch, LegalEntityLink, RecordKey, RowQuery, Update
from dualwrite.filters.tree import And, ColumnPath, Compare, Comparison, Expression
from dualwrite.maps.compile import compile_map
from dualwrite.maps.plan import DirectionPlan, Plan
from dualwrite.maps.values import MapVersion
from dualwrite.metadata.empty import empty_value
from dualwrite.metadata.schema import Side, Table
from dualwrite.metadata.values import LegalEntityId, Row, target_entry
from dualwrite.sync.link import Companies, Pair, Routing
from dualwrite.sync.live import LiveSync
from dualwrite.sync.tally import Tally
from linked_pair import CALLER, hosted_dataverse, hosted_finops

FINOPS, DATAVERSE = load_schema(Side.FINOPS), load_schema(Side.DATAVERSE)
COMPANY = "usmf"
LINKED = (COMPANY, *(f"c{number}" for number in range(10)))


def _shipped() -> list[Any]:
    solutions: tuple[Solution, ...] = load_solutions()
    return [
        pytest.param(version, id=f"{solution.name}:{version.name} {version.version}")
        for solution in solutions
        for version in solution.maps
    ]


class OneMap:
    """Implements ``link.Router`` for the map that a test has chosen."""

    def __init__(self) -> None:
        self.plan: Plan | None = None

    def expire(self) -> None: ...

    async def current(self) -> Routing:
        links = tuple(LegalEntityLink(LegalEntityId(each), each) for each in LINKED)
        return Routing(Epoch(1), () if self.plan is None else (self.plan,), Companies(links))


@dataclass
class Workbench:
    """Two linked environments through which one map at a time runs, and a way to write rows that no map sees."""

    finops: HostedEnvironment
    dataverse: HostedEnvironment
    quiet_finops: HostedEnvironment
    quiet_dataverse: HostedEnvironment
    router: OneMap
    company: UUID
    pointed_at: dict[Pointer, UUID] = field(default_factory=dict)
    spare: Iterator[str] = field(default_factory=lambda: iter(LINKED[1:]))
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def spare_company(self, plan: Plan) -> dict[str, Any]:
        """What a map of companies must be given: a legal entity that is linked and not there yet."""
        return {"LegalEntityId": next(self.spare)} if plan.dataverse.name == "cdm_company" else {}

    async def row_pointed_at(self, pointer: Pointer) -> UUID:
        """The id of a Dataverse row with these values, made where there is none."""
        known = self.pointed_at.get(pointer)
        if known is not None:
            return known
        table = DATAVERSE.table(pointer.table)
        values: dict[str, Any] = {}
        behind: dict[str, list[tuple[tuple[str, ...], Any]]] = {}
        for path, value in pointer.values:
            if len(path) == 1:
                values[path[0]] = value
            else:
                behind.setdefault(path[0], []).append((path[1:], value))
        for name, deeper in behind.items():
            target = table.column(name).targets[0]
            values[name] = await self.row_pointed_at(Pointer(target, tuple(deeper)))
        if table.company_column is not None:
            values.setdefault(table.company_column, self.company)
        (change,) = await self.quiet_dataverse.transact([Create(table.name, values)], caller=CALLER)
        row_id = change.image[table.key[0]]
        assert isinstance(row_id, UUID)
        self.pointed_at[pointer] = row_id
        return row_id

    async def pointers_resolved(self, table: Table, values: Mapping[str, Any]) -> dict[str, Any]:
        resolved: dict[str, Any] = {}
        for name, value in values.items():
            if isinstance(value, Pointer):
                resolved[name] = await self.row_pointed_at(value)
                if table.column(name).is_polymorphic:
                    resolved[target_entry(name)] = value.table
            else:
                resolved[name] = value
        return resolved


@pytest.fixture(scope="module")
async def bench(server: Server, cloning: Cloning, templates: Databases) -> AsyncIterator[Workbench]:
    names = [cloning.clone(each, "every_map") for each in (templates.finops, templates.dataverse)]
    conninfos = [server.conninfo(name) for name in names]
    environments = [
        hosted_finops(conninfos[0]),
        hosted_dataverse(conninfos[1]),
        hosted_finops(conninfos[0]),
        hosted_dataverse(conninfos[1]),
    ]
    for each in environments:
        await each.open()
    finops, dataverse, quiet_finops, quiet_dataverse = environments
    router, pair = OneMap(), Pair(finops, dataverse)
    for source, target in ((finops, dataverse), (dataverse, finops)):
        source.follow_pipeline(LiveSync(source=source, target=target, pair=pair, router=router, tally=Tally()))
    await quiet_finops.transact([Create("OMLegalEntity", {"LegalEntityId": COMPANY, "Name": "One"})], caller=CALLER)
    company = {"cdm_companycode": COMPANY, "cdm_name": "One"}
    (change,) = await quiet_dataverse.transact([Create("cdm_company", company)], caller=CALLER)
    row_id = change.image["cdm_companyid"]
    assert isinstance(row_id, UUID)
    yield Workbench(finops, dataverse, quiet_finops, quiet_dataverse, router, row_id)
    for each in environments:
        await each.close()
    for name in names:
        cloning.drop(name)


@pytest.mark.parametrize("version", _shipped())
async def test_every_mapped_column_arrives(bench: Workbench, version: MapVersion) -> None:
    plan = compile_map(version, finops=FINOPS, dataverse=DATAVERSE)
    assert isinstance(plan, Plan), [str(each) for each in plan]
    assert plan.to_dataverse is not None or plan.to_finops is not None
    bench.router.plan = plan
    wrong: list[str] = []
    made = MadeUp(version, FINOPS, DATAVERSE, numbers=bench.numbers)
    for alternative in (0, 1):
        if plan.to_dataverse is not None:
            wrong += await _towards_dataverse(bench, plan, plan.to_dataverse, made, alternative)
        if plan.to_finops is not None:
            wrong += await _towards_finops(bench, plan, plan.to_finops, made, alternative)
    assert wrong == []


async def _towards_dataverse(
    bench: Workbench, plan: Plan, way: DirectionPlan, made: MadeUp, alternative: int
) -> list[str]:
    wrong: list[str] = []
    pinned: dict[str, Any] = bench.spare_company(plan)
    for step in ("create", "update"):
        row, expected = made.finops_half(alternative=alternative, pinned=pinned)
        expected = await bench.pointers_resolved(plan.dataverse, expected)
        if plan.finops.company_column is not None:
            row[plan.finops.company_column] = COMPANY
        if step == "create":
            await bench.finops.transact([Create(plan.finops.name, row)], caller=CALLER)
            pinned = {name: row[name] for name in _key_columns(plan) if name in row}
        else:
            key = RecordKey(tuple((name, row[name]) for name in plan.finops.key))
            created_only = plan.created_only[way.direction]
            expected = {name: value for name, value in expected.items() if name not in created_only}
            await bench.finops.transact([Update(plan.finops.name, key, row)], caller=CALLER)
        found = await _partner(bench.dataverse, plan.dataverse, expected, _own_key(plan))
        wrong += _differences(f"{step} to Dataverse", plan.dataverse, expected, found)
    return wrong


async def _towards_finops(
    bench: Workbench, plan: Plan, way: DirectionPlan, made: MadeUp, alternative: int
) -> list[str]:
    wrong: list[str] = []
    pinned: dict[str, Any] = bench.spare_company(plan)
    row_id: Any = None
    for step in ("create", "update"):
        half = made.dataverse_half(alternative=alternative, pinned=pinned)
        row = await bench.pointers_resolved(plan.dataverse, half)
        if plan.dataverse.company_column is not None:
            row[plan.dataverse.company_column] = bench.company
        if step == "create":
            (change,) = await bench.dataverse.transact([Create(plan.dataverse.name, row)], caller=CALLER)
            row_id = change.image[plan.dataverse.key[0]]
            expected = made.expected_in_finops({**change.image, **half})
            pinned = {name: expected[name] for name in _key_columns(plan) if name in expected}
        else:
            key = RecordKey(((plan.dataverse.key[0], row_id),))
            (change,) = await bench.dataverse.transact([Update(plan.dataverse.name, key, row)], caller=CALLER)
            expected = made.expected_in_finops({**change.image, **half})
            created_only = plan.created_only[way.direction]
            expected = {name: value for name, value in expected.items() if name not in created_only}
        names = [name for name in plan.finops.key if name != plan.finops.company_column]
        found = await _partner(bench.finops, plan.finops, expected, names)
        wrong += _differences(f"{step} to finance and operations", plan.finops, expected, found)
    return wrong


def _key_columns(plan: Plan) -> set[str]:
    """Finance and operations columns that identify a record on either side, and so never change."""
    to_id = {pair.finops_column for pair in plan.pairs if pair.paths[0][1] == plan.dataverse.key}
    return {*plan.finops.key, *(part.finops_column for part in plan.key), *to_id}


def _own_key(plan: Plan) -> list[str]:
    return list(dict.fromkeys(part.dataverse_path[0] for part in plan.key))


async def _partner(
    environment: HostedEnvironment, table: Table, expected: Mapping[str, Any], names: list[str]
) -> list[Row]:
    """The rows whose key columns are as expected."""
    tests = tuple(Compare(Comparison.EQ, ColumnPath((name,)), expected[name]) for name in names)
    where: Expression = tests[0] if len(tests) == 1 else And(tests)
    return list((await environment.read(RowQuery(table.name, where=where))).rows)


def _differences(what: str, table: Table, expected: Mapping[str, Any], found: list[Row]) -> list[str]:
    if len(found) != 1:
        return [f"{what}: {len(found)} rows of {table.name} instead of one: {dict(expected)}"]
    wrong: list[str] = []
    for name, value in expected.items():
        there = found[0][name]
        if value is None and table.side is Side.FINOPS:
            value = empty_value(table.column(name))
        if value is None and there is False:
            continue
        if not same(value, there):
            wrong.append(f"{what}: {name} is {there!r} instead of {value!r}")
    return wrong
