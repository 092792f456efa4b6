"""Files come into a real environment by frames, and into its partner in the same breath."""

from __future__ import annotations

import asyncio

import pytest

from dualwrite.environments.port import Delete, Existence, RecordKey, Update
from dualwrite.errors import SettingsRefused
from dualwrite.exchange.exporting.exporter import Exporter
from dualwrite.exchange.package.manifest import DataFormat
from dualwrite.metadata.schema import Side
from dualwrite.metadata.values import Row
from dualwrite.store.file_imports import ImportCount
from file_imports import Imports
from linked_pair import CALLER

HEAD = "CUSTOMERACCOUNT,CUSTOMERGROUPID,ORGANIZATIONNAME,SALESCURRENCYCODE,DATAAREAID,PARTYTYPE\n"


def customers(count: int, *, prefix: str = "F") -> list[str]:
    return [
        f"{prefix}-{number},{10 if number % 2 else 20},Firm {number},USD,usmf,Organization\n" for number in range(count)
    ]


async def test_new_changed_and_equal_customers_are_told_apart_and_are_on_both_sides(imports: Imports) -> None:
    linked, lines = imports.linked, customers(300)
    first = await imports.load_text(HEAD + "".join(lines))
    assert first.imported.count == ImportCount(300, 300, 0, 0, 0)
    assert (await linked.account("F-17"))["name"] == "Firm 17"
    again = await imports.load_text(HEAD + "".join(lines))
    assert again.imported.count == ImportCount(300, 0, 0, 300, 0)
    changed = "".join(lines).replace("Firm 17,", "Company 17,").replace("F-3,10", "F-3,20")
    third = await imports.load_text(HEAD + changed)
    assert third.imported.count == ImportCount(300, 0, 2, 298, 0)
    assert (await linked.account("F-17"))["name"] == "Company 17"
    assert await linked.differences() == []


async def test_a_changed_column_does_not_undo_what_the_other_side_has_of_its_own(imports: Imports) -> None:
    linked = imports.linked
    await imports.load_text(HEAD + "".join(customers(3)))
    account = await linked.account("F-1")
    key = RecordKey((("accountid", account["accountid"]),))
    await linked.dataverse.transact(
        [Update("account", key, {"websiteurl": "https://example.org"}, Existence.MUST_EXIST)], caller=CALLER
    )
    before = await linked.customer("F-1")
    report = await imports.load_text("CUSTOMERACCOUNT,DATAAREAID,ORGANIZATIONNAME\nF-1,usmf,Renamed\nF-2,usmf,Firm 2\n")
    assert report.imported.count == ImportCount(2, 0, 1, 1, 0)
    after = await linked.customer("F-1")
    assert {name for name in after if after[name] != before[name]} == {"OrganizationName", "RecVersion"}
    assert (await linked.account("F-1"))["websiteurl"] == "https://example.org"


async def test_a_record_that_leaves_a_map_or_enters_another_does_so_on_both_sides(imports: Imports) -> None:
    linked = imports.linked
    await imports.load_text(HEAD + "".join(customers(3)))
    person = "".join(customers(3)).replace("F-1,10,Firm 1,USD,usmf,Organization", "F-1,10,Firm 1,USD,usmf,Person")
    report = await imports.load_text(HEAD + person)
    assert report.imported.count == ImportCount(3, 0, 1, 2, 0)
    by_rows = await imports.load_text(HEAD + person, by_frames=False)
    assert by_rows.imported.count == ImportCount(3, 0, 0, 3, 0)
    assert (await linked.customer("F-1"))["PartyType"] == "Person"
    assert await linked.differences() == []


async def test_records_that_nothing_is_linked_for_are_in_on_their_own_side_only(imports: Imports) -> None:
    lines = [line.replace(",usmf,", ",usrt,") for line in customers(40)]
    report = await imports.load_text(HEAD + "".join(lines))
    assert report.imported.count == ImportCount(40, 40, 0, 0, 0)
    assert await imports.linked.rows("dataverse", "account") == []


