"""A run brings both sides into step, and says of every row what became of it."""

from __future__ import annotations

from dualwrite.metadata.schema import Side
from dualwrite.sync.initial_sync.survey import survey
from initial_runs import InitialRun, initial_run, synced, unlinked
from linked_pair import CALLER, LinkedPair
from words import CUSTOMER, account, accounts, change_account, change_customer, customer, customers, person

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


async def test_the_master_wins_column_by_column(linked: LinkedPair) -> None:
    await linked.finops.transact([customer("I1")], caller=CALLER)
    await unlinked(linked.finops, [change_customer("I1", OrganizationName="from finops")])
    await unlinked(linked.dataverse, [change_account("I1", description="from dataverse")])
    run = await synced(linked, master=Side.DATAVERSE)
    row = await linked.customer("I1")
    assert (row["OrganizationName"], row["SalesMemo"]) == ("Customer I1", "from dataverse")
    assert run.of(CUSTOMERS, "TO_FINOPS").conflicts == run.of(CUSTOMERS, "TO_FINOPS").updated == 1
    assert run.total.conflicts == 1
    await unlinked(linked.finops, [change_customer("I1", OrganizationName="from finops")])
    run = await synced(linked, master=Side.FINOPS)
    assert (await linked.account("I1"))["name"] == "from finops"
    assert run.of(CUSTOMERS).conflicts == run.of(CUSTOMERS).updated == 1
    assert_sound(run)


async def test_rows_that_cannot_be_written_are_told_with_their_cause(linked: LinkedPair) -> None:
    groups = [customer(f"G{number}", CustomerGroupId="90") for number in range(3)]
    await unlinked(linked.finops, [customer("I1"), *groups, customer("I3", InvoiceAccount="NOBODY")])
    run = await synced(linked)
    refused = {each.record: each for each in run.refused}
    assert set(refused) == {"G0", "G1", "G2", "I3"}
    assert refused["G1"].reason == (
        "Customers V3 (accounts), G1: CustomerGroupId '90' was not found in msdyn_customergroups (company usmf). "
        "Create it there or run the Customer groups map."
    )
    assert {refused[each].cause for each in ("G0", "G1", "G2")} == {
        "CustomerGroupId '90' was not found in msdyn_customergroups (company usmf). "
        "Create it there or run the Customer groups map."
    }
    told = refused["G1"]
    assert (told.company, told.column, told.record_id) == (
        "usmf",
        "msdyn_customergroupid",
        (await linked.customer("G1"))["RecId"],
    )
    assert told.row["CustomerGroupId"] == "90"
    assert "InvoiceAccount 'NOBODY' was not found in accounts (company usmf)" in refused["I3"].reason
    assert_sound(run)
    assert (run.of(CUSTOMERS).inserted, run.of(CUSTOMERS).refused) == (1, 4)
    assert await accounts(linked, "I1") == 1


async def test_references_within_a_table_are_there_at_once(linked: LinkedPair) -> None:
    chain = [customer(f"I{number}", InvoiceAccount=f"I{number + 1}") for number in range(12)]
    await unlinked(linked.finops, [*chain, customer("I12", InvoiceAccount="I12")])
    run = await synced(linked)
    assert run.refused == []
    assert_sound(run)
    for number in range(12):
        after = await linked.account(f"I{number + 1}")
        assert (await linked.account(f"I{number}"))["msdyn_billingaccount"] == after["accountid"]
    last = await linked.account("I12")
    assert last["msdyn_billingaccount"] == last["accountid"]


async def test_circles_are_closed_in_the_second_pass(linked: LinkedPair) -> None:
    await unlinked(
        linked.finops,
        [
            customer("I1", InvoiceAccount="I2", ContactPersonId="IP"),
            customer("I2", InvoiceAccount="I1"),
            person("IP", "I1"),
        ],
    )
    run = await synced(linked)
    assert run.refused == []
    assert_sound(run)
    first, second, contact = await linked.account("I1"), await linked.account("I2"), await linked.contact("IP")
    assert first["msdyn_billingaccount"] == second["accountid"]
    assert second["msdyn_billingaccount"] == first["accountid"]
    assert first["primarycontactid"] == contact["contactid"]
    assert contact["parentcustomerid"] == first["accountid"]
    assert await linked.differences() == []


async def test_what_stays_open_is_refused_in_the_second_pass(linked: LinkedPair) -> None:
    await unlinked(linked.finops, [customer("I1", ContactPersonId="NOBODY"), customer("I2")])
    run = await synced(linked)
    assert [(each.record, each.column) for each in run.refused] == [("I1", "primarycontactid")]
    assert (run.of(CUSTOMERS).read, run.of(CUSTOMERS).inserted, run.of(CUSTOMERS).refused) == (2, 1, 1)
    assert_sound(run)


async def test_rows_of_companies_that_are_not_linked_are_only_counted(linked: LinkedPair) -> None:
    await unlinked(linked.finops, [customer("I1", company="usrt")])
    await unlinked(linked.dataverse, [account("I2", code=None)])
    run = await synced(linked)
    assert run.counts[CUSTOMERS, "TO_DATAVERSE", "usrt"].filtered == 1
    assert run.counts[CUSTOMERS, "TO_FINOPS", ""].filtered == 1
    assert_sound(run)
    assert await linked.rows("dataverse", "account", accountnumber="I1") == []
    assert len(await linked.rows("finops", CUSTOMER, CustomerAccount="I1")) == 1
    assert await linked.rows("finops", CUSTOMER, CustomerAccount="I2") == []


async def test_a_partition_that_has_been_committed_is_not_done_again(linked: LinkedPair) -> None:
    await unlinked(linked.finops, [customer("I1")])
    run = await initial_run(linked)
    for each in await survey(run.pair, run.routing, run.maps):
        outcome = await run.do(each)
        assert await run.do(each) == outcome
    assert run.of(CUSTOMERS).inserted == 1
    assert run.of(CUSTOMERS).equal == 0


async def test_many_small_partitions_do_what_one_does(linked: LinkedPair) -> None:
    await unlinked(
        linked.finops,
        [customer(f"I{number:02d}", InvoiceAccount=f"I{(number * 7) % 30:02d}") for number in range(30)],
    )
    run = await synced(linked, most_rows=4)
    assert run.refused == []
    assert_sound(run)
    assert run.of(CUSTOMERS).inserted == 30
    assert await linked.differences() == []
