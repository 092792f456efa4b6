"""One customer's credit limit is changed, again and again: in-process, through HTTP, and beside the floor.

Latency is measured with one client, the subjects taking turns; the rate with eight clients on customers of their own.
"""

from __future__ import annotations

import asyncio
import http.client
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count, pairwise
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import orjson

from benchmarks.figures import Samples, print_latencies, print_rates, print_shares
from benchmarks.floor import Floor
from dualwrite.catalog.maps import demonstration_names
from dualwrite.composition.house import CONNECTION, House, open_house
from dualwrite.environments.hosted.dataverse_seed import ADMINISTRATOR_ID
from dualwrite.environments.port import Caller, Create, RecordKey, RowQuery, Update
from dualwrite.linking.link import link_environments
from dualwrite.metadata.values import LegalEntityId
from dualwrite.settings import Settings
from dualwrite.solutions.starter import apply_starters

WARM_UP = 200
LATENCY_SAMPLES = 1000
CLIENTS = 8
RATE_SECONDS = 5.0
CUSTOMERS = 16
COMPANY = LegalEntityId("usmf")
CALLER = Caller("benchmark", company=COMPANY, user_id=ADMINISTRATOR_ID)
ENTITY = "CustCustomerV3Entity"

PHASES = {
    "source.begun": "get a connection, begin",
    "source.written": "write the source: lock, check, update",
    "target.accepted": "map the change; begin and accept in the target",
    "target.written": "transform; write the target: lock, update",
    "target.prepared": "prepare the target",
    "source.deciding": "give back the connection",
    "source.committed": "decide and commit the source",
    "target.committed": "commit the target",
}


class Stopwatch:
    """Tells when each named step of a transaction was reached."""

    def __init__(self) -> None:
        self.marks: list[tuple[str, float]] = []

    def __call__(self, name: str) -> None:
        self.marks.append((name, time.perf_counter()))


async def measure_live_update(folder: Path) -> None:
    """Prints latencies, shares and rates."""
    stopwatch = Stopwatch()
    async with open_house(Settings.load(data_folder=folder), reached=stopwatch) as house:
        await prepare(house)
        floor = Floor(house.server.conninfo("dualwrite_finops"), house.server.conninfo("dualwrite_dataverse"))
        with _service(folder) as urls:
            http_finops = HttpClient(urls, house, "finops")
            http_dataverse = HttpClient(urls, house, "dataverse")
            account = await _account(house)
            await _latencies(house, floor, (http_finops, http_dataverse), account, stopwatch)
            await _rates(house, urls)
        floor.close()


async def prepare(house: House) -> None:
    """Companies, one currency, one group and a few customers, on both sides."""
    rows: list[tuple[str, dict[str, object]]] = [
        ("OMLegalEntity", {"LegalEntityId": COMPANY, "Name": "Contoso"}),
        ("CurrencyEntity", {"CurrencyCode": "USD", "Name": "US dollar", "Symbol": "$"}),
        ("CustCustomerGroupEntity", {"dataAreaId": COMPANY, "CustomerGroupId": "10", "Description": "All"}),
    ]
    for number in range(1, CUSTOMERS + 1):
        customer = {
            "dataAreaId": COMPANY,
            "CustomerAccount": f"B-{number:03}",
            "OrganizationName": f"Customer {number}",
            "PartyType": "Organization",
            "CustomerGroupId": "10",
            "SalesCurrencyCode": "USD",
        }
        rows.append((ENTITY, dict(customer)))
    await house.ensure_tables({name for name, _ in rows}, ())
    await house.finops.transact([Create(name, values) for name, values in rows], caller=CALLER)  # type: ignore[arg-type]
    await link_environments(house.store, house.pair, CONNECTION, legal_entities=[COMPANY], who="benchmark")
    await apply_starters(house.store, CONNECTION, who="benchmark", ensure_tables=house.ensure_tables)
    report = await house.lifecycle.run(demonstration_names())
    assert not report.total.refused, report.total


async def _account(house: House) -> RecordKey:
    rows = (await house.dataverse.read(RowQuery("account"))).rows
    row = next(each for each in rows if each["accountnumber"] == "B-001")
    return RecordKey((("accountid", row["accountid"]),))


def _customer(number: int) -> RecordKey:
    return RecordKey((("dataAreaId", COMPANY), ("CustomerAccount", f"B-{number:03}")))


def _credit(table: str, key: RecordKey, column: str, amount: int) -> Update:
    """What the services make of a PATCH: nobody asks for the row back."""
    return Update(table, key, {column: amount}, echo=False)


