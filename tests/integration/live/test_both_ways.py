"""A change saved on one side stands on both; nothing else moves."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from dualwrite.environments.port import Delete, Update
from dualwrite.errors import NotAllowed, RecordRefused
from dualwrite.security.roles import Role
from linked_pair import CALLER, LinkedPair
from words import (
    account,
    account_key,
    accounts,
    by_code,
    by_id,
    change_account,
    change_customer,
    customer,
    customers,
    delete_customer,
    group,
    person,
    person_key,
)


async def test_a_customer_is_created_changed_and_deleted_in_dataverse(shared_linked: LinkedPair) -> None:
    pair = shared_linked
    await pair.finops.transact(
        [customer("A1", CreditLimit=Decimal("12.50"), SalesMemo="ünïcode 🎉 'quoted'")], caller=CALLER
    )
    row = await pair.account("A1")
    assert (row["name"], row["creditlimit"], row["description"]) == (
        "Customer A1",
        Decimal("12.5"),
        "ünïcode 🎉 'quoted'",
    )
    await pair.finops.transact([change_customer("A1", OrganizationName="Renamed")], caller=CALLER)
    assert (await pair.account("A1"))["name"] == "Renamed"
    await pair.finops.transact([delete_customer("A1")], caller=CALLER)
    assert await accounts(pair, "A1") == 0


async def test_an_account_is_created_changed_and_deleted_in_finance_and_operations(shared_linked: LinkedPair) -> None:
    pair = shared_linked
    await pair.dataverse.transact([account("A2", msdyn_onholdstatus=806380002)], caller=CALLER)
    row = await pair.customer("A2")
    assert (row["OrganizationName"], row["CustomerGroupId"], row["OnHoldStatus"]) == ("Account A2", "10", "All")
    assert (row["PartyType"], row["LanguageId"]) == ("Organization", "en-us")
    await pair.dataverse.transact([change_account("A2", name="Renamed", description=None)], caller=CALLER)
    assert (await pair.customer("A2"))["OrganizationName"] == "Renamed"
    await pair.dataverse.transact([Delete("account", account_key("A2"))], caller=CALLER)
    assert await customers(pair, "A2") == 0


async def test_new_rows_belong_to_the_team_of_their_company(shared_linked: LinkedPair) -> None:
    pair = shared_linked
    await pair.finops.transact([customer("A3", company="demf")], caller=CALLER)
    row = await pair.account("A3", "demf")
    team = await pair.row("dataverse", "team", teamid=row["ownerid"])
    assert team["name"] == "demf (dual-write)"
    assert row["ownerid@table"] == "team"


async def test_only_columns_that_changed_are_written(shared_linked: LinkedPair) -> None:
    """A column that only the other side has changed since, unmapped or not, is left alone."""
    pair = shared_linked
    await pair.finops.transact([customer("A4")], caller=CALLER)
    await pair.dataverse.transact([change_account("A4", sic="900")], caller=CALLER)
    await pair.finops.transact([change_customer("A4", SalesMemo="memo")], caller=CALLER)
    row = await pair.account("A4")
    assert (row["sic"], row["description"], row["name"]) == ("900", "memo", "Customer A4")


async def test_a_change_that_changes_nothing_does_not_travel(shared_linked: LinkedPair) -> None:
    pair = shared_linked
    await pair.finops.transact([customer("A5")], caller=CALLER)
    here = await pair.customer("A5")
    await pair.dataverse.transact([change_account("A5", name="Customer A5")], caller=CALLER)
    assert await pair.customer("A5") == here
    there = await pair.account("A5")
    await pair.finops.transact([change_customer("A5", OrganizationName="Customer A5")], caller=CALLER)
    assert await pair.account("A5") == there


@pytest.mark.parametrize("side", ["finops", "dataverse"])
async def test_a_change_goes_over_once_and_does_not_come_back(shared_linked: LinkedPair, side: str) -> None:
    pair, name = shared_linked, f"A6{side[0]}"
    await pair.finops.transact([customer(name)], caller=CALLER)
    before = await pair.customer(name), await pair.account(name)
    if side == "finops":
        await pair.finops.transact([change_customer(name, SalesMemo="x")], caller=CALLER)
    else:
        await pair.dataverse.transact([change_account(name, description="x")], caller=CALLER)
    after = await pair.customer(name), await pair.account(name)
    assert (after[0]["SalesMemo"], after[1]["description"]) == ("x", "x")
    assert after[0]["RecVersion"] == int(str(before[0]["RecVersion"])) + 1
    again = await pair.customer(name), await pair.account(name)
    assert again == after


async def test_keys_are_found_whatever_their_case(shared_linked: LinkedPair) -> None:
    pair = shared_linked
    await pair.finops.transact([customer("Mixed-Case", company="usmf")], caller=CALLER)
    await pair.dataverse.transact([change_account("MIXED-CASE", name="Found")], caller=CALLER)
    assert (await pair.customer("Mixed-Case"))["OrganizationName"] == "Found"


async def test_the_same_group_exists_once_in_each_company(shared_linked: LinkedPair) -> None:
    pair = shared_linked
    await pair.finops.transact(
        [group("S1", Description="of usmf"), group("S1", company="demf", Description="of demf")], caller=CALLER
    )
    await pair.finops.transact(
        [customer("A7", CustomerGroupId="S1"), customer("A7", company="demf", CustomerGroupId="s1")], caller=CALLER
    )
    for code in ("usmf", "demf"):
        row = await pair.account("A7", code)
        found = await pair.row("dataverse", "msdyn_customergroup", msdyn_customergroupid=row["msdyn_customergroupid"])
        assert found["msdyn_description"] == f"of {code}"


async def test_rows_of_a_company_that_is_not_linked_stay_where_they_are(shared_linked: LinkedPair) -> None:
    pair = shared_linked
    await pair.finops.transact([customer("A8", company="usrt")], caller=CALLER)
    assert await pair.rows("dataverse", "account", accountnumber="A8") == []
    await pair.dataverse.transact([account("A9", code=None)], caller=CALLER)
    assert await pair.rows("finops", "CustCustomerV3Entity", CustomerAccount="A9") == []


async def test_a_row_travels_once_it_has_a_company(shared_linked: LinkedPair) -> None:
    pair = shared_linked
    (created,) = await pair.dataverse.transact([account("A10", code=None, telephone1="1")], caller=CALLER)
    given = {name: value for name, value in account("A10").values.items() if "@" not in name}
    wanted = {name: given[name] for name in ("msdyn_company", "msdyn_customergroupid", "transactioncurrencyid")}
    key = by_id("account", created.image["accountid"])
    await pair.dataverse.transact([Update("account", key, wanted)], caller=CALLER)
    row = await pair.customer("A10")
    assert (row["OrganizationName"], row["PrimaryContactPhone"]) == ("Account A10", "1")


async def test_empty_values_are_null_there_and_empty_here(shared_linked: LinkedPair) -> None:
    pair = shared_linked
    await pair.finops.transact([customer("A11", SalesMemo="", VendorAccount="")], caller=CALLER)
    row = await pair.account("A11")
    assert row["description"] is None and row["msdyn_vendor"] is None
    await pair.dataverse.transact([change_account("A11", description="text")], caller=CALLER)
    await pair.dataverse.transact([change_account("A11", description=None)], caller=CALLER)
    assert (await pair.customer("A11"))["SalesMemo"] == ""


async def test_an_account_that_is_no_customer_stays_until_it_becomes_one(shared_linked: LinkedPair) -> None:
    """Into the filter the whole row travels; out of it the partner is kept."""
    pair = shared_linked
    await pair.dataverse.transact([account("A12", customertypecode=1, telephone1="7")], caller=CALLER)
    assert await customers(pair, "A12") == 0
    await pair.dataverse.transact([change_account("A12", customertypecode=3)], caller=CALLER)
    assert (await pair.customer("A12"))["PrimaryContactPhone"] == "7"
    await pair.dataverse.transact([change_account("A12", customertypecode=1, telephone1="8")], caller=CALLER)
    assert (await pair.customer("A12"))["PrimaryContactPhone"] == "7"
    await pair.dataverse.transact([change_account("A12", customertypecode=3)], caller=CALLER)
    assert (await pair.customer("A12"))["PrimaryContactPhone"] == "8"


async def test_a_customer_that_becomes_a_person_moves_to_the_other_map(shared_linked: LinkedPair) -> None:
    pair = shared_linked
    await pair.finops.transact([customer("A13", PersonFirstName="Ada", PersonLastName="L")], caller=CALLER)
    await pair.finops.transact([change_customer("A13", PartyType="Person")], caller=CALLER)
    row = await pair.contact("A13")
    assert (row["firstname"], row["lastname"], row["fullname"], row["msdyn_sellable"]) == ("Ada", "L", "Ada L", True)


async def test_a_contacts_parent_is_an_account_or_a_contact(shared_linked: LinkedPair) -> None:
    pair = shared_linked
    await pair.finops.transact(
        [
            customer("A14"),
            customer("A15", PartyType="Person", PersonLastName="P"),
            person("P14", "A14"),
            person("P15", "A15"),
        ],
        caller=CALLER,
    )
    first, second = await pair.contact("P14"), await pair.contact("P15")
    assert (first["parentcustomerid@table"], first["parentcustomerid"]) == (
        "account",
        (await pair.account("A14"))["accountid"],
    )
    assert (second["parentcustomerid@table"], second["parentcustomerid"]) == (
        "contact",
        (await pair.contact("A15"))["contactid"],
    )
    key = by_id("contact", first["contactid"])
    parent = {"parentcustomerid": second["parentcustomerid"], "parentcustomerid@table": "contact"}
    await pair.dataverse.transact([Update("contact", key, parent)], caller=CALLER)
    moved = await pair.row("finops", "smmContactPersonCDSV2Entity", dataAreaId="usmf", ContactPersonId="P14")
    assert moved["AssociatedContactNumber"] == "A15"
    back = {"parentcustomerid": by_code("account", "accountnumber", "A14")}
    await pair.dataverse.transact([Update("contact", key, back)], caller=CALLER)
    moved = await pair.row("finops", "smmContactPersonCDSV2Entity", dataAreaId="usmf", ContactPersonId="P14")
    assert moved["AssociatedContactNumber"] == "A14"


async def test_a_row_that_is_missing_on_the_other_side_is_made_up_for(shared_linked: LinkedPair) -> None:
    """A change of a row whose partner is not there brings the whole row."""
    pair = shared_linked
    async with pair.finops.participate() as engine:
        await engine.begin()
        await engine.execute([customer("A16", SalesMemo="m")])
        await engine.commit()
    assert await accounts(pair, "A16") == 0
    await pair.finops.transact([change_customer("A16", OrganizationName="N")], caller=CALLER)
    row = await pair.account("A16")
    assert (row["name"], row["description"], row["customertypecode"]) == ("N", "m", 3)


async def test_the_integration_key_stays_while_the_map_runs(shared_linked: LinkedPair) -> None:
    pair = shared_linked
    await pair.finops.transact([customer("A17")], caller=CALLER)
    row = await pair.account("A17")
    with pytest.raises(RecordRefused, match=r"Customers V3 \(accounts\), A17: accountnumber is the integration key"):
        await pair.dataverse.transact(
            [Update("account", by_id("account", row["accountid"]), {"accountnumber": "A17x"})], caller=CALLER
        )
    assert await pair.account("A17") == row


async def test_a_deleted_contact_person_goes_on_both_sides(shared_linked: LinkedPair) -> None:
    pair = shared_linked
    await pair.finops.transact([customer("A18"), person("P18", "A18")], caller=CALLER)
    await pair.finops.transact([Delete("smmContactPersonCDSV2Entity", person_key("P18"))], caller=CALLER)
    assert await pair.rows("dataverse", "contact", msdyn_contactpersonid="P18") == []


async def test_a_reader_reads(shared_linked: LinkedPair) -> None:
    reader = replace(CALLER, name="auditor", roles=frozenset({Role.READER.value}))
    for environment, command in ((shared_linked.finops, customer("A99")), (shared_linked.dataverse, account("A99"))):
        with pytest.raises(NotAllowed, match="auditor may read and not write"):
            await environment.transact([command], caller=reader)
    assert await customers(shared_linked, "A99") == await accounts(shared_linked, "A99") == 0
