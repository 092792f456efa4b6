"""Rows without a company are assigned one: seen first, then done, with every row that is left out explained."""

from __future__ import annotations

import pytest
from office import Office

from dualwrite.environments.port import Delete, RecordKey, Update
from dualwrite.errors import NotAllowed
from dualwrite.linking.company_assignment import REASON, RECORD, Assignment
from dualwrite.linking.company_rules import LINE, ByValue, OneCompany, parse_by_keys, parse_by_value
from dualwrite.store.maps import MapState
from linked_pair import CALLER

CUSTOMERS = "Customers V3 (accounts)"


def left(plan: Assignment) -> dict[str, str]:
    return dict(plan.left.select(RECORD, REASON).iter_rows())


async def test_a_preview_changes_nothing_and_applying_does_what_it_told(office: Office) -> None:
    await office.accounts({"accountnumber": "A1", "name": "one"}, {"accountnumber": "A2", "name": "two"})
    plan = await office.bootstrap.plan("accounts", OneCompany("USMF"))
    assert (plan.table, plan.rows, plan.by_company) == ("account", 2, {"usmf": 2})
    assert await office.companies() == {"one": None, "two": None}
    assert (await office.bootstrap.apply(plan)).by_company == {"usmf": 2}
    assert await office.companies() == {"one": "usmf", "two": "usmf"}
    again = await office.bootstrap.plan("account", OneCompany("demf"))
    assert (again.had_company, again.given.height) == (2, 0)


async def test_what_was_done_is_in_the_activity_log(office: Office) -> None:
    await office.accounts({"accountnumber": "A1", "name": "one"})
    await office.bootstrap.apply(await office.bootstrap.plan("account", OneCompany("usmf")))
    (entry, *_) = await office.store.activity.list()
    assert (entry.what, entry.who, entry.details) == (
        "assign companies",
        "tests",
        {"table": "account", "rows": {"usmf": 1}, "refused": 0},
    )


async def test_the_owner_follows_the_company_unless_a_team_owns_the_row(office: Office) -> None:
    usmf, demf = await office.company("usmf"), await office.company("demf")
    team = {"ownerid": demf["cdm_defaultowningteam"], "ownerid@table": "team"}
    await office.accounts(
        {"accountnumber": "A1", "name": "a user's"}, {"accountnumber": "A2", "name": "a team's", **team}
    )
    await office.bootstrap.apply(await office.bootstrap.plan("account", OneCompany("usmf")))
    rows = {row["name"]: row for row in await office.rows("account")}
    users, teams = rows["a user's"], rows["a team's"]
    assert (users["ownerid"], users["ownerid@table"]) == (usmf["cdm_defaultowningteam"], "team")
    assert (users["owningteam"], users["owninguser"]) == (usmf["cdm_defaultowningteam"], None)
    assert (teams["ownerid"], teams["msdyn_company"]) == (demf["cdm_defaultowningteam"], usmf["cdm_companyid"])
    assert users["modifiedon"] > users["createdon"]


async def test_a_column_tells_the_company_by_value_label_or_behind_a_lookup(office: Office) -> None:
    (currency,) = [row for row in await office.rows("transactioncurrency") if row["isocurrencycode"] == "EUR"]
    await office.accounts(
        {"accountnumber": "A1", "name": "us", "address1_country": "US"},
        {"accountnumber": "A2", "name": "de", "address1_country": "de"},
        {"accountnumber": "A3", "name": "fr", "address1_country": "FR"},
        {"accountnumber": "A4", "name": "euro", "transactioncurrencyid": currency["transactioncurrencyid"]},
    )
    plan = await office.bootstrap.plan("account", parse_by_value("Address1_Country=US:usmf,DE:demf,:frsi"))
    assert left(plan) == {
        "a3": "the rule names no company for address1_country = fr",
        "a4": "company frsi was not found in cdm_companies",
    }
    await office.bootstrap.apply(plan)
    behind = await office.bootstrap.plan("account", parse_by_value("transactioncurrencyid.isocurrencycode=eur:demf"))
    await office.bootstrap.apply(behind)
    assert await office.companies() == {"us": "usmf", "de": "demf", "fr": None, "euro": "demf"}
    by_choice = await office.bootstrap.plan("account", ByValue("customertypecode", {"customer": "usmf"}))
    assert by_choice.by_company == {"usmf": 1}


