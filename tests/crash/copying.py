"""A house with a few thousand rows that are copied by worker processes, and whether all of them have arrived once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from dualwrite.catalog.maps import demonstration_maps, demonstration_names
from dualwrite.composition.house import CONNECTION, House, open_house
from dualwrite.demo.finops import CUSTOMERS, finops_rows
from dualwrite.environments.port import Caller, Create, RowQuery
from dualwrite.lifecycle.initial_sync.desk import InitialSyncs
from dualwrite.lifecycle.initial_sync.options import MapChoice, RunOptions
from dualwrite.lifecycle.initial_sync.reports import SyncReports
from dualwrite.lifecycle.transitions import is_live
from dualwrite.linking.link import link_environments
from dualwrite.maps.values import Direction
from dualwrite.metadata.values import LegalEntityId
from dualwrite.settings import PREFIX, Settings
from dualwrite.solutions.starter import apply_starters
from dualwrite.store.initial_syncs import RunId, RunState
from dualwrite.sync.comparison import compare_map

LINKED = (LegalEntityId("usmf"), LegalEntityId("demf"))
WORKERS = {f"{PREFIX}PARTITION_ROWS": "100", f"{PREFIX}WORKER_CONCURRENCY": "2"}
"""Settings under which a few thousand rows are dozens of partitions."""
LONGEST_S = 600
_CALLER = Caller("tests", company=LINKED[0])
_AT_ONCE = 500


@asynccontextmanager
async def filled_house(folder: Path) -> AsyncIterator[House]:
    """The demonstration's rows; the maps have not run yet, and this process does no work."""
    async with open_house(Settings.load(data_folder=folder, admin_port=0, finops_port=0, dataverse_port=0)) as house:
        _forget_safety(house)
        rows = [(table, row) for table, some in finops_rows() for row in some]
        await house.ensure_tables({table for table, _ in rows}, ())
        await _create(house, [Create(table, row) for table, row in rows])
        await link_environments(house.store, house.pair, CONNECTION, legal_entities=LINKED, who="tests")
        await apply_starters(house.store, CONNECTION, who="tests", ensure_tables=house.ensure_tables)
        yield house


def worker_command(folder: Path) -> list[str]:
    return ["program", "--data-folder", str(folder), "worker"]


def _forget_safety(house: House) -> None:
    """Processes are killed here, the computer is not."""
    with psycopg.connect(house.server.conninfo("postgres"), autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("SELECT pg_reload_conf()")


async def more_customers(house: House, prefix: str, number: int) -> None:
    """Customers of both companies that the other side does not have. Every tenth is billed through an earlier one."""
    company = len(LINKED)
    customers = [
        Create(
            CUSTOMERS,
            {
                "dataAreaId": LINKED[each % company],
                "CustomerAccount": f"{prefix}-{each:06}",
                "PartyType": "Organization",
                "CustomerGroupId": "10",
                "SalesCurrencyCode": "USD",
                "OrganizationName": f"Customer {each}",
                "InvoiceAccount": f"{prefix}-{each - company:06}" if each % 10 == 9 else "",
            },
        )
        for each in range(number)
    ]
    await _create(house, customers)


def customer_maps() -> list[str]:
    return [each.map.name for each in demonstration_maps() if each.map.finops_entity == CUSTOMERS]


async def stop_maps(house: House) -> None:
    """No map is running; what is saved now is for the next run."""
    live = [each.name for each in await house.store.maps.list(CONNECTION) if is_live(each.state)]
    if live:
        await house.lifecycle.stop(live)


async def _create(house: House, commands: Sequence[Create]) -> None:
    for start in range(0, len(commands), _AT_ONCE):
        await house.finops.transact(commands[start : start + _AT_ONCE], caller=_CALLER)


@dataclass(frozen=True)
class Copy:
    """One run."""

    house: House
    run: RunId

    @classmethod
    async def begin(cls, house: House, names: Sequence[str] = ()) -> Copy:
        """Whoever takes part begins with it. ``names``: some maps instead of all those of the demonstration."""
        choices = tuple(MapChoice(name) for name in names or demonstration_names())
        desk = InitialSyncs(house.store, CONNECTION, house.router)
        run = await desk.start(RunOptions(choices, who="tests"))
        await house.conductor.conduct(run)
        return cls(house, run)

    async def state(self) -> RunState:
        record = await self.house.store.initial_syncs.get(self.run)
        assert record is not None
        return record.state

    async def at_rest(self) -> RunState:
        """Where the run stands when nothing goes on any more. Raises: TimeoutError."""
        async with asyncio.timeout(LONGEST_S):
            while not (state := await self.state()).is_at_rest:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        return state

    async def workers(self) -> Counter[str]:
        """By worker, how many partitions it has begun last."""
        found = await self.house.store.partitions.list(self.run)
        return Counter(each.worker for each in found if each.worker)

    async def goes_on(self) -> bool:
        return not (await self.state()).is_at_rest

    async def begun_again(self) -> int:
        """How often a partition was begun that somebody had begun before."""
        return sum(max(each.attempts - 1, 0) for each in await self.house.store.partitions.list(self.run))

    async def complaints(self) -> list[str]:
        """Everything that does not hold of what it should when the run has ended; empty when all is well."""
        found: list[str] = []
        if (state := await self.state()) is not RunState.COMPLETED:
            record = await self.house.store.initial_syncs.get(self.run)
            assert record is not None
            found.append(f"the run is {state.value}: {record.message}")
        return [*found, *await self._sums(), *await self._differences()]

    async def _sums(self) -> list[str]:
        """Every row of the sources has been read once, and has ended once."""
        found: list[str] = []
        report = await SyncReports(self.house.store, CONNECTION).report(self.run)
        read: Counter[str] = Counter()
        for each in report.counts:
            counts = each.counts
            ended = counts.inserted + counts.updated + counts.equal + counts.filtered + counts.refused
            if counts.read != ended or counts.refused:
                found.append(f"{each.map} in {each.legal_entity}: {counts}")
            if each.direction is Direction.TO_DATAVERSE:
                read[each.map] += counts.read
        for plan in (await self.house.router.current()).plans:
            if plan.map.name in read:
                there = await _rows(self.house, plan.finops.name)
                if read[plan.map.name] != there:
                    found.append(f"{plan.map.name}: {read[plan.map.name]} rows read, {there} are there")
        return found

    async def _differences(self) -> list[str]:
        found: list[str] = []
        routing = await self.house.router.current()
        for plan in routing.plans:
            comparison = await compare_map(self.house.pair, routing, plan)
            if not comparison.is_clean:
                found.append(
                    f"{plan.map.name}: {len(comparison.missing)} missing, {len(comparison.extra)} too many, "
                    f"{len(comparison.different)} different, such as "
                    f"{[*comparison.missing, *comparison.extra, *map(str, comparison.different)][:3]}"
                )
        return found


async def _rows(house: House, table: str) -> int:
    key = house.finops.schema.table(table).key
    return sum([len(some) async for some in house.finops.scan(RowQuery(table, columns=key))])
