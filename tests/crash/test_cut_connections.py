"""Connections cut in mid traffic, a recovery beside the living: some have to try again, nothing is torn or lost."""

from __future__ import annotations

import asyncio
import random
from collections import Counter

import psycopg
import pytest
from drill import Drill

from databases import Databases
from dualwrite.environments.port import Create, RecordKey, Update
from dualwrite.errors import EnvironmentUnavailable, OutcomeUnknown
from dualwrite.sync.recovery import Recovery
from linked_pair import CALLER, LinkedPair, hosted_dataverse, hosted_finops, open_linked

pytestmark = pytest.mark.crash

CUTS = 60
USERS = ("A", "B", "C")


def customer(account: str) -> Create:
    values = {"CustomerAccount": account, "CustomerGroupId": "10", "SalesCurrencyCode": "USD", "OrganizationName": "x"}
    return Create("CustCustomerV3Entity", {"dataAreaId": "usmf", "PartyType": "Organization", **values})


async def _count_up(pair: LinkedPair, side: str, name: str, stop: asyncio.Event, told: Counter[str]) -> tuple[int, int]:
    """Counts two customers up together until told to stop; gives how often that was acknowledged or unclear."""
    company = "usmf" if side == "finops" else await pair.company_id()
    environment = pair.finops if side == "finops" else pair.dataverse
    table, account, counter, company_column = (
        ("CustCustomerV3Entity", "CustomerAccount", "OrganizationNumberOfEmployees", "dataAreaId")
        if side == "finops"
        else ("account", "accountnumber", "numberofemployees", "msdyn_company")
    )
    keys = [RecordKey(((company_column, company), (account, f"{side[0]}{name}{half}"))) for half in "12"]
    number = unclear = 0
    while not stop.is_set():
        try:
            await environment.transact([Update(table, key, {counter: number + 1}) for key in keys], caller=CALLER)
            number += 1
        except EnvironmentUnavailable:
            told["unavailable"] += 1
        except OutcomeUnknown:
            told["unknown"] += 1
            unclear += 1
    return number, unclear


async def _cut(databases: Databases, chance: random.Random) -> None:
    query = (
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
        "AND backend_type = 'client backend' AND state <> 'idle'"
    )
    cuts = 0
    connections = [
        await psycopg.AsyncConnection.connect(each, autocommit=True) for each in (databases.finops, databases.dataverse)
    ]
    while cuts < CUTS:
        await asyncio.sleep(chance.uniform(0, 0.05))
        connection = chance.choice(connections)
        pids = [pid for (pid,) in await (await connection.execute(query)).fetchall()]
        if pids:
            await connection.execute("SELECT pg_terminate_backend(%s)", [chance.choice(pids)])
            cuts += 1
    for connection in connections:
        await connection.close()


async def test_cut_connections_tear_nothing_apart(linked: LinkedPair, linked_databases: Databases) -> None:
    names = [f"{side}{user}{half}" for side in "fd" for user in USERS for half in "12"]
    await linked.finops.transact([customer(each) for each in names], caller=CALLER)
    stop, told = asyncio.Event(), Counter[str]()
    users = [
        asyncio.create_task(_count_up(linked, side, name, stop, told))
        for side in ("finops", "dataverse")
        for name in USERS
    ]
    await _cut(linked_databases, random.Random(4))
    stop.set()
    counted = await asyncio.gather(*users)
    await Recovery(linked.pair).run()
    assert await linked.differences() == []
    assert await linked.finops.prepared() == await linked.dataverse.prepared() == []
    for (side, user), (number, unclear) in zip([(side, user) for side in "fd" for user in USERS], counted, strict=True):
        first, second = [
            (await linked.customer(f"{side}{user}{half}"))["OrganizationNumberOfEmployees"] for half in "12"
        ]
        assert first == second
        assert number <= int(str(first)) <= number + unclear
        assert number > 0
    assert told["unknown"] <= CUTS


async def test_the_living_lose_nothing_while_another_process_dies_and_a_third_recovers(drill: Drill) -> None:
    environments = hosted_finops(drill.databases.finops), hosted_dataverse(drill.databases.dataverse)
    async with open_linked(*environments) as living:
        await living.finops.transact([customer(f"{side}L{half}") for side in "fd" for half in "12"], caller=CALLER)
        stop, told = asyncio.Event(), Counter[str]()
        users = [asyncio.create_task(_count_up(living, side, "L", stop, told)) for side in ("finops", "dataverse")]
        for number in range(10):
            side = random.choice(("finops", "dataverse"))
            place = random.choice(("target.prepared", "source.deciding", "source.committed"))
            assert await asyncio.to_thread(drill.kill, place=f"{side}/{place}:{1 + number % 3}")
            await drill.recover()
        stop.set()
        counted = await asyncio.gather(*users)
        assert not told, "the living were told of somebody else's death"
        for side, (number, _) in zip("fd", counted, strict=True):
            customers = [await living.customer(f"{side}L{half}") for half in "12"]
            assert [each["OrganizationNumberOfEmployees"] for each in customers] == [number, number]
    assert await drill.complaints() == []
