"""Maps that start and stop beside traffic: a change goes by the maps of one moment, whatever process started them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from databases import Cloning, Databases
from dualwrite.catalog.maps import demonstration_names
from dualwrite.database.server import Server
from dualwrite.environments.port import Epoch
from dualwrite.lifecycle.initial_sync.work import SyncWork
from dualwrite.lifecycle.maps import MapLifecycle
from dualwrite.linking.link import link_environments
from dualwrite.metadata.schema import Side
from dualwrite.metadata.values import LegalEntityId
from dualwrite.solutions.starter import apply_starters
from dualwrite.store.database import Store
from dualwrite.store.environments import EnvironmentKind
from dualwrite.sync.link import Pair, Routing
from dualwrite.sync.live import LiveSync
from dualwrite.sync.recovery import Recovery
from dualwrite.sync.stored_router import StoredRouter
from dualwrite.sync.tally import Tally
from inline_conductor import InlineConductor
from inline_replayer import inline_catch_ups
from linked_pair import (
    CALLER,
    FixedRouter,
    LinkedPair,
    demonstration_plans,
    hosted_dataverse,
    hosted_finops,
    open_linked,
)
from words import accounts, change_customer, customer

ACCOUNTS = "Customers V3 (accounts)"


class StartingRouter(FixedRouter):
    """The maps start right after somebody has asked for them for the first time."""

    def __init__(self, pair: Pair) -> None:
        super().__init__(pair, demonstration_plans())
        self._asked = False

    async def current(self) -> Routing:
        routing = await super().current()
        if self._asked:
            return routing
        self._asked = True
        await Recovery(self._pair).level()
        self.expire()
        return replace(routing, plans=())


async def test_a_change_is_looked_at_whole_when_maps_start_in_the_middle_of_it(linked: LinkedPair) -> None:
    await linked.finops.transact([customer("S1")], caller=CALLER)
    router = StartingRouter(linked.pair)
    linked.finops.follow_pipeline(
        LiveSync(source=linked.finops, target=linked.dataverse, pair=linked.pair, router=router, tally=Tally())
    )
    await linked.finops.transact([replace(change_customer("S1", SalesMemo="memo"), echo=False)], caller=CALLER)
    assert (await linked.account("S1"))["description"] == "memo"


# --- two processes ---------------------------------------------------------------------------------------------------


@pytest.fixture
async def process(
    server: Server, linked_databases: Databases, cloning: Cloning
) -> AsyncIterator[list[tuple[LinkedPair, MapLifecycle]]]:
    """Two processes over the same databases, each with environments, router and store of its own; all maps running."""
    name = cloning.create("store")
    opened: list[tuple[LinkedPair, MapLifecycle]] = []
    stores = [await Store.connect(server.conninfo(name)) for _ in range(2)]
    first = hosted_finops(linked_databases.finops), hosted_dataverse(linked_databases.dataverse)
    second = hosted_finops(linked_databases.finops), hosted_dataverse(linked_databases.dataverse)
    async with open_linked(*first) as one, open_linked(*second) as other:
        for side, environment in ((Side.FINOPS, "finops"), (Side.DATAVERSE, "dataverse")):
            await stores[0].environments.save(
                environment, side=side, kind=EnvironmentKind.HOSTED, url="http://x", database=environment
            )
        await link_environments(
            stores[0],
            one.pair,
            "main",
            legal_entities=[LegalEntityId("usmf"), LegalEntityId("demf")],
            who="tests",
        )
        await apply_starters(stores[0], "main", who="tests")
        for pair, store in zip((one, other), stores, strict=True):
            router = StoredRouter(store, "main", pair.pair)
            for source, target in ((pair.finops, pair.dataverse), (pair.dataverse, pair.finops)):
                source.follow_pipeline(
                    LiveSync(source=source, target=target, pair=pair.pair, router=router, tally=pair.tally)
                )
            conductor = InlineConductor(SyncWork(store, "main", pair.pair, router))
            catch_ups = inline_catch_ups(store, pair.pair, router, pair.tally)
            lifecycle = MapLifecycle(store, "main", router, conductor=conductor, catch_ups=catch_ups, who="tests")
            opened.append((pair, lifecycle))
        report = await opened[0][1].run(demonstration_names())
        assert report.total.refused == 0
        yield opened
    for store in stores:
        await store.close()
    cloning.drop(name)


async def test_a_map_stopped_by_one_process_is_stopped_for_the_other(
    process: list[tuple[LinkedPair, MapLifecycle]],
) -> None:
    (here, lifecycle), (there, _) = process
    await there.finops.transact([customer("S2")], caller=CALLER)
    assert await accounts(there, "S2") == 1
    await lifecycle.stop([ACCOUNTS])
    await there.finops.transact([customer("S3")], caller=CALLER)
    assert await accounts(there, "S3") == 0
    await lifecycle.run([ACCOUNTS])
    assert await accounts(there, "S3") == 1
    await there.finops.transact([customer("S4")], caller=CALLER)
    assert await accounts(here, "S4") == 1


async def test_stopping_and_running_beside_traffic_loses_nothing(
    process: list[tuple[LinkedPair, MapLifecycle]],
) -> None:
    (_, lifecycle), (there, _) = process
    await there.finops.transact([customer(f"L{number}") for number in range(4)], caller=CALLER)
    stop = asyncio.Event()

    async def edit(name: str) -> int:
        number = 0
        while not stop.is_set():
            number += 1
            await there.finops.transact([change_customer(name, SalesMemo=str(number))], caller=CALLER)
        return number

    edits = [asyncio.create_task(edit(f"L{number}")) for number in range(4)]
    for _ in range(4):
        await lifecycle.stop([ACCOUNTS])
        await lifecycle.run([ACCOUNTS])
    stop.set()
    numbers = await asyncio.gather(*edits)
    for name, number in enumerate(numbers):
        assert (await there.customer(f"L{name}"))["SalesMemo"] == str(number)
        assert (await there.account(f"L{name}"))["description"] == str(number)
    assert await there.differences() == []
    assert (await there.finops.epoch()) > Epoch(8)
