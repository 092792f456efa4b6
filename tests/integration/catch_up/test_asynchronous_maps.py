"""What an integration job moves: creates and updates outside the user's transaction, deletes within it."""

from __future__ import annotations

import pytest

from dualwrite.environments.queue import QueueFilter
from dualwrite.errors import Contention, RecordRefused
from dualwrite.metadata.schema import Side
from dualwrite.sync.catch_up.replay import Replay, Replayed
from dualwrite.sync.failures import FailureKind, NoFailureSink
from dualwrite.sync.link import Pair
from kept_failures import KeptFailures
from linked_pair import CALLER, LinkedPair
from words import accounts, change_account, change_customer, customer, customers, delete_customer, group, person

CUSTOMERS = "Customers V3 (accounts)"
CONTACTS = "CDS Contacts V2 (contacts of customers)"


@pytest.fixture
async def moved(linked: LinkedPair) -> LinkedPair:
    """Customers are moved by a job; everything else is live."""
    await linked.router.queue(CUSTOMERS, job="customers at night")
    return linked


def _job(pair: LinkedPair, failures: KeptFailures | None = None) -> Replay:
    sink = failures or NoFailureSink()
    return Replay(pair.pair, pair.router, Side.FINOPS, sink, pair.tally, latest=True)


async def _move(pair: LinkedPair, failures: KeptFailures | None = None) -> Replayed:
    replayed = Replayed()
    for each in await _job(pair, failures).plan([CUSTOMERS]):
        replayed += await _job(pair, failures).carry_out(each)
    return replayed


async def test_the_latest_version_of_a_record_is_moved(moved: LinkedPair) -> None:
    await moved.finops.transact([customer("A1")], caller=CALLER)
    for number in range(3):
        await moved.finops.transact([change_customer("A1", SalesMemo=f"said {number}")], caller=CALLER)
    assert await accounts(moved, "A1") == 0
    before = moved.tally.by_map()[CUSTOMERS]["to Dataverse: queued"]
    assert await _move(moved) == Replayed(applied=4)
    assert before == 4
    assert moved.tally.by_map()[CUSTOMERS]["to Dataverse: applied"] == 1
    assert (await moved.account("A1"))["description"] == "said 2"
    assert await moved.differences() == []


async def test_a_delete_is_live_and_nothing_of_the_record_is_moved_after_it(moved: LinkedPair) -> None:
    await moved.finops.transact([customer("A1"), customer("A2")], caller=CALLER)
    await _move(moved)
    await moved.finops.transact([change_customer("A1", SalesMemo="said"), customer("A3")], caller=CALLER)
    await moved.finops.transact([delete_customer("A1"), delete_customer("A3")], caller=CALLER)
    assert await accounts(moved, "A1") == await accounts(moved, "A3") == 0
    assert await moved.finops.queued(QueueFilter()) == []
    assert await accounts(moved, "A2") == 1


async def test_asynchronous_and_live_maps_are_not_mixed_in_a_transaction(moved: LinkedPair) -> None:
    with pytest.raises(RecordRefused, match="customers at night") as refused:
        await moved.finops.transact([group("A"), customer("A1", CustomerGroupId="A")], caller=CALLER)
    assert "Customers V3" in refused.value.message
    assert "Customer groups" in refused.value.message
    assert await customers(moved, "A1") == 0


async def test_where_both_sides_changed_a_record_the_jobs_primary_wins(moved: LinkedPair) -> None:
    await moved.finops.transact([customer("A1")], caller=CALLER)
    await _move(moved)
    await moved.finops.transact([change_customer("A1", SalesMemo="F")], caller=CALLER)
    await moved.dataverse.transact([change_account("A1", creditlimit=7)], caller=CALLER)
    failures = KeptFailures()
    assert await _move(moved, failures) == Replayed(applied=1, conflicts=1)
    assert await moved.differences() == []
    assert (await moved.customer("A1"))["SalesMemo"] == "F"
    (lost,) = failures.all
    assert (lost.kind, lost.record) == (FailureKind.ASYNC, "A1")


async def test_held_maps_let_their_users_wait(linked: LinkedPair) -> None:
    await linked.router.queue(CUSTOMERS, held=True)
    routing = await linked.router.current()
    assert routing.held == {CUSTOMERS}
    impatient = LinkedPair(
        linked.finops, linked.dataverse, Pair(linked.finops, linked.dataverse), linked.tally, linked.router
    )
    impatient.finops.settings = type(linked.finops.settings)(retry_seconds=0.2)
    with pytest.raises(Contention):
        await impatient.finops.transact([customer("H1")], caller=CALLER)
    await linked.router.queue()
    await linked.finops.transact([customer("H1")], caller=CALLER)
    assert await accounts(linked, "H1") == 1


async def test_a_blocked_map_says_why(linked: LinkedPair) -> None:
    await linked.router.queue(CUSTOMERS, blocked="its queue is full. Resume it.")
    with pytest.raises(RecordRefused, match=r"B1: its queue is full\. Resume it\."):
        await linked.finops.transact([customer("B1")], caller=CALLER)
    await linked.finops.transact([group("B")], caller=CALLER)
    with pytest.raises(RecordRefused, match="its queue is full"):
        await linked.finops.transact([person("BP", "B1"), customer("B1")], caller=CALLER)
