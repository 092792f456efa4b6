"""Initial copy: what both sides hold already is brought into step, beside whatever users are doing."""

from __future__ import annotations

import asyncio

import pytest
from words import CUSTOMER, account, accounts, change_account, change_customer, customer, customers, person

from dualwrite.environments.hosted.environment import HostedEnvironment
from dualwrite.environments.port import Command
from dualwrite.errors import NotAllowed
from dualwrite.maps.plan import Plan
from dualwrite.metadata.schema import Side
from dualwrite.sync.initial_copy import BATCH_ROWS, CopyReport, InitialCopy
from linked_pair import CALLER, FixedRouter, LinkedPair, demonstration_plans


async def unlinked(environment: HostedEnvironment, commands: list[Command]) -> None:
    """The rows are in this environment and nobody has told the other."""
    async with environment.participate() as engine:
        await engine.begin()
        await engine.execute(commands)
        await engine.commit()


async def copied(pair: LinkedPair, master: Side = Side.FINOPS) -> CopyReport:
    routing = await FixedRouter(pair.pair, demonstration_plans()).current()
    return await InitialCopy(pair.pair, routing).run(demonstration_plans(), master=master)


async def test_both_sides_hold_what_either_held(linked: LinkedPair) -> None:
    await unlinked(linked.finops, [customer("I1"), customer("I2", PartyType="Person", PersonLastName="P")])
    await unlinked(linked.dataverse, [account("I3")])
    report = await copied(linked)
    assert report.refused == []
    assert await accounts(linked, "I1") == await customers(linked, "I3") == 1
    assert (await linked.contact("I2"))["lastname"] == "P"
    assert await linked.differences() == []


async def test_a_second_copy_finds_everything_equal(linked: LinkedPair) -> None:
    await unlinked(linked.finops, [customer("I1", InvoiceAccount="I1"), person("IP", "I1")])
    await copied(linked)
    before = await linked.account("I1"), await linked.contact("IP"), await linked.customer("I1")
    report = await copied(linked)
    assert sum(each.inserted + each.updated + each.refused for each in report.counts) == 0
    assert (await linked.account("I1"), await linked.contact("IP"), await linked.customer("I1")) == before


async def test_the_master_wins(linked: LinkedPair) -> None:
    await linked.finops.transact([customer("I1")], caller=CALLER)
    await unlinked(linked.finops, [change_customer("I1", OrganizationName="from finops")])
    await unlinked(linked.dataverse, [change_account("I1", description="from dataverse")])
    await copied(linked, master=Side.DATAVERSE)
    row = await linked.customer("I1")
    assert (row["OrganizationName"], row["SalesMemo"]) == ("Customer I1", "from dataverse")
    await unlinked(linked.finops, [change_customer("I1", OrganizationName="from finops")])
    await copied(linked, master=Side.FINOPS)
    assert (await linked.account("I1"))["name"] == "from finops"


async def test_rows_that_cannot_be_copied_are_listed_with_their_reasons(linked: LinkedPair) -> None:
    await unlinked(
        linked.finops, [customer("I1"), customer("I2", CustomerGroupId="90"), customer("I3", InvoiceAccount="NOBODY")]
    )
    report = await copied(linked)
    refused = {each.record: each for each in report.refused}
    assert set(refused) == {"I2", "I3"}
    assert refused["I2"].reason == (
        "Customers V3 (accounts), I2: CustomerGroupId '90' was not found in msdyn_customergroups (company usmf). "
        "Create it there or run the Customer groups map."
    )
    assert "InvoiceAccount 'NOBODY' was not found in accounts (company usmf)" in refused["I3"].reason
    assert (refused["I2"].company, refused["I2"].column) == ("usmf", "msdyn_customergroupid")
    (count,) = [
        each for each in report.counts if each.map_name == "Customers V3 (accounts)" and each.read and each.refused
    ]
    assert count.read == count.inserted + count.updated + count.equal + count.skipped + count.refused
    assert await accounts(linked, "I1") == 1


async def test_circles_are_closed_in_the_second_pass(linked: LinkedPair) -> None:
    await unlinked(
        linked.finops,
        [
            customer("I1", InvoiceAccount="I2", ContactPersonId="IP"),
            customer("I2", InvoiceAccount="I1"),
            person("IP", "I1"),
        ],
    )
    report = await copied(linked)
    assert report.refused == []
    first, second, contact = await linked.account("I1"), await linked.account("I2"), await linked.contact("IP")
    assert first["msdyn_billingaccount"] == second["accountid"]
    assert second["msdyn_billingaccount"] == first["accountid"]
    assert first["primarycontactid"] == contact["contactid"]
    assert contact["parentcustomerid"] == first["accountid"]


async def test_newer_edits_are_never_overwritten_by_the_copy(linked: LinkedPair) -> None:
    names = [f"C{number:03d}" for number in range(120)]
    await unlinked(linked.finops, [customer(name, SalesMemo="old") for name in names])
    stop = asyncio.Event()
    edited: dict[str, str] = {}

    async def edit(side: str) -> None:
        number = 0
        while not stop.is_set():
            name = names[(number * 7) % 60 + (0 if side == "finops" else 60)]
            number += 1
            if side == "finops":
                await linked.finops.transact([change_customer(name, SalesMemo=f"{number}")], caller=CALLER)
            elif await accounts(linked, name):
                await linked.dataverse.transact([change_account(name, description=f"{number}")], caller=CALLER)
            else:
                continue
            edited[name] = f"{number}"

    users = [asyncio.create_task(edit(side)) for side in ("finops", "dataverse")]
    report = await copied(linked)
    stop.set()
    await asyncio.gather(*users)
    assert report.refused == []
    assert len(edited) > 5
    for name, memo in edited.items():
        assert (await linked.customer(name))["SalesMemo"] == memo
        assert (await linked.account(name))["description"] == memo
    assert await linked.differences() == []


async def test_rows_of_unlinked_companies_are_not_copied(linked: LinkedPair) -> None:
    await unlinked(linked.finops, [customer("I1", company="usrt")])
    await copied(linked)
    assert await linked.rows("dataverse", "account", accountnumber="I1") == []
    assert len(await linked.rows("finops", CUSTOMER, CustomerAccount="I1")) == 1


async def test_a_map_that_is_stopped_is_not_copied_any_further(linked: LinkedPair) -> None:
    await unlinked(linked.finops, [customer(f"I{number}") for number in range(BATCH_ROWS + 1)])
    asked: list[str] = []

    async def until_the_second_batch_of_customers(plan: Plan) -> bool:
        asked.append(plan.map.name)
        return asked.count("Customers V3 (accounts)") < 2

    routing = await FixedRouter(linked.pair, demonstration_plans()).current()
    copy = InitialCopy(linked.pair, routing, may_go_on=until_the_second_batch_of_customers)
    with pytest.raises(NotAllowed, match=r"Customers V3 \(accounts\) was stopped while it was being copied"):
        await copy.run(demonstration_plans(), master=Side.FINOPS)
    assert 0 < len(await linked.rows("dataverse", "account")) <= BATCH_ROWS
