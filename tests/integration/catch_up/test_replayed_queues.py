"""Changes wait while their maps are paused, and are replayed as they were made."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from dualwrite.environments.port import Command, Delete, Operation
from dualwrite.environments.queue import QueueFilter
from dualwrite.metadata.schema import Side
from dualwrite.sync.catch_up.replay import Group, Replay, Replayed
from dualwrite.sync.failures import Category, FailureKind
from dualwrite.sync.tally import Ending
from kept_failures import KeptFailures
from linked_pair import CALLER, LinkedPair
from words import (
    account,
    account_key,
    accounts,
    change_account,
    change_customer,
    customer,
    customers,
    delete_customer,
    group,
    person,
)

CUSTOMERS = "Customers V3 (accounts)"
CONTACTS = "CDS Contacts V2 (contacts of customers)"
BOTH = (CUSTOMERS, CONTACTS)


@dataclass
class CatchUp:
    """Two environments whose customers and contacts are paused."""

    linked: LinkedPair
    primary: Side = Side.FINOPS
    failures: KeptFailures = field(default_factory=KeptFailures)

    @property
    def replay(self) -> Replay:
        return Replay(self.linked.pair, self.linked.router, self.primary, self.failures, self.linked.tally)

    async def finops(self, *commands: Command) -> None:
        await self.linked.finops.transact(list(commands), caller=CALLER)

    async def dataverse(self, *commands: Command) -> None:
        await self.linked.dataverse.transact(list(commands), caller=CALLER)

    async def caught_up(self) -> Replayed:
        """Everything has been replayed and the maps are live."""
        replayed = Replayed()
        while groups := await self.replay.plan(BOTH, most_transactions=50):
            for each in groups:
                replayed += await self.replay.carry_out(Group.from_json(each.to_json()))
        assert await self.replay.left(BOTH) == 0
        await self.linked.router.queue()
        return replayed


@pytest.fixture
async def paused(linked: LinkedPair) -> CatchUp:
    await linked.router.queue(*BOTH)
    return CatchUp(linked)


async def test_what_is_saved_waits_and_arrives_later(paused: CatchUp) -> None:
    await paused.finops(customer("Q1"), person("QP1", "Q1"))
    await paused.dataverse(account("Q2"))
    assert await accounts(paused.linked, "Q1") == await customers(paused.linked, "Q2") == 0
    first, second = await paused.linked.finops.queued(QueueFilter())
    assert (first.map, first.operation, first.record, first.legal_entity) == (CUSTOMERS, Operation.CREATE, "Q1", "usmf")
    assert (second.map, second.record, second.caller) == (CONTACTS, "QP1", "tests")
    assert first.position == second.position
    assert first.row["OrganizationName"] == "Customer Q1"
    assert await paused.replay.left(BOTH) == 2
    assert await paused.caught_up() == Replayed(applied=3)
    assert await paused.linked.differences() == []
    assert await accounts(paused.linked, "Q1") == await customers(paused.linked, "Q2") == 1
    assert paused.linked.tally.by_map()[CUSTOMERS]["to Dataverse: queued"] == 1


async def test_the_queue_is_counted_and_found_by_key(paused: CatchUp) -> None:
    for number in range(5):
        await paused.finops(customer(f"Q{number}"))
    await paused.finops(change_customer("Q3", SalesMemo="said"), customer("Q9", company="demf"))
    (count,) = await paused.linked.finops.queue_counts()
    assert (count.map, count.transactions, count.records) == (CUSTOMERS, 6, 7)
    assert count.size_bytes > 1000
    found = await paused.linked.finops.queued(QueueFilter(key="q3"))
    assert [(each.operation, each.changed) for each in found] == [
        (Operation.CREATE, None),
        (Operation.UPDATE, ("SalesMemo",)),
    ]
    assert [each.record for each in await paused.linked.finops.queued(QueueFilter(legal_entity="DEMF"))] == ["Q9"]
    first = await paused.linked.finops.queued(QueueFilter(), limit_rows=3)
    rest = await paused.linked.finops.queued(QueueFilter(), after=(first[-1].position, first[-1].number))
    assert [each.record for each in (*first, *rest)] == ["Q0", "Q1", "Q2", "Q3", "Q4", "Q3", "Q9"]


async def test_changes_are_replayed_one_after_the_other_as_they_were_made(paused: CatchUp) -> None:
    await paused.finops(customer("Q1"))
    for number in range(20):
        await paused.finops(change_customer("Q1", SalesMemo=f"said {number}", CreditLimit=number))
    await paused.finops(delete_customer("Q1"))
    await paused.finops(customer("Q1", OrganizationName="Another"))
    assert await paused.caught_up() == Replayed(applied=23)
    assert (await paused.linked.account("Q1"))["name"] == "Another"
    assert await paused.linked.differences() == []


async def test_what_was_made_and_deleted_meanwhile_leaves_nothing(paused: CatchUp) -> None:
    await paused.finops(customer("Q1"))
    await paused.finops(change_customer("Q1", SalesMemo="said"))
    await paused.finops(delete_customer("Q1"))
    assert (await paused.caught_up()).failed == 0
    assert await accounts(paused.linked, "Q1") == 0


async def test_rows_of_before_the_pause_are_changed(linked: LinkedPair) -> None:
    paused = CatchUp(linked)
    await paused.finops(customer("Q1"), customer("Q2"))
    await linked.router.queue(*BOTH)
    await paused.dataverse(change_account("Q1", description="said"))
    await paused.finops(change_customer("Q2", SalesMemo="said, too"))
    assert await paused.caught_up() == Replayed(applied=2)
    assert (await linked.customer("Q1"))["SalesMemo"] == "said"
    assert (await linked.account("Q2"))["description"] == "said, too"


async def test_maps_that_are_not_paused_go_on(paused: CatchUp) -> None:
    await paused.finops(group("Q"), customer("Q1", CustomerGroupId="Q"))
    assert await paused.linked.rows("dataverse", "msdyn_customergroup", msdyn_groupid="Q")
    assert await accounts(paused.linked, "Q1") == 0
    await paused.caught_up()
    assert await accounts(paused.linked, "Q1") == 1


@pytest.mark.parametrize("primary", Side)
async def test_where_both_sides_changed_a_record_the_primary_wins(linked: LinkedPair, primary: Side) -> None:
    paused = CatchUp(linked, primary)
    await paused.finops(customer("Q1"), customer("Q2"))
    await linked.router.queue(*BOTH)
    await paused.finops(change_customer("Q1", SalesMemo="F"))
    await paused.dataverse(change_account("Q1", creditlimit=7))
    await paused.dataverse(change_account("Q2", description="D"))
    replayed = await paused.caught_up()
    assert (replayed.applied, replayed.conflicts, replayed.failed) == (2, 1, 0)
    assert await linked.differences() == []
    said, credit = (await linked.customer("Q1"))["SalesMemo"], (await linked.account("Q1"))["creditlimit"]
    assert (said == "F", credit == 7) == ((True, False) if primary is Side.FINOPS else (False, True))
    (lost,) = paused.failures.all
    assert (lost.kind, lost.category, lost.record) == (FailureKind.CATCH_UP, Category.CONFLICT, "Q1")
    assert "Make this change again" in lost.reason
    assert (await linked.customer("Q2"))["SalesMemo"] == "D"


@pytest.mark.parametrize("primary", Side)
async def test_a_record_deleted_on_one_side_and_changed_on_the_other(linked: LinkedPair, primary: Side) -> None:
    paused = CatchUp(linked, primary)
    await paused.finops(customer("Q1"), customer("Q2"))
    await linked.router.queue(*BOTH)
    await paused.finops(delete_customer("Q1"), change_customer("Q2", SalesMemo="F"))
    await paused.dataverse(change_account("Q1", description="D"), Delete("account", account_key("Q2")))
    assert (await paused.caught_up()).failed == 0
    assert await linked.differences() == []
    there = [await customers(linked, each) for each in ("Q1", "Q2")]
    assert there == ([0, 1] if primary is Side.FINOPS else [1, 0])


async def test_a_change_made_on_top_of_what_has_arrived_is_no_conflict(paused: CatchUp) -> None:
    await paused.finops(customer("Q1"))
    for each in await paused.replay.plan(BOTH):
        await paused.replay.carry_out(each)
    await paused.dataverse(change_account("Q1", description="later"))
    assert await paused.caught_up() == Replayed(applied=1)
    assert (await paused.linked.customer("Q1"))["SalesMemo"] == "later"


async def test_what_the_target_refuses_is_an_error_with_its_whole_transaction(paused: CatchUp) -> None:
    await paused.finops(customer("Q1"), person("QP1", "Q1", AssociatedContactNumber="NOBODY"))
    await paused.finops(customer("Q2"))
    replayed = await paused.caught_up()
    assert (replayed.applied, replayed.failed) == (1, 2)
    assert await accounts(paused.linked, "Q1") == 0
    by_record = {each.record: each for each in paused.failures.all}
    assert set(by_record) == {"Q1", "QP1"}
    assert "NOBODY" in by_record["QP1"].cause
    assert by_record["Q1"].cause.startswith("another record of the same transaction was refused")
    assert by_record["QP1"].operation is Operation.CREATE
    assert by_record["Q1"].row["OrganizationName"] == "Customer Q1"


async def test_without_replaying_the_queue_becomes_errors_or_nothing(paused: CatchUp) -> None:
    await paused.finops(customer("Q1"))
    await paused.dataverse(account("Q2"))
    assert await paused.replay.give_up(BOTH) == 2
    assert {each.record for each in paused.failures.all} == {"Q1", "Q2"}
    await paused.finops(customer("Q3"))
    assert await paused.replay.discard(BOTH) == 1
    assert len(paused.failures.all) == 2
    assert await paused.replay.left(BOTH) == 0


async def test_transactions_that_touch_nothing_of_each_other_may_go_beside_each_other(paused: CatchUp) -> None:
    for number in range(6):
        await paused.finops(customer(f"Q{number}"))
    await paused.finops(person("QP1", "Q1"))
    await paused.finops(change_customer("Q5", InvoiceAccount="Q4"))
    (group_,) = await paused.replay.plan(BOTH)
    first, last = group_.components[0][0], group_.components[0][0] + 7
    assert sorted(len(each) for each in group_.components) == [1, 1, 1, 2, 3]
    assert (first + 1, last - 1) in group_.components


async def test_tallies_tell_what_was_queued_and_what_was_applied(paused: CatchUp) -> None:
    await paused.dataverse(account("Q1"))
    await paused.caught_up()
    counted = paused.linked.tally.by_map()[CUSTOMERS]
    way = "to finance and operations"
    assert (counted[f"{way}: {Ending.QUEUED.value}"], counted[f"{way}: {Ending.APPLIED.value}"]) == (1, 1)
