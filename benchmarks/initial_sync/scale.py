"""Two hundred legal entities and sixty maps in one command: in order, without a deadlock, and the sums add up."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg
from rich.console import Console

from benchmarks.initial_sync.companies_data import SOLUTIONS, CompanyData, legal_entities, sixty_maps
from benchmarks.initial_sync.program import RunFigures, run_command
from benchmarks.initial_sync.world import conninfo, settings_of
from dualwrite.composition.house import CONNECTION, House, open_house
from dualwrite.environments.hosted.ddl import relation
from dualwrite.linking.link import link_environments
from dualwrite.maps.plan import Plan
from dualwrite.maps.values import Direction
from dualwrite.solutions.application import apply_named

_ENDINGS = ("inserted", "updated", "equal", "filtered", "refused")


@dataclass(frozen=True, slots=True)
class Breadth:
    """``rows`` in every table, of each legal entity where the table has companies."""

    legal_entities: int = 200
    rows: int = 20
    workers: int = 2


async def measure_scale(folder: Path, breadth: Breadth) -> None:
    """Prints how long it took, and says so when a sum does not add up."""
    console = Console(width=120)
    plans = sixty_maps()
    async with open_house(settings_of(folder)) as house:
        console.print(f"Making rows of {len(plans)} maps for {breadth.legal_entities} legal entities …", style="dim")
        await prepare(house, plans, breadth)
        figures = await asyncio.to_thread(run_all, folder, plans, workers=breadth.workers)
        wrong = [*unsound_counts(figures), *wrong_order(figures, plans), *miscounted(house, figures, plans)]
    total = figures.total
    console.print(
        f"{breadth.legal_entities} legal entities x {len(plans)} maps, {breadth.workers} worker(s): "
        f"{total['read']:,} rows in {figures.seconds:.1f} s ({total['read'] / figures.seconds:,.0f} rows/s), "
        f"peak {figures.largest_peak_mib:,.0f} MiB"
    )
    console.print(", ".join(f"{total[each]:,} {each}" for each in _ENDINGS))
    for each in wrong:
        console.print(each, style="red")
    if not wrong:
        console.print(
            "Every sum of map, direction and legal entity adds up, and the rows are where they are said to be."
        )


async def prepare(house: House, plans: Sequence[Plan], breadth: Breadth) -> None:
    """The rows are in finance and operations, the environments linked, the maps there, and none of them runs."""
    companies = legal_entities(breadth.legal_entities)
    await house.ensure_tables({plan.finops.name for plan in plans}, {plan.dataverse.name for plan in plans})
    data = CompanyData(plans, companies, rows=breadth.rows)
    await asyncio.to_thread(data.write, conninfo(house, "finops"))
    await link_environments(house.store, house.pair, CONNECTION, legal_entities=companies, who="benchmark")
    for name in SOLUTIONS:
        await apply_named(
            house.store, CONNECTION, name, who="benchmark", with_dependencies=True, ensure_tables=house.ensure_tables
        )


def run_all(folder: Path, plans: Sequence[Plan], *, workers: int) -> RunFigures:
    """One run of all the maps."""
    names = [plan.map.name for plan in plans]
    return run_command(folder, "initial-sync", "run", *names, "--no-related", "--yes", workers=workers)


def unsound_counts(figures: RunFigures) -> Sequence[str]:
    """Where read = inserted + updated + equal + filtered + refused does not hold."""
    return [
        f"{each['map']}, {each['direction']}, {each['legal_entity']}: {each}"
        for each in figures.document["counts"]
        if each["read"] != sum(each[name] for name in _ENDINGS)
    ]


def wrong_order(figures: RunFigures, plans: Sequence[Plan]) -> Sequence[str]:
    """The maps that come before one that they look up, though it does not look up them."""
    places = {each["map"]: place for place, each in enumerate(figures.document["maps"])}
    looked_up = {plan.map.name: plan.to_dataverse.lookup_tables for plan in plans if plan.to_dataverse is not None}
    fillers = {plan.dataverse.name: plan for plan in plans}
    wrong = []
    for plan in plans:
        for table in looked_up[plan.map.name]:
            filler = fillers.get(table)
            if filler is None or filler is plan or _leads_to(filler, plan, fillers):
                continue
            if places[plan.map.name] < places[filler.map.name]:
                wrong.append(f"{plan.map.name} comes before {filler.map.name}")
    return wrong


def _leads_to(start: Plan, end: Plan, fillers: dict[str, Plan]) -> bool:
    """Whether the lookups of ``start`` lead to the rows of ``end``, so that the two are in a circle."""
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        plan = waiting.pop()
        if plan is end:
            return True
        if plan.dataverse.name in seen or plan.to_dataverse is None:
            continue
        seen.add(plan.dataverse.name)
        waiting += [fillers[table] for table in plan.to_dataverse.lookup_tables if table in fillers]
    return False


def miscounted(house: House, figures: RunFigures, plans: Sequence[Plan]) -> Sequence[str]:
    """The maps whose counts are not what the tables hold."""
    read, written = Counter[str](), Counter[str]()
    for each in figures.document["counts"]:
        if each["direction"] == Direction.TO_DATAVERSE.value:
            read[each["map"]] += each["read"]
            written[each["map"]] += each["inserted"]
    wrong = []
    with (
        psycopg.connect(conninfo(house, "finops")) as finops,
        psycopg.connect(conninfo(house, "dataverse")) as dataverse,
    ):
        for plan in plans:
            there, here = _count(finops, relation(plan.finops)), _count(dataverse, relation(plan.dataverse))
            if read[plan.map.name] != there:
                wrong.append(f"{plan.map.name}: {there} rows in finance and operations, {read[plan.map.name]} read")
            if written[plan.map.name] > here:
                wrong.append(f"{plan.map.name}: {written[plan.map.name]} rows inserted, {here} in Dataverse")
    return wrong


def _count(connection: psycopg.Connection[tuple[object, ...]], name: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM {name}".encode()).fetchone()
    assert row is not None
    return int(str(row[0]))