async def _latencies(
    house: House,
    floor: Floor,
    clients: tuple[HttpClient, HttpClient],
    account: RecordKey,
    stopwatch: Stopwatch,
) -> None:
    amounts = count(1)
    subjects = [
        Samples("floor: plain psycopg, two databases, one prepared"),
        Samples("in-process, from finance and operations"),
        Samples("in-process, from Dataverse"),
        Samples("HTTP, from finance and operations"),
        Samples("HTTP, from Dataverse"),
    ]
    path = f"/api/data/v9.2/accounts({account.parts[0][1]})"
    phases = {name: Samples(label) for name, label in PHASES.items()}
    for turn in range(WARM_UP + LATENCY_SAMPLES):
        laps = [time.perf_counter()]
        floor.update(1, next(amounts))
        laps.append(time.perf_counter())
        stopwatch.marks = [("start", time.perf_counter())]
        await house.finops.transact([_credit(ENTITY, _customer(1), "CreditLimit", next(amounts))], caller=CALLER)
        laps.append(time.perf_counter())
        marks = stopwatch.marks
        await house.dataverse.transact([_credit("account", account, "creditlimit", next(amounts))], caller=CALLER)
        laps.append(time.perf_counter())
        clients[0].patch("/data/CustomersV3(dataAreaId='usmf',CustomerAccount='B-001')", {"CreditLimit": next(amounts)})
        laps.append(time.perf_counter())
        clients[1].patch(path, {"creditlimit": next(amounts)})
        laps.append(time.perf_counter())
        if turn >= WARM_UP:
            for subject, (before, after) in zip(subjects, pairwise(laps), strict=True):
                subject.durations_s.append(after - before)
            for (_, before), (name, after) in pairwise(marks):
                phases[name].durations_s.append(after - before)
    print_latencies("One customer updated, one client", subjects)
    print_shares("Where the time of an in-process update from finance and operations goes", list(phases.values()))


async def _rates(house: House, urls: dict[str, str]) -> None:
    rates = [
        ("floor: plain psycopg", await asyncio.to_thread(_threads, _floor_worker(house))),
        ("in-process", await _in_process_rate(house)),
        ("HTTP", await asyncio.to_thread(_threads, _http_worker(house, urls))),
    ]
    print_rates(f"Customers updated from finance and operations, {CLIENTS} clients", rates)


async def _in_process_rate(house: House) -> float:
    end = time.perf_counter() + RATE_SECONDS
    amounts = count(1)

    async def client(number: int) -> int:
        done = 0
        while time.perf_counter() < end:
            change = _credit(ENTITY, _customer(number), "CreditLimit", next(amounts))
            await house.finops.transact([change], caller=CALLER)
            done += 1
        return done

    return sum(await asyncio.gather(*(client(number) for number in range(1, CLIENTS + 1)))) / RATE_SECONDS


Worker = Callable[[int, float], int]


def _threads(worker: Worker) -> float:
    end = time.perf_counter() + RATE_SECONDS
    with ThreadPoolExecutor(CLIENTS) as pool:
        done = sum(pool.map(lambda number: worker(number, end), range(1, CLIENTS + 1)))
    return done / RATE_SECONDS


def _floor_worker(house: House) -> Worker:
    def work(number: int, end: float) -> int:
        floor = Floor(house.server.conninfo("dualwrite_finops"), house.server.conninfo("dualwrite_dataverse"))
        done = 0
        while time.perf_counter() < end:
            floor.update(number, done)
            done += 1
        floor.close()
        return done

    return work


def _http_worker(house: House, urls: dict[str, str]) -> Worker:
    def work(number: int, end: float) -> int:
        client = HttpClient(urls, house, "finops")
        done = 0
        while time.perf_counter() < end:
            client.patch(
                f"/data/CustomersV3(dataAreaId='usmf',CustomerAccount='B-{number:03}')", {"CreditLimit": done + number}
            )
            done += 1
        return done

    return work


class HttpClient:
    """One kept-alive connection with a real token."""

    def __init__(self, urls: dict[str, str], house: House, service: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(urls[service]).netloc)
        token = _token(urls, house, service)
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def patch(self, path: str, body: dict[str, object]) -> None:
        self._connection.request("PATCH", path, body=orjson.dumps(body), headers=self._headers)
        answer = self._connection.getresponse()
        content = answer.read()
        assert answer.status == 204, (answer.status, content)


def _token(urls: dict[str, str], house: House, service: str) -> str:
    administrator = house.administrator
    form = {
        "grant_type": "client_credentials",
        "client_id": str(administrator.client_id),
        "client_secret": administrator.secret,
        "scope": f"{urls[service]}/.default",
    }
    connection = http.client.HTTPConnection(urlsplit(urls["admin"]).netloc)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", f"/{administrator.tenant}/oauth2/v2.0/token", body=urlencode(form), headers=headers)
    answer = orjson.loads(connection.getresponse().read())
    return str(answer["access_token"])


@contextmanager
def _service(folder: Path) -> Iterator[dict[str, str]]:
    """The services in another process over the same databases; their addresses."""
    command = [sys.executable, "-m", "benchmarks.service", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        yield orjson.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(30)
