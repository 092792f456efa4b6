"""A transaction goes over as one: its records in the order of their relationships, all of them or none."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from dualwrite.environments.hosted.settings import HostedSettings
from dualwrite.environments.port import Create, Delete, Participant, ResultOf
from dualwrite.errors import EnvironmentUnavailable, LimitExceeded, PartnerRefused, RecordRefused
from linked_pair import CALLER, LinkedPair, hosted_finops
from words import (
    account,
    accounts,
    by_id,
    change_customer,
    company,
    customer,
    customers,
    delete_customer,
    group,
    person,
    person_key,
)

LINES = "PaymentDayLineCdsV2Entity"


@pytest.mark.parametrize("parent_first", [True, False])
async def test_parent_and_child_in_one_transaction(shared_linked: LinkedPair, parent_first: bool) -> None:
    pair, name = shared_linked, f"T1{parent_first}"
    commands = [group(f"G{parent_first}"), customer(name, CustomerGroupId=f"G{parent_first}")]
    await pair.finops.transact(commands if parent_first else commands[::-1], caller=CALLER)
    row = await pair.account(name)
    found = await pair.row("dataverse", "msdyn_customergroup", msdyn_customergroupid=row["msdyn_customergroupid"])
    assert found["msdyn_groupid"] == f"G{parent_first}"


async def test_a_customer_that_invoices_itself(shared_linked: LinkedPair) -> None:
    pair = shared_linked
    await pair.finops.transact([customer("T2", InvoiceAccount="T2")], caller=CALLER)
    row = await pair.account("T2")
    assert row["msdyn_billingaccount"] == row["accountid"]


async def test_customers_that_invoice_each_other(shared_linked: LinkedPair) -> None:
    pair = shared_linked
    await pair.finops.transact(
        [customer("T3a", InvoiceAccount="T3b"), customer("T3b", InvoiceAccount="T3a")], caller=CALLER
    )
    first, second = await pair.account("T3a"), await pair.account("T3b")
    assert (first["msdyn_billingaccount"], second["msdyn_billingaccount"]) == (second["accountid"], first["accountid"])


async def test_a_customer_and_its_primary_contact_refer_to_each_other(shared_linked: LinkedPair) -> None:
    pair = shared_linked
    await pair.finops.transact([customer("T4", ContactPersonId="T4P"), person("T4P", "T4")], caller=CALLER)
    first, second = await pair.account("T4"), await pair.contact("T4P")
    assert (first["primarycontactid"], second["parentcustomerid"]) == (second["contactid"], first["accountid"])


async def test_what_refers_to_each_other_can_be_deleted_together(shared_linked: LinkedPair) -> None:
    pair = shared_linked
    await pair.finops.transact([customer("T5", ContactPersonId="T5P"), person("T5P", "T5")], caller=CALLER)
    person_gone = Delete("smmContactPersonCDSV2Entity", person_key("T5P"))
    await pair.finops.transact([person_gone, delete_customer("T5")], caller=CALLER)
    assert await accounts(pair, "T5") == 0
    assert await pair.rows("dataverse", "contact", msdyn_contactpersonid="T5P") == []


@pytest.mark.parametrize("parent_first", [True, False])
async def test_customers_of_one_invoice_account_are_deleted_in_any_order(
    shared_linked: LinkedPair, parent_first: bool
) -> None:
    pair, name = shared_linked, f"T6{parent_first}"
    await pair.finops.transact([customer(name), customer(f"{name}c", InvoiceAccount=name)], caller=CALLER)
    deletes = [delete_customer(name), delete_customer(f"{name}c")]
    await pair.finops.transact(deletes if parent_first else deletes[::-1], caller=CALLER)
    assert await accounts(pair, name) == await accounts(pair, f"{name}c") == 0


async def test_a_parent_that_others_still_refer_to_is_not_deleted(shared_linked: LinkedPair) -> None:
    pair = shared_linked
    await pair.finops.transact([customer("T7"), customer("T7c", InvoiceAccount="T7")], caller=CALLER)
    with pytest.raises(
        PartnerRefused, match=r"^Customers V3 \(accounts\), T7: accounts refused the record: .*refer to it"
    ):
        await pair.finops.transact([delete_customer("T7")], caller=CALLER)
    assert await customers(pair, "T7") == await accounts(pair, "T7") == 1


async def test_a_child_is_deleted_together_with_the_parent_that_is_part_of_its_key(shared_linked: LinkedPair) -> None:
    pair = shared_linked
    day = Create("PaymentDayCdsEntity", {"dataAreaId": "usmf", "Name": "D8", "Description": "d"})
    line = {"dataAreaId": "usmf", "Name": "D8", "LineNumber": 1, "Frequency": "Week", "DayOfWeek": "Friday"}
    await pair.finops.transact([day, Create(LINES, line)], caller=CALLER)
    days = await pair.row("dataverse", "msdyn_paymentday", msdyn_name="D8")
    lines = await pair.row("dataverse", "msdyn_paymentdayline", msdyn_paymentday=days["msdyn_paymentdayid"])
    await pair.dataverse.transact(
        [
            Delete("msdyn_paymentdayline", by_id("msdyn_paymentdayline", lines["msdyn_paymentdaylineid"])),
            Delete("msdyn_paymentday", by_id("msdyn_paymentday", days["msdyn_paymentdayid"])),
        ],
        caller=CALLER,
    )
    assert await pair.rows("finops", LINES, Name="D8") == []
    assert await pair.rows("finops", "PaymentDayCdsEntity", Name="D8") == []


async def test_a_row_that_comes_and_goes_leaves_no_trace(shared_linked: LinkedPair) -> None:
    pair = shared_linked
    await pair.finops.transact(
        [customer("T9"), change_customer("T9", SalesMemo="x"), delete_customer("T9")], caller=CALLER
    )
    assert await customers(pair, "T9") == await accounts(pair, "T9") == 0


async def test_a_row_that_goes_and_comes_back_under_its_key_is_the_new_one(shared_linked: LinkedPair) -> None:
    pair = shared_linked
    await pair.finops.transact([customer("T10", SalesMemo="old")], caller=CALLER)
    await pair.finops.transact([delete_customer("T10"), customer("T10", OrganizationName="New")], caller=CALLER)
    row = await pair.account("T10")
    assert (row["name"], row["description"]) == ("New", None)


async def test_several_changes_of_a_row_go_over_as_what_they_come_to(shared_linked: LinkedPair) -> None:
    pair = shared_linked
    await pair.finops.transact([customer("T11")], caller=CALLER)
    before = await pair.account("T11")
    await pair.finops.transact(
        [
            change_customer("T11", SalesMemo="a", PrimaryContactPhone="1"),
            change_customer("T11", OrganizationName="b"),
            change_customer("T11", PrimaryContactPhone=""),
        ],
        caller=CALLER,
    )
    row = await pair.account("T11")
    assert (row["description"], row["name"], row["telephone1"]) == ("a", "b", before["telephone1"])


async def test_rows_created_together_in_dataverse(shared_linked: LinkedPair) -> None:
    pair = shared_linked
    commands = [
        Create("msdyn_customergroup", {"msdyn_groupid": "T12", "msdyn_company": company()}),
        account("T12", msdyn_customergroupid=ResultOf(0)),
    ]
    await pair.dataverse.transact(commands, caller=CALLER)
    assert (await pair.customer("T12"))["CustomerGroupId"] == "T12"


async def test_an_earlier_commands_row_is_meant_even_when_that_command_made_others_on_the_way(
    shared_linked: LinkedPair,
) -> None:
    """A company brings its business unit and team along; the command that follows still means the company."""
    pair = shared_linked
    changes = await pair.dataverse.transact(
        [
            Create("cdm_company", {"cdm_companycode": "zzzz", "cdm_name": "Z"}),
            account("T13", code=None, msdyn_company=ResultOf(0), customertypecode=1),
        ],
        caller=CALLER,
    )
    assert [each.table.name for each in changes] == ["cdm_company", "account"]
    assert changes[1].image["msdyn_company"] == changes[0].image["cdm_companyid"]


# --- refused ---------------------------------------------------------------------------------------------------------


async def test_a_lookup_that_leads_nowhere_is_refused_with_the_way_out(shared_linked: LinkedPair) -> None:
    pair = shared_linked
    await pair.finops.transact([customer("US-004")], caller=CALLER)
    before = await pair.customer("US-004"), await pair.account("US-004")
    with pytest.raises(RecordRefused) as refused:
        await pair.finops.transact([group("T14"), change_customer("US-004", CustomerGroupId="90")], caller=CALLER)
    assert refused.value.message == (
        "Customers V3 (accounts), US-004: CustomerGroupId '90' was not found in msdyn_customergroups (company usmf). "
        "Create it there or run the Customer groups map."
    )
    assert refused.value.details["command"] == 1
    assert (await pair.customer("US-004"), await pair.account("US-004")) == before
    assert await pair.rows("finops", "CustCustomerGroupEntity", CustomerGroupId="T14") == []
    assert await pair.rows("dataverse", "msdyn_customergroup", msdyn_groupid="T14") == []
    assert await pair.dataverse.prepared() == []


async def test_a_value_the_other_side_cannot_hold_is_refused(shared_linked: LinkedPair) -> None:
    pair = shared_linked
    with pytest.raises(RecordRefused, match=r"^Customers V3 \(accounts\), T15: "):
        await pair.dataverse.transact(
            [account("T15ok"), account("T15", accountnumber="T15", name="n" * 150)], caller=CALLER
        )
    for name in ("T15", "T15ok"):
        assert await customers(pair, name) == await accounts(pair, name) == 0


async def test_an_account_without_a_group_is_refused_because_the_other_side_requires_one(
    shared_linked: LinkedPair,
) -> None:
    pair = shared_linked
    with pytest.raises(RecordRefused, match=r"^Customers V3 \(accounts\), T16: .*CustomerGroupId"):
        await pair.dataverse.transact([account("T16", msdyn_customergroupid=None)], caller=CALLER)
    assert await accounts(pair, "T16") == 0


async def test_the_other_company_is_never_looked_up(shared_linked: LinkedPair) -> None:
    pair = shared_linked
    await pair.finops.transact([group("T17", company="demf")], caller=CALLER)
    with pytest.raises(RecordRefused, match="'T17' was not found in msdyn_customergroups \\(company usmf\\)"):
        await pair.finops.transact([customer("T17", CustomerGroupId="T17")], caller=CALLER)


# --- limits and outages ----------------------------------------------------------------------------------------------


async def test_a_transaction_of_too_many_records_is_refused_by_the_settings_name(shared_linked: LinkedPair) -> None:
    pair = shared_linked
    with pytest.raises(LimitExceeded, match=r"1000 records .*transaction_records.* 1001"):
        await pair.finops.transact([group(f"M{number}") for number in range(1001)], caller=CALLER)
    assert await pair.rows("finops", "CustCustomerGroupEntity", CustomerGroupId="M1") == []


async def test_a_transaction_that_takes_too_long_is_refused_by_the_settings_name(
    shared_linked: LinkedPair, server: object
) -> None:
    pair = shared_linked
    slow = HostedSettings(transaction_seconds=0.3, source_lock_wait_ms=5000)
    conninfo = pair.finops._serving.conninfo
    assert isinstance(conninfo, str)
    other = hosted_finops(conninfo, settings=slow)
    await other.open()
    await pair.finops.transact([customer("T18")], caller=CALLER)
    async with pair.finops.participate() as holder:
        await holder.begin()
        await holder.execute([change_customer("T18", SalesMemo="held")])
        with pytest.raises(LimitExceeded, match=r"0.3 seconds \(setting transaction_seconds\)"):
            await other.transact([change_customer("T18", SalesMemo="x")], caller=CALLER)
    await other.close()


async def test_a_target_that_is_down_keeps_the_source_as_it_was(shared_linked: LinkedPair) -> None:
    pair = shared_linked

    @asynccontextmanager
    async def down(*, attempt: int = 0) -> AsyncIterator[Participant]:
        raise EnvironmentUnavailable("connection refused")
        yield

    working = pair.dataverse.participate
    pair.dataverse.participate = down  # type: ignore[method-assign]
    try:
        with pytest.raises(EnvironmentUnavailable, match="environment dataverse does not answer; nothing was saved"):
            await pair.finops.transact([customer("T19")], caller=CALLER)
    finally:
        pair.dataverse.participate = working  # type: ignore[method-assign]
    assert await customers(pair, "T19") == 0


async def test_both_sides_agree_at_the_end(shared_linked: LinkedPair) -> None:
    assert await shared_linked.differences() == []
