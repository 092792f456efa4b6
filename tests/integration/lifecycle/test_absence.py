"""A target that is stopped, hangs, is slow, or refuses now and then in mid-traffic; and comes back."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sync_room import SyncRoom

from databases import Cloning, Databases, create_environment
from dualwrite.catalog import load_schema
from dualwrite.catalog.maps import demonstration_names
from dualwrite.database.server import Server, ensure_database
from dualwrite.environments.hosted.dataverse_seed import seed_dataverse
from dualwrite.environments.port import Create
from dualwrite.errors import DualwriteError, EnvironmentUnavailable, RecordRefused
from dualwrite.metadata.schema import Side
from dualwrite.store import Store
from dualwrite.store.maps import MapState
from dualwrite.sync.availability import Breaker
from dualwrite.sync.pulse import Pulse, feeling_pulses
from dualwrite.sync.recovery import Recovery
from dualwrite.sync.stored_router import StoredRouter
from linked_pair import CALLER, LinkedPair, hosted_dataverse, hosted_finops, open_linked
from second_server import SecondServer, line_to
from waiting import until
from words import change_customer, customer, delete_customer

USERS = 6
WITHIN_S = 5.0
"""A second on a quiet machine, five on a busy one; without the breaker it would be ten and more."""


@pytest.fixture(scope="module")
def second() -> Iterator[SecondServer]:
    """Another server, with an empty Dataverse environment."""
    folder = Path(tempfile.mkdtemp(prefix="dualwrite-second-"))
    server = SecondServer(folder / "data")
    ensure_database(server.embedded, "dataverse")
    create_environment(server.conninfo("dataverse"), load_schema(Side.DATAVERSE))
    seed_dataverse(server.conninfo("dataverse"))
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def dataverse_database(second: SecondServer) -> Iterator[str]:
    """A Dataverse environment on the second server, for one test."""
    cloning = Cloning(second.embedded)
    name = cloning.clone("dataverse", "absent")
    yield second.conninfo(name)
    cloning.drop(name)


@pytest.fixture
def finops_database(templates: Databases, clone_database: Callable[[str], str]) -> str:
    return clone_database(templates.finops)


@dataclass
class Traffic:
    """Users who change a customer each, over and over; how long each refusal took to arrive, and what it said."""

    room: SyncRoom
    acknowledged: dict[str, int] = field(default_factory=dict)
    refused: list[tuple[float, DualwriteError]] = field(default_factory=list)
    saved: int = 0

    async def user(self, account: str) -> None:
        number = 0
        while True:
            started = time.monotonic()
            try:
                await self.room.finops(change_customer(account, OrganizationNumberOfEmployees=number + 1))
            except (EnvironmentUnavailable, RecordRefused) as error:
                self.refused.append((time.monotonic() - started, error))
                await asyncio.sleep(0.01)
            else:
                number += 1
                self.saved += 1
                self.acknowledged[account] = number

    async def more(self, saved: int) -> None:
        """So many more changes have been saved."""
        wanted = self.saved + saved
        await until(lambda: self.saved >= wanted)

    async def more_refused(self, refused: int) -> None:
        wanted = len(self.refused) + refused
        await until(lambda: len(self.refused) >= wanted)

    @property
    def longest_s(self) -> float:
        return max(seconds for seconds, _ in self.refused)


async def move(room: SyncRoom, maps: Sequence[str], to: MapState) -> None:
    """The maps are in this state, for all the world to see."""
    for each in maps:
        await room.store.maps.set_state("main", each, to, expected=frozenset(MapState))
    await room.router.renew()


Linked = Callable[[str, str], AbstractAsyncContextManager[SyncRoom]]


@pytest.fixture
def linked_with(
    server: Server, finops_database: str, store_template: str, clone_database: Callable[[str], str]
) -> Linked:
    """Opens a room over this Dataverse database: its maps run, its pulses are felt, and each user has a customer."""

    @asynccontextmanager
    async def opened(dataverse: str, tag: str) -> AsyncIterator[SyncRoom]:
        environments = hosted_finops(finops_database), hosted_dataverse(dataverse)
        async with open_linked(*environments) as pair:
            await pair.finops.transact([*_references(), *map(customer, names(tag))], caller=CALLER)
            store = await Store.connect(clone_database(store_template))
            room = SyncRoom(store, pair, StoredRouter(store, "main", pair.pair))
            await move(room, demonstration_names(), MapState.RUNNING)
            pulses = [Pulse(each, pair.pair.availability(each)) for each in environments]
            try:
                async with feeling_pulses(pulses, returned=Recovery(pair.pair).run_after_absence):
                    yield room
                    await until(lambda: not any(each.availability.left_behind for each in pulses))
            finally:
                await store.close()

    return opened


def _references() -> list[Create]:
    """What a customer looks up; written once per environment, so under keys that are there or not."""
    return [
        Create("OMLegalEntity", {"LegalEntityId": "usmf", "Name": "Company usmf"}),
        Create("CurrencyEntity", {"CurrencyCode": "USD", "Name": "USD", "Symbol": "USD"}),
        Create("CustCustomerGroupEntity", {"dataAreaId": "usmf", "CustomerGroupId": "10", "Description": "Group 10"}),
    ]


def names(tag: str) -> list[str]:
    return [f"{tag}{number}" for number in range(USERS)]


@asynccontextmanager
async def traffic(room: SyncRoom, tag: str) -> AsyncIterator[Traffic]:
    """Users at work."""
    running = Traffic(room)
    users = [asyncio.ensure_future(running.user(each)) for each in names(tag)]
    try:
        yield running
    finally:
        for each in users:
            each.cancel()
        await asyncio.gather(*users, return_exceptions=True)


async def closed(room: SyncRoom) -> None:
    """Live saves are let through to Dataverse."""
    availability = room.linked.pair.availability(room.linked.dataverse)
    await until(lambda: availability.state is Breaker.CLOSED)


async def in_step(room: SyncRoom, running: Traffic) -> None:
    """Nothing is left prepared, both sides agree, and everything that was acknowledged is there."""
    pair = room.linked
    await Recovery(pair.pair).run()
    assert await pair.finops.prepared() == await pair.dataverse.prepared() == []
    assert await pair.differences() == []
    for account, number in running.acknowledged.items():
        held = (await pair.account(account))["numberofemployees"]
        # One more, where the user left between the commit and its answer.
        assert held in (number, number + 1)


async def test_a_stopped_target_refuses_within_a_second_and_comes_back(
    linked_with: Linked, second: SecondServer, dataverse_database: str
) -> None:
    async with linked_with(dataverse_database, "S") as room:
        async with traffic(room, "S") as running:
            await running.more(50)
            await asyncio.to_thread(second.kill)
            await running.more_refused(50)
            await asyncio.to_thread(second.start)
            await closed(room)
            await running.more(50)
        assert running.longest_s < WITHIN_S
        said = {error.message for _, error in running.refused}
        assert any("environment dataverse does not answer; nothing was saved" in each for each in said)
        assert any("dualwrite maps pause" in each for each in said)
        await in_step(room, running)


async def test_a_frozen_target_is_not_waited_for(
    linked_with: Linked, second: SecondServer, dataverse_database: str
) -> None:
    async with linked_with(dataverse_database, "F") as room:
        async with traffic(room, "F") as running:
            await running.more(50)
            second.freeze()
            try:
                await running.more_refused(50)
            finally:
                second.thaw()
            await closed(room)
            await running.more(50)
        assert running.longest_s < WITHIN_S
        await in_step(room, running)


async def test_while_the_target_is_frozen_maps_are_paused_and_the_source_goes_on(
    linked_with: Linked, second: SecondServer, dataverse_database: str
) -> None:
    async with linked_with(dataverse_database, "P") as room:
        async with traffic(room, "P") as running:
            await running.more(50)
            second.freeze()
            try:
                await running.more_refused(20)
                async with asyncio.timeout(WITHIN_S):
                    await room.lifecycle.pause(demonstration_names())
                await running.more(20)
                refused = len(running.refused)
                await running.more(100)
                # Those, at most, who were under way when the maps were paused.
                assert len(running.refused) - refused <= USERS
            finally:
                second.thaw()
            await closed(room)
        await room.lifecycle.resume(demonstration_names())
        assert running.longest_s < WITHIN_S
        await in_step(room, running)


async def test_a_slow_target_counts_as_away_until_it_is_quick_again(
    linked_with: Linked, dataverse_database: str
) -> None:
    async with line_to(dataverse_database) as (line, over_it), linked_with(over_it, "L") as room:
        async with traffic(room, "L") as running:
            await running.more(20)
            line.delay_s = 2.0
            await running.more_refused(50)
            line.delay_s = 0.0
            await closed(room)
            await running.more(20)
        assert running.longest_s < WITHIN_S
        await in_step(room, running)


async def test_records_that_are_refused_now_and_then_are_no_absence(linked: LinkedPair) -> None:
    parent = [customer("N0"), customer("N1", InvoiceAccount="N0")]
    await linked.finops.transact(parent, caller=CALLER)
    availability = linked.pair.availability(linked.dataverse)
    refused = 0
    async with feeling_pulses([Pulse(linked.dataverse, availability)], returned=Recovery(linked.pair).run):
        for number in range(60):
            # Dataverse refuses to delete a record that others refer to.
            command = change_customer("N1", SalesMemo=f"{number}") if number % 10 else delete_customer("N0")
            try:
                await linked.finops.transact([command], caller=CALLER)
            except RecordRefused:
                refused += 1
    assert refused == 6
    assert availability.opened == 0
    assert await linked.differences() == []
