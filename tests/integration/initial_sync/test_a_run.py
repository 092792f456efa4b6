"""A run brings both sides into step, and says of every row what became of it."""

from __future__ import annotations

from initial_runs import InitialRun, synced, unlinked
from linked_pair import LinkedPair
from words import CUSTOMER, account, accounts, change_account, change_customer, customer, customers, person

from dualwrite.metadata.schema import Side
from linked_pair import CALLER

CUSTOMERS = "Customers V3 (accounts)"


def assert_sound(run: InitialRun) -> None:
    for key, count in run.counts.items():
        assert count.is_sound, (key, count)


async def test_both_sides_hold_what_either_held(linked: LinkedPair) -> None:
    await unlinked(linked.finops, [customer("I1"), customer("I2", PartyType="Person", PersonLastName="P")])
    await unlinked(linked.dataverse, [account("I3")])
    run = await synced(linked)
    assert run.refused == []
    assert_sound(run)
    assert await accounts(linked, "I1") == await customers(linked, "I3") == 1
    assert (await linked.contact("I2"))["lastname"] == "P"
    assert await linked.differences() == []


async def test_a_second_run_finds_everything_equal(linked: LinkedPair) -> None:
    await unlinked(linked.finops, [customer("I1", InvoiceAccount="I1"), person("IP", "I1")])
    await synced(linked)
    before = await linked.account("I1"), await linked.contact("IP"), await linked.customer("I1")
    run = await synced(linked)
    assert run.total.inserted + run.total.updated + run.total.refused == 0, run.counts
    assert (await linked.account("I1"), await linked.contact("IP"), await linked.customer("I1")) == before
