"""Ten thousand changes from both sides: saved live, and saved while their maps are paused and replayed afterwards.

The same clients make the same sort of changes: chains of updates of one record, a customer and a contact in one
transaction, records that are made, changed and deleted.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.live_update import CALLER, COMPANY, ENTITY, prepare
from dualwrite.catalog.maps import demonstration_names
from dualwrite.composition.house import House, open_house
from dualwrite.environments.port import Command, Create, Delete, RecordKey, RowQuery, Update
from dualwrite.metadata.schema import Side
from dualwrite.metadata.values import Value
from dualwrite.settings import Settings
from dualwrite.sync.comparison import compare_map

CHANGES = 10_000
CLIENTS = 8
PERSON = "smmContactPersonCDSV2Entity"


async def measure_catch_up(folder: Path) -> None:
    """Prints the rates and their ratio, and whether both sides agree afterwards."""
    async with open_house(Settings.load(data_folder=folder)) as house:
        await prepare(house)
        ids = await _ids(house)
        live, live_s = await _saved(house, ids, "L")
        names = demonstration_names()
        lifecycle = house.lifecycle
        await lifecycle.pause(names)
        queued, queued_s = await _saved(house, ids, "Q")
        start = time.perf_counter()
        record = await lifecycle.resume(names)
        replayed_s = time.perf_counter() - start
        differences = await _differences(house)
    table = Table(title=f"{CHANGES:,} changes in {live:,} transactions, {CLIENTS} clients", title_justify="left")
    for heading in ("", "s", "transactions / s", "of live"):
        table.add_column(heading, justify="left" if not heading else "right")
    for name, transactions, seconds in (
        ("saved live, on both sides", live, live_s),
        ("saved while paused", queued, queued_s),
        ("replayed", queued, replayed_s),
    ):
        rate = transactions / seconds
        table.add_row(name, f"{seconds:.1f}", f"{rate:,.0f}", f"{rate * live_s / live:.2f}")
    console = Console(width=120)
    console.print(table)
    console.print(f"{record.counts}")
    console.print(f"{len(differences)} differences: {differences[:5]}" if differences else "Both sides agree.")


async def _ids(house: House) -> Mapping[str, Value]:
    """What an account belongs to, by its columns."""
    found: dict[str, Value] = {}
    for column, table, key in (
        ("msdyn_company", "cdm_company", "cdm_companyid"),
        ("msdyn_customergroupid", "msdyn_customergroup", "msdyn_customergroupid"),
        ("transactioncurrencyid", "transactioncurrency", "transactioncurrencyid"),
    ):
        found[column] = (await house.dataverse.read(RowQuery(table))).rows[0][key]
    return found


async def _saved(house: House, ids: Mapping[str, Value], prefix: str) -> tuple[int, float]:
    """How many transactions have been saved, in which time."""
    work: list[Iterator[tuple[Side, Sequence[Command]]]] = [
        _changes(f"{prefix}{client}", ids, CHANGES // CLIENTS) for client in range(CLIENTS)
    ]

    async def client(transactions: Iterator[tuple[Side, Sequence[Command]]]) -> int:
        saved = 0
        for side, commands in transactions:
            environment = house.finops if side is Side.FINOPS else house.dataverse
            await environment.transact(commands, caller=CALLER)
            saved += 1
        return saved

    start = time.perf_counter()
    saved = sum(await asyncio.gather(*map(client, work)))
    return saved, time.perf_counter() - start


def _changes(prefix: str, ids: Mapping[str, Value], records: int) -> Iterator[tuple[Side, Sequence[Command]]]:
    """Transactions with so many changes of records, from either side in turn."""
    made = number = 0
    while made < records:
        side = Side.FINOPS if number % 2 == 0 else Side.DATAVERSE
        for commands in _unit(side, f"{prefix}-{number:05}", ids):
            yield side, commands
            made += len(commands)
        number += 1


def _unit(side: Side, name: str, ids: Mapping[str, Value]) -> Iterator[Sequence[Command]]:
    if side is Side.FINOPS:
        yield [_customer(name), _person(name)]
        key = _customer_key(name)
        yield from ([Update(ENTITY, key, {"CreditLimit": step}, echo=False)] for step in range(1, 5))
        yield [_customer(f"{name}X")]
        yield [Update(ENTITY, _customer_key(f"{name}X"), {"SalesMemo": "said"}, echo=False)]
        yield [Delete(ENTITY, _customer_key(f"{name}X"))]
        return
    yield [_account(name, ids)]
    key = RecordKey((("accountnumber", name), ("msdyn_company", ids["msdyn_company"])))
    yield from ([Update("account", key, {"creditlimit": step}, echo=False)] for step in range(1, 5))


def _customer(name: str) -> Create:
    values: dict[str, Value] = {
        "dataAreaId": COMPANY,
        "CustomerAccount": name,
        "OrganizationName": f"Customer {name}",
        "PartyType": "Organization",
        "CustomerGroupId": "10",
        "SalesCurrencyCode": "USD",
    }
    return Create(ENTITY, values)


def _person(name: str) -> Create:
    values: dict[str, Value] = {
        "dataAreaId": COMPANY,
        "ContactPersonId": f"P{name}",
        "AssociatedContactType": "Customer",
        "AssociatedContactNumber": name,
        "FirstName": "Ada",
        "LastName": name,
    }
    return Create(PERSON, values)


def _customer_key(name: str) -> RecordKey:
    return RecordKey((("dataAreaId", COMPANY), ("CustomerAccount", name)))


def _account(name: str, ids: Mapping[str, Value]) -> Create:
    return Create("account", {"accountnumber": name, "name": f"Account {name}", "customertypecode": 3, **ids})


async def _differences(house: House) -> list[str]:
    routing = await house.router.current()
    found: list[str] = []
    for plan in routing.plans:
        comparison = await compare_map(house.pair, routing, plan)
        found += [
            f"{plan.map.name}: {each}" for each in (*comparison.missing, *comparison.extra, *comparison.different)
        ]
    return found