async def test_a_file_of_keys_tells_the_company(office: Office) -> None:
    await office.accounts(
        {"accountnumber": "A1", "name": "one"},
        {"accountnumber": "A2", "name": "two", "msdyn_company": await office.company_id("demf")},
        {"accountnumber": "A3", "name": "three"},
    )
    rule = parse_by_keys("accountnumber,company\na1,usmf\nA2,usmf\nA9,usmf\n")
    plan = await office.bootstrap.plan("account", rule)
    assert left(plan) == {"a3": "the file does not name the row"}
    assert plan.lines.select(LINE, REASON).rows() == [
        (3, "the row has the company demf already"),
        (4, "no row has this key"),
    ]
    await office.bootstrap.apply(plan)
    assert await office.companies() == {"one": "usmf", "two": "demf", "three": None}


async def test_rows_that_would_be_second_under_their_key_stay_without_a_company(office: Office) -> None:
    await office.accounts(
        {"accountnumber": "A1", "name": "there", "msdyn_company": await office.company_id("usmf")},
        {"accountnumber": "a1", "name": "second"},
        {"accountnumber": "A2", "name": "twin"},
        {"accountnumber": "A2", "name": "other twin"},
        {"accountnumber": "A3", "name": "alone"},
        {"name": "without a number"},
    )
    plan = await office.bootstrap.plan("account", OneCompany("usmf"))
    await office.bootstrap.apply(plan)
    companies = await office.companies()
    assert {name for name, code in companies.items() if code is None} == {"second", "twin", "other twin"}
    assert left(plan)["a1"] == "company usmf has another row with this accountnumber"
    assert left(plan)["a2"] == "several rows with this accountnumber would get the company usmf"


async def test_a_row_that_somebody_changes_in_between_is_refused_alone(office: Office) -> None:
    one, two, three, _ = await office.accounts(
        {"accountnumber": "A1", "name": "gets another"},
        {"accountnumber": "A2", "name": "comes second"},
        {"accountnumber": "A3", "name": "is gone"},
        {"accountnumber": "A4", "name": "as planned"},
    )
    plan = await office.bootstrap.plan("account", OneCompany("usmf"))
    demf = await office.company_id("demf")
    key = [RecordKey((("accountid", row["accountid"]),)) for row in (one, two, three)]
    await office.dataverse.transact(
        [Update("account", key[0], {"msdyn_company": demf}), Delete("account", key[2])], caller=CALLER
    )
    await office.accounts({"accountnumber": "a2", "name": "new", "msdyn_company": await office.company_id("usmf")})
    result = await office.bootstrap.apply(plan)
    assert {name for name in result.refused[RECORD]} >= {"a1", "a2"}
    companies = await office.companies()
    assert companies == {"gets another": "demf", "comes second": None, "as planned": "usmf", "new": "usmf"}


async def test_tables_of_maps_that_run_are_left_alone(office: Office) -> None:
    await office.accounts({"accountnumber": "A1", "name": "one"})
    plan = await office.bootstrap.plan("account", OneCompany("usmf"))
    await office.store.maps.set_state("main", CUSTOMERS, MapState.RUNNING, expected=None)
    for action in (office.bootstrap.check_idle(["accounts"]), office.bootstrap.apply(plan)):
        with pytest.raises(NotAllowed, match="dualwrite maps stop 'Customers V3"):
            await action
    await office.bootstrap.check_idle(["contact"])
    assert await office.companies() == {"one": None}


async def test_the_tables_that_maps_fill_by_company(office: Office) -> None:
    assert await office.bootstrap.mapped_tables() == ["account"]


@pytest.mark.parametrize(
    ("table", "rule", "reason"),
    [
        ("nowhere", OneCompany("usmf"), "Dataverse has no table 'nowhere'"),
        ("systemuser", OneCompany("usmf"), "systemuser has no companies"),
        ("account", OneCompany("frsi"), "There is no company frsi in cdm_companies; there are: demf, usmf"),
        ("account", parse_by_value("nix=a:usmf"), "account has no column 'nix'"),
        ("account", parse_by_value("nix.name=a:usmf"), "account has no column 'nix'"),
        ("account", parse_by_value("transactioncurrencyid.nix=a:usmf"), "transactioncurrencyid has no nix behind it"),
        ("account", parse_by_value("creditlimit=1:usmf"), "creditlimit cannot tell the company"),
        ("account", parse_by_keys("nix,company\n1,usmf\n"), "account has no column 'nix'"),
    ],
)
async def test_what_cannot_be_done_is_told_before_anything_is_read(
    office: Office, table: str, rule: OneCompany | ByValue, reason: str
) -> None:
    with pytest.raises(NotAllowed, match=reason):
        await office.bootstrap.plan(table, rule)
