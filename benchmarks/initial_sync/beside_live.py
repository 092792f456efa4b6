"""People go on working on both sides while the customers are copied: nothing is lost, and they hardly notice."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from benchmarks.figures import Samples, print_latencies
from benchmarks.initial_sync.customers import ENTITY, CustomerData, write_customers
from benchmarks.initial_sync.differences import differences
from benchmarks.initial_sync.program import run_command
from benchmarks.initial_sync.world import CALLER, USMF, conninfo, customers_map_name, linked_house
from dualwrite.composition.house import House
from dualwrite.environments.hosted.dataverse_seed import ADMINISTRATOR_ID
from dualwrite.environments.port import Caller, Command, Create, Delete, RecordKey, RowQuery, Update
from dualwrite.errors import Contention, DuplicateRecord, EnvironmentUnavailable, RecordNotFound, RecordRefused
from dualwrite.metadata.schema import Side
from dualwrite.metadata.values import Value

_USER = Caller("benchmark", company=USMF, user_id=ADMINISTRATOR_ID)
_MINDS_S = 10.0
"""How long is measured without a run."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """``rows`` customers are copied while each side is written to so often a second."""

    rows: int = 200_000
    writes_per_s: int = 50
    workers: int = 1


async def measure_beside_live(folder: Path, traffic: Traffic) -> None:
    """Prints latencies with and without a run, what became of the writes, and whether both sides agree."""
    console = Console(width=120)
    async with linked_house(folder) as house:
        console.print(f"Making {traffic.rows:,} customers …", style="dim")
        await asyncio.to_thread(write_customers, conninfo(house, "finops"), CustomerData(traffic.rows))
        ids = await _ids(house)
        during = [_Users(house, side, traffic, ids, "during the run") for side in Side]
        for each in during:
            each.begin()
        arguments = ("initial-sync", "run", customers_map_name(), "--no-related", "--yes")
        figures = await asyncio.to_thread(run_command, folder, *arguments, workers=traffic.workers)
        for each in during:
            await each.end()
        afterwards = [_Users(house, side, traffic, ids, "without a run") for side in Side]
        for each in afterwards:
            each.begin()
        await asyncio.sleep(_MINDS_S)
        for each in afterwards:
            await each.end()
        plan = await house.lifecycle.plan(customers_map_name())
        found = await asyncio.to_thread(differences, plan, conninfo(house, "finops"), conninfo(house, "dataverse"))
    total = figures.total
    title = (
        f"{traffic.rows:,} customers copied in {figures.seconds:.1f} s, {traffic.writes_per_s} writes/s on both sides"
    )
    print_latencies(title, [each.samples for pair in zip(afterwards, during, strict=True) for each in pair])
    console.print(", ".join(f"{name} {count:,}" for name, count in total.items()))
    for each in (*during, *afterwards):
        console.print(f"{each.samples.name}: {', '.join(f'{count} {what}' for what, count in each.became.items())}")
    console.print(
        f"{len(found)} differences: {found[:5]}" if found else "Both sides agree.", style="red" if found else ""
    )


async def _ids(house: House) -> Mapping[str, Value]:
    """What a customer that is made in Dataverse belongs to, by the columns of accounts."""
    found: dict[str, Value] = {}
    for column, table, key in (
        ("msdyn_company", "cdm_company", "cdm_companyid"),
        ("msdyn_customergroupid", "msdyn_customergroup", "msdyn_customergroupid"),
        ("transactioncurrencyid", "transactioncurrency", "transactioncurrencyid"),
    ):
        found[column] = (await house.dataverse.read(RowQuery(table))).rows[0][key]
    return found


@dataclass
class _Users:
    """Writes to one side at a steady rate; who waits longer does not write more slowly."""

    house: House
    side: Side
    traffic: Traffic
    ids: Mapping[str, Value]
    when: str
    samples: Samples = field(init=False)
    became: Counter[str] = field(default_factory=Counter)
    _running: set[asyncio.Task[None]] = field(default_factory=set)
    _pacing: asyncio.Task[None] | None = None

    def __post_init__(self) -> None:
        self.samples = Samples(f"{self.side.value}, {self.when}")
        self._random = random.Random(f"{self.side.value} {self.when}")
        self._made = 0

    def begin(self) -> None:
        self._pacing = asyncio.create_task(self._pace())

    async def end(self) -> None:
        assert self._pacing is not None
        self._pacing.cancel()
        await asyncio.gather(*self._running)

    async def _pace(self) -> None:
        start = time.perf_counter()
        for number in range(10**9):
            await asyncio.sleep(max(0.0, start + number / self.traffic.writes_per_s - time.perf_counter()))
            task = asyncio.create_task(self._write(time.perf_counter()))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _write(self, since: float) -> None:
        environment = self.house.finops if self.side is Side.FINOPS else self.house.dataverse
        try:
            await environment.transact([self._command()], caller=CALLER if self.side is Side.FINOPS else _USER)
        except (RecordNotFound, DuplicateRecord):
            self.became["not there (any more, or yet)"] += 1
        except Contention:
            self.became["given up: somebody else kept changing the record"] += 1
        except RecordRefused as refusal:
            self.became[f"refused: {refusal.message}"] += 1
        except EnvironmentUnavailable:
            self.became["turned away: more at a time than the machine carries"] += 1
        else:
            self.became["written"] += 1
            self.samples.durations_s.append(time.perf_counter() - since)

    def _command(self) -> Command:
        drawn = self._random.random()
        number = self._random.randint(1, self.traffic.rows)
        account = f"C-{number:09}"
        if drawn < 0.05:
            return self._create()
        if drawn < 0.08:
            return Delete(self._table, self._key(account))
        memo = "description" if self.side is Side.DATAVERSE else "SalesMemo"
        credit = "creditlimit" if self.side is Side.DATAVERSE else "CreditLimit"
        return Update(
            self._table, self._key(account), {credit: self._random.randint(1, 10**6), memo: f"said {drawn}"}, echo=False
        )

    @property
    def _table(self) -> str:
        return ENTITY if self.side is Side.FINOPS else "account"

    def _key(self, account: str) -> RecordKey:
        if self.side is Side.FINOPS:
            return RecordKey((("dataAreaId", USMF), ("CustomerAccount", account)))
        return RecordKey((("accountnumber", account), ("msdyn_company", self.ids["msdyn_company"])))

    def _create(self) -> Create:
        self._made += 1
        account = f"{self.side.value[0].upper()}-{self.when[0]}{self._made:07}"
        if self.side is Side.FINOPS:
            return Create(
                ENTITY,
                {
                    "dataAreaId": USMF,
                    "CustomerAccount": account,
                    "OrganizationName": "New",
                    "PartyType": "Organization",
                    "CustomerGroupId": "10",
                    "SalesCurrencyCode": "USD",
                },
            )
        return Create("account", {"accountnumber": account, "name": "New", "customertypecode": 3, **self.ids})