async def test_records_of_dataverse_come_into_finance_and_operations(imports: Imports) -> None:
    linked = imports.linked
    await imports.load_text(HEAD + "".join(customers(20)))
    exporter = Exporter(linked.dataverse, DataFormat.CSV)
    path = imports.folder / "accounts.csv"
    await exporter.to_files([linked.dataverse.schema.table("account")], lambda _: path)
    text = path.read_bytes().decode()
    same = await imports.load(path, entity="accounts", side=Side.DATAVERSE)
    assert same.imported.count == ImportCount(20, 0, 0, 20, 0), await imports.refused(same)
    path.write_bytes(text.replace("Firm 7", "Seven").encode())
    changed = await imports.load(path, entity="accounts", side=Side.DATAVERSE)
    assert changed.imported.count == ImportCount(20, 0, 1, 19, 0)
    assert (await linked.customer("F-7"))["OrganizationName"] == "Seven"
    assert await linked.differences() == []


async def test_the_company_of_the_file_is_that_of_records_that_name_none(imports: Imports) -> None:
    path = imports.file("CustomersV3.csv", HEAD + "A,10,One,USD,,Organization\nB,10,Two,USD,DEMF,Organization\n")
    report = await imports.load(path, company="usmf")
    assert report.imported.count.created == 2
    assert (await imports.linked.account("A"))["name"] == "One"
    assert (await imports.linked.account("B", "demf"))["name"] == "Two"


async def test_files_that_are_none_of_their_table_are_refused_as_a_whole(imports: Imports) -> None:
    for name, text, reason in (
        ("CustomersV3.csv", "ORGANIZATIONNAME\nx\n", "lack the key column dataAreaId, CustomerAccount"),
        ("Strange.csv", "A\nx\n", "has no table 'Strange'. Name the entity"),
        ("CustomersV3.csv", "CUSTOMERACCOUNT\nx\n", "Name a company for the whole file"),
    ):
        with pytest.raises(SettingsRefused, match=reason):
            await imports.load(imports.file(name, text))


async def test_users_can_go_on_saving_while_a_file_comes_in(imports: Imports) -> None:
    linked = imports.linked
    await imports.load_text(HEAD + "".join(customers(400)))
    text = HEAD + "".join(customers(400)).replace("Firm ", "Company ") + "".join(customers(800, prefix="N"))

    async def save(number: int) -> None:
        account = await linked.account(f"F-{number}")
        key = RecordKey((("accountid", account["accountid"]),))
        update = Update("account", key, {"telephone1": f"0{number}"}, Existence.MUST_EXIST)
        await linked.dataverse.transact([update], caller=CALLER)

    async def save_some() -> None:
        for number in range(0, 400, 5):
            await save(number)

    report, _ = await asyncio.gather(imports.load_text(text), save_some())
    assert report.imported.count == ImportCount(1200, 800, 400, 0, 0)
    assert (await linked.customer("F-15"))["PrimaryContactPhone"] == "015"
    assert await linked.differences() == []


@pytest.mark.parametrize("data_format", DataFormat)
async def test_a_package_is_exported_and_comes_back_equal(imports: Imports, data_format: DataFormat) -> None:
    linked = imports.linked
    names = 'a "quoted", name', "line\r\nbreaks\ttabs", " blanks ", "ümläut & <tags>"
    lines = [
        f'P-{number},10,"{name.replace(chr(34), chr(34) * 2)}",USD,usmf,Organization\n'
        for number, name in enumerate(names)
    ]
    await imports.load_text(HEAD + "".join(lines))
    before = await linked.rows("finops", "CustCustomerV3Entity")
    tables = [linked.finops.schema.table(each) for each in ("CustomerGroups", "CustomersV3")]
    path = imports.folder / "package.zip"
    exported = await Exporter(linked.finops, data_format, companies=("usmf",)).to_package(
        tables, path, name="Customers"
    )
    assert [each.rows for each in exported] == [2, 4]

    same = await imports.load(path)
    assert [each.table.name for each in same.sources] == [each.name for each in tables]
    assert same.imported.count == ImportCount(6, 0, 0, 6, 0), await imports.refused(same)
    assert all(each.skipped == () for each in same.sources)
    for row in before:
        await linked.finops.transact([_delete(row)], caller=CALLER)
    back = await imports.load(path)
    assert back.imported.count == ImportCount(6, 4, 0, 2, 0)
    after = await linked.rows("finops", "CustCustomerV3Entity")
    own = {"RecId", "RecVersion"}
    assert [{name: row[name] for name in row if name not in own} for row in after] == [
        {name: row[name] for name in row if name not in own} for row in before
    ]
    assert await linked.differences() == []


def _delete(row: Row) -> Delete:
    return Delete(
        "CustCustomerV3Entity", RecordKey(tuple((name, row[name]) for name in ("dataAreaId", "CustomerAccount")))
    )
