"""``dualwrite worker`` is killed while queues are replayed: every change arrives once, in its order, on both sides."""

from __future__ import annotations

import asyncio
import random
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from copying import LONGEST_S, WORKERS, Copy, filled_house, more_customers, worker_command
from shifts import Nursery, Shifts, nursery

from dualwrite.catalog.maps import demonstration_names
from dualwrite.composition.house import CONNECTION, House
from dualwrite.environments.hosted.dataverse_seed import ADMINISTRATOR_ID
from dualwrite.environments.port import Caller, Command, Create, Delete, RecordKey, RowQuery, Update
from dualwrite.metadata.schema import Side
from dualwrite.metadata.values import LegalEntityId, Value
from dualwrite.store.catch_ups import CatchUp, CatchUpId, CatchUpState
from dualwrite.store.sync_errors import SyncErrorFilter
from dualwrite.sync.comparison import compare_map
from dualwrite.sync.failures import Category

pytestmark = pytest.mark.crash

KILLS = 3
CHAIN = 6
CHAINS = 25
CONFLICTS = 5
CALLER = Caller("tests", company=LegalEntityId("usmf"), user_id=ADMINISTRATOR_ID)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A data folder with a PostgreSQL of its own, for the program is started over it."""
    folder = Path(tempfile.mkdtemp(prefix="dualwrite-tests-"))
    yield folder / "data"
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
async def house(folder: Path) -> AsyncIterator[House]:
    async with filled_house(folder) as house:
        yield house


@pytest.fixture(scope="module")
def births(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    with nursery(tmp_path_factory.mktemp("workers")) as births:
        yield births


@dataclass(frozen=True)
class Users:
    """People of both sides, who go on saving while the maps are paused. Customers C-000000, C-000002 … are usmf's."""

    house: House
    company: Value

    async def finops(self, *commands: Command) -> None:
        await self.house.finops.transact(list(commands), caller=CALLER)

    async def dataverse(self, *commands: Command) -> None:
        await self.house.dataverse.transact(list(commands), caller=CALLER)

    async def save(self) -> None:
        """Chains on one record, parents with children in one transaction, records that come and go, conflicts."""
        for step in range(CHAIN):
            for chain in range(CHAINS):
                await self.finops(_memo(2 * chain, f"F{step}"))
                await self.dataverse(self._description(2 * (CHAINS + chain), f"D{step}"))
        for number in range(CHAINS):
            group = f"K{number}"
            await self.finops(_group(group), _customer(f"K-{number}", group))
            await self.finops(_group(f"T{number}"))
            await self.finops(Update("CustCustomerGroupEntity", _group_key(f"T{number}"), {"Description": "again"}))
            await self.finops(Delete("CustCustomerGroupEntity", _group_key(f"T{number}")))
            await self.dataverse(self._group(f"E{number}"))
        for number in range(CONFLICTS):
            record = 2 * (2 * CHAINS + number)
            await self.finops(_memo(record, "the primary's"))
            await self.dataverse(self._description(record, "lost"))

    def _description(self, number: int, text: str) -> Update:
        key = RecordKey((("msdyn_company", self.company), ("accountnumber", f"C-{number:06}")))
        return Update("account", key, {"description": text})

    def _group(self, name: str) -> Create:
        values = {"msdyn_groupid": name, "msdyn_description": name, "msdyn_company": self.company}
        return Create("msdyn_customergroup", values)


def _memo(number: int, text: str) -> Update:
    key = RecordKey((("dataAreaId", "usmf"), ("CustomerAccount", f"C-{number:06}")))
    return Update("CustCustomerV3Entity", key, {"SalesMemo": text})


def _group_key(name: str) -> RecordKey:
    return RecordKey((("dataAreaId", "usmf"), ("CustomerGroupId", name)))


def _group(name: str) -> Create:
    return Create("CustCustomerGroupEntity", {"dataAreaId": "usmf", "CustomerGroupId": name, "Description": name})


def _customer(account: str, group: str) -> Create:
    return Create(
        "CustCustomerV3Entity",
        {
            "dataAreaId": "usmf",
            "CustomerAccount": account,
            "PartyType": "Organization",
            "CustomerGroupId": group,
            "SalesCurrencyCode": "USD",
            "OrganizationName": account,
        },
    )


async def memos(house: House) -> dict[str, str]:
    """By customer, the last text of its chain as F&O has it."""
    rows = (await house.finops.read(RowQuery("CustCustomerV3Entity"))).rows
    return {str(each["CustomerAccount"]): str(each["SalesMemo"]) for each in rows}


async def differences(house: House) -> Sequence[str]:
    """The maps whose two sides are not equal."""
    routing = await house.router.current()
    found = [(plan.map.name, await compare_map(house.pair, routing, plan)) for plan in routing.plans]
    return [f"{name}: {comparison}" for name, comparison in found if not comparison.is_clean]


async def test_killed_replays_lose_and_double_nothing(house: House, folder: Path, births: Nursery) -> None:
    await more_customers(house, "C", 2 * (2 * CHAINS + CONFLICTS))
    names = demonstration_names()
    with Shifts(births, 2, worker_command(folder), variables=WORKERS) as shifts:
        await (await Copy.begin(house)).at_rest()
        await house.lifecycle.pause(names)
        (row,) = [
            each
            for each in (await house.dataverse.read(RowQuery("cdm_company"))).rows
            if each["cdm_companycode"] == "usmf"
        ]
        await Users(house, row["cdm_companyid"]).save()
        queued = await house.queue(Side.FINOPS).left(names)
        run = await house.catch_ups.start(names, who="tests")

        async def goes_on() -> bool:
            return not (await house.catch_ups.get(run)).state.is_at_rest

        await shifts.kill_some(goes_on, times=KILLS, chance=random.Random(5))
        caught_up = await _at_rest(house, run)
    assert (caught_up.state, caught_up.message) == (CatchUpState.COMPLETED, "")
    assert queued == 2 * CHAIN * CHAINS + 5 * CHAINS + 2 * CONFLICTS
    assert shifts.kills >= 2 and await house.queue(Side.FINOPS).left(names) == 0
    errors = await house.store.sync_errors.list(CONNECTION, SyncErrorFilter())
    assert [each.category for each in errors] == [Category.CONFLICT] * CONFLICTS
    assert await differences(house) == []
    last = await memos(house)
    assert {last[f"C-{2 * chain:06}"] for chain in range(CHAINS)} == {f"F{CHAIN - 1}"}
    assert {last[f"C-{2 * (CHAINS + chain):06}"] for chain in range(CHAINS)} == {f"D{CHAIN - 1}"}
    assert {last[f"C-{2 * (2 * CHAINS + each):06}"] for each in range(CONFLICTS)} == {"the primary's"}


async def _at_rest(house: House, run: CatchUpId) -> CatchUp:
    async with asyncio.timeout(LONGEST_S):
        while not (found := await house.catch_ups.get(run)).state.is_at_rest:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    return found
