"""The program from outside: started as a user starts it, used through its command line and its two public APIs."""

from __future__ import annotations

import json
import signal
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import psutil
import pytest
from tests.acceptance.conftest import Program, customer_path

from dualwrite.catalog.maps import DEMONSTRATION, demonstration_names
from dualwrite.demo.country import DATA

NO_DATE = "1900-01-01T12:00:00Z"


def new_customer(account: str, **values: object) -> dict[str, object]:
    """A customer that finance and operations accepts."""
    return {
        "dataAreaId": "usmf",
        "CustomerAccount": account,
        "PartyType": "Organization",
        "OrganizationName": f"Customer {account}",
        "CustomerGroupId": "10",
        "SalesCurrencyCode": "USD",
        **values,
    }


def new_account(program: Program, account: str, company: str = "usmf", **values: object) -> dict[str, object]:
    """The same customer as Dataverse accepts it."""
    group = program.row_id(
        "msdyn_customergroups", f"msdyn_groupid eq '10' and msdyn_company/cdm_companycode eq '{company}'"
    )
    currency = program.rows("dataverse", "/transactioncurrencies?$filter=isocurrencycode eq 'USD'")[0]
    return {
        "accountnumber": account,
        "name": f"Customer {account}",
        "customertypecode": 3,
        "msdyn_company@odata.bind": f"/cdm_companies({company_id(program, company)})",
        "msdyn_customergroupid@odata.bind": f"/msdyn_customergroups({group})",
        "transactioncurrencyid@odata.bind": f"/transactioncurrencies({currency['transactioncurrencyid']})",
        **values,
    }


def company_id(program: Program, company: str) -> str:
    return program.row_id("cdm_companies", f"cdm_companycode eq '{company}'")


def infolog(answer: Any) -> str:
    """What the user of finance and operations reads."""
    return str(answer.json()["error"]["innererror"]["message"])


# --- the start ------------------------------------------------------------------------------------------------------


def test_first_start_is_ready_within_a_minute_and_says_so(first_start: tuple[Program, float]) -> None:
    program, seconds = first_start
    assert seconds < 60
    ready = program.ready
    assert ready["status"] == "ready"
    assert ready["maps"]["running"] == len(DEMONSTRATION) < ready["maps"]["all"]
    assert ready["rows"]["customers in F&O"] >= 600
    assert ready["round_trip"]["to_dataverse"]["saved_ms"] > 0


def test_both_sides_agree_after_the_first_start(program: Program) -> None:
    report = program.cli("compare")
    assert report["clean"]
    by_name = {each["map"]: each["compared"] for each in report["maps"]}
    assert by_name["Customers V3 (accounts)"] > 300


def test_status_and_maps_tell_how_things_stand(program: Program) -> None:
    status = program.cli("status")
    assert status["health"]["status"] == "ok"
    assert sorted(status["companies"]) == ["demf", "usmf"]
    running = {each["name"] for each in status["maps"] if each["state"] == "running"}
    assert running >= set(demonstration_names())
    shown = program.cli("maps", "show", "customers v3 (acc")
    assert {"finops": "CUSTOMERACCOUNT", "map_type": "=", "dataverse": "accountnumber"}.items() <= shown["columns"][
        0
    ].items()


def test_nobody_gets_in_without_a_token(program: Program) -> None:
    for service, path in (("finops", "/data/CustomersV3"), ("dataverse", "/api/data/v9.2/accounts")):
        assert program.http.get(program.urls[service] + path).status_code == 401
    assert program.http.get(program.urls["admin"] + "/api/v1/status").status_code == 401


def test_the_command_line_gives_a_token_for_other_clients(program: Program) -> None:
    token = program.run("token", "finops").stdout.strip()
    for service, path, code in (("finops", "/data/Currencies", 200), ("dataverse", "/api/data/v9.2/accounts", 401)):
        answer = program.http.get(program.urls[service] + path, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == code


# --- a change on one side stands on both ----------------------------------------------------------------------------


def test_a_customer_lives_through_finance_and_operations(program: Program) -> None:
    assert program.finops("POST", "/CustomersV3", new_customer("FO-1", SalesMemo="born")).status_code == 201
    account = program.account("FO-1")
    assert account is not None
    assert (account["name"], account["description"]) == ("Customer FO-1", "born")
    assert program.finops("PATCH", customer_path("FO-1"), {"CreditRating": "Good"}).status_code == 204
    account = program.account("FO-1")
    assert account is not None
    assert account["msdyn_creditrating"] == "Good"
    assert program.finops("DELETE", customer_path("FO-1")).status_code == 204
    assert program.account("FO-1") is None


def test_a_customer_lives_through_dataverse(program: Program) -> None:
    assert program.dataverse("POST", "/accounts", new_account(program, "DV-1")).status_code in (201, 204)
    customer = program.customer("DV-1")
    assert customer is not None
    assert (customer["OrganizationName"], customer["CustomerGroupId"]) == ("Customer DV-1", "10")
    account = program.account("DV-1")
    assert account is not None
    path = f"/accounts({account['accountid']})"
    assert program.dataverse("PATCH", path, {"description": "grown"}).status_code == 204
    customer = program.customer("DV-1")
    assert customer is not None
    assert customer["SalesMemo"] == "grown"
    assert program.dataverse("DELETE", path).status_code == 204
    assert program.customer("DV-1") is None


def test_records_are_written_from_the_command_line(program: Program) -> None:
    columns = [f"{name}={value}" for name, value in new_customer("CLI-1", CreditLimit="100.5").items()]
    created = program.cli("records", "create", "finops", "CustomersV3", *columns)
    assert created["CustomerAccount"] == "CLI-1"
    program.cli("records", "update", "dataverse", "accounts", "usmf,CLI-1", "msdyn_customergroupid=usmf,20")
    found = program.cli(
        "records", "get", "finops", "CustomersV3", "usmf,CLI-1", "--select", "CustomerGroupId,CreditLimit"
    )
    assert (found["CustomerGroupId"], found["CreditLimit"]) == ("20", Decimal("100.5"))
    where = ("--filter", "accountnumber eq 'CLI-1'", "--select", "accountnumber,creditlimit")
    listed = program.run("records", "list", "dataverse", "accounts", *where).stdout.splitlines()
    assert listed[0].split() == ["accountid", "accountnumber", "creditlimit"]
    assert listed[1].split()[1:] == ["CLI-1", "100.5000"]
    program.cli("records", "delete", "dataverse", "accounts", "accountnumber=CLI-1")
    assert program.cli("records", "get", "finops", "CustomersV3", "usmf,CLI-1", code=1)["error"]["code"] == "DW0501"


# --- both or neither ------------------------------------------------------------------------------------------------


def test_what_dataverse_refuses_finance_and_operations_does_not_keep(program: Program) -> None:
    refused = program.finops("POST", "/CustomersV3", new_customer("NO-1", CustomerGroupId="90"))
    assert refused.status_code == 400
    assert infolog(refused) == (
        "Write failed for table row of type 'CustCustomerV3Entity'. Infolog: Error: Customers V3 (accounts), NO-1: "
        "CustomerGroupId '90' was not found in msdyn_customergroups (company usmf). "
        "Create it there or run the Customer groups map."
    )
    assert program.customer("NO-1") is None
    assert program.account("NO-1") is None


def test_what_finance_and_operations_refuses_dataverse_does_not_keep(program: Program) -> None:
    body = new_account(program, "NO-2", name="n" * 120)
    refused = program.dataverse("POST", "/accounts", body)
    assert refused.status_code == 400
    message = refused.json()["error"]["message"]
    assert "Customers V3 (accounts)" in message
    assert "NO-2" in message
    assert "OrganizationName" in message
    assert program.account("NO-2") is None
    assert program.customer("NO-2") is None


def test_a_refused_update_leaves_both_sides_as_they_were(program: Program) -> None:
    before = program.account("US-001"), program.customer("US-001")
    refused = program.finops("PATCH", customer_path("US-001"), {"SalesMemo": "never", "CustomerGroupId": "90"})
    assert refused.status_code == 400
    assert (program.account("US-001"), program.customer("US-001")) == before


def test_a_legal_entity_that_is_not_linked_stays_in_finance_and_operations(program: Program) -> None:
    body = {**new_customer("RT-9001"), "dataAreaId": "usrt"}
    assert program.finops("POST", "/CustomersV3", body).status_code == 201
    assert program.customer("RT-9001", "usrt") is not None
    assert program.rows("dataverse", "/accounts?$filter=accountnumber eq 'RT-9001'") == []
    assert program.rows("dataverse", "/cdm_companies?$filter=cdm_companycode eq 'usrt'") == []


@pytest.mark.parametrize("service", ["finops", "dataverse"])
def test_a_batch_that_fails_in_the_middle_leaves_nothing_on_either_side(program: Program, service: str) -> None:
    names = [f"B{service[0].upper()}-{number}" for number in (1, 2, 3)]
    if service == "finops":
        path = "/data/CustomersV3"
        bodies = [new_customer(name) for name in names]
        bodies[1]["CustomerGroupId"] = "90"
    else:
        path = "/api/data/v9.2/accounts"
        bodies = [new_account(program, name) for name in names]
        bodies[1]["name"] = "n" * 120
    answer = program.call(service, "POST", "/$batch", _change_set(path, bodies), {"Content-Type": _BATCH})
    assert answer.status_code in (200, 400)
    assert "HTTP/1.1 400" in answer.text
    for name in names:
        assert program.customer(name) is None
        assert program.account(name) is None


_BATCH = "multipart/mixed; boundary=batch_1"


def _change_set(path: str, bodies: list[dict[str, object]]) -> str:
    parts = ["--batch_1", "Content-Type: multipart/mixed; boundary=changes_1", ""]
    for number, body in enumerate(bodies, start=1):
        parts += ["--changes_1", "Content-Type: application/http", "Content-Transfer-Encoding: binary"]
        parts += [f"Content-ID: {number}", "", f"POST {path} HTTP/1.1", "Content-Type: application/json", ""]
        parts += [json.dumps(body)]
    return "\r\n".join([*parts, "--changes_1--", "--batch_1--", ""])


# --- awkward values -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        'O\'Reilly "& Sons" <a> \\ %27 +',
        "Grüße 🧾 你好 𠜎 e\u0301",
        "  spaces at both ends  ",
        "line\nbreak\tand tab",
        "n" * 100,
    ],
    ids=["quotes", "scripts", "spaces", "lines", "longest"],
)
def test_a_name_arrives_letter_by_letter(program: Program, text: str) -> None:
    path = customer_path("US-001")
    assert program.finops("PATCH", path, {"OrganizationName": text}).status_code == 204
    account = program.account("US-001")
    customer = program.customer("US-001")
    assert account is not None and customer is not None
    assert account["name"] == customer["OrganizationName"]
    assert account["name"].strip() == text.strip()


def test_a_text_that_is_too_long_is_refused_by_name(program: Program) -> None:
    refused = program.finops("PATCH", customer_path("US-001"), {"OrganizationName": "n" * 101})
    assert refused.status_code == 400
    assert "OrganizationName" in infolog(refused)


def test_empty_in_finance_and_operations_is_null_in_dataverse(program: Program) -> None:
    path = customer_path("US-001")
    for memo in ("something", ""):
        assert program.finops("PATCH", path, {"SalesMemo": memo}).status_code == 204
    account = program.account("US-001")
    assert account is not None
    assert account["description"] is None
    assert program.dataverse("PATCH", f"/accounts({account['accountid']})", {"description": "x"}).status_code == 204
    assert program.dataverse("PATCH", f"/accounts({account['accountid']})", {"description": None}).status_code == 204
    customer = program.customer("US-001")
    assert customer is not None
    assert customer["SalesMemo"] == ""


def test_decimals_keep_the_places_their_column_has(program: Program) -> None:
    body = '{"InvoiceAddressLatitude": 47.1234567891, "CreditLimit": 1234567.8901}'
    assert program.finops("PATCH", customer_path("US-001"), body).status_code == 204
    account, customer = program.account("US-001"), program.customer("US-001")
    assert account is not None and customer is not None
    assert customer["InvoiceAddressLatitude"] == Decimal("47.1234567891")
    assert account["creditlimit"] == customer["CreditLimit"] == Decimal("1234567.8901")
    assert abs(account["address2_latitude"] - Decimal("47.1234567891")) <= Decimal("0.00001")


def test_dates_before_1900_are_refused_and_1900_is_no_date(program: Program) -> None:
    (vendor,) = program.rows("finops", "/VendorsV2?$top=1&$orderby=VendorAccountNumber")
    number = vendor["VendorAccountNumber"]
    path = f"/VendorsV2(dataAreaId='usmf',VendorAccountNumber='{number}')?cross-company=true"
    where = f"msdyn_vendoraccountnumber eq '{number}' and msdyn_company/cdm_companycode eq 'usmf'"

    def dates() -> tuple[object, object]:
        (row,) = program.rows("dataverse", f"/msdyn_vendors?$filter={quote(where)}")
        return program.finops("GET", path).json()[_RELEASE], row["msdyn_vendoronholdreleasedate"]

    assert program.finops("PATCH", path, {_RELEASE: "1984-02-29T12:00:00Z"}).status_code == 204
    assert dates() == ("1984-02-29T12:00:00Z", "1984-02-29")
    refused = program.finops("PATCH", path, {_RELEASE: "1899-12-31T12:00:00Z"})
    assert refused.status_code == 400
    assert _RELEASE in infolog(refused)
    assert dates() == ("1984-02-29T12:00:00Z", "1984-02-29")
    assert program.finops("PATCH", path, {_RELEASE: NO_DATE}).status_code == 204
    assert dates() == (NO_DATE, None)


_RELEASE = "VendorHoldReleaseDate"


# --- files and maps -------------------------------------------------------------------------------------------------


def test_importing_the_sample_again_changes_nothing_and_names_what_it_refuses(program: Program) -> None:
    report = program.cli("import", str(DATA / "customers_v3_export.csv"), "--entity", "CustomersV3", code=1)
    assert (report["created"], report["updated"], report["unchanged"]) == (0, 0, 1)
    assert [each["line"] for each in report["refusals"]] == [3, 4]
    assert "'gbsi'" in report["refusals"][0]["reason"]


def test_an_import_beside_the_running_program_reaches_the_other_side(program: Program, tmp_path: Path) -> None:
    file = tmp_path / "customers.csv"
    file.write_text(
        "DATAAREAID,CUSTOMERACCOUNT,PARTYTYPE,ORGANIZATIONNAME,CUSTOMERGROUPID,SALESCURRENCYCODE\n"
        "usmf,IM-1,Organization,Imported,10,USD\nusmf,IM-2,Organization,Refused,90,USD\n"
    )
    report = program.cli("import", str(file), "--entity", "CustomersV3", code=1)
    assert (report["created"], report["refused"]) == (1, 1)
    account = program.account("IM-1")
    assert account is not None
    assert account["name"] == "Imported"
    assert program.customer("IM-2") is None


def test_a_stopped_map_carries_nothing_and_compare_tells_until_it_runs_again(program: Program) -> None:
    program.cli("maps", "stop", "customer groups")
    group = "/CustomerGroups(dataAreaId='usmf',CustomerGroupId='10')?cross-company=true"
    assert program.finops("PATCH", group, {"Description": "unseen"}).status_code == 204
    report = program.cli("compare", "customer groups", code=1)
    (different,) = report["maps"][0]["different"]
    assert [each["finops_column"] for each in different["columns"]] == ["Description"]
    program.cli("maps", "run", "customer groups")
    where = "msdyn_groupid eq '10' and msdyn_company/cdm_companycode eq 'usmf'"
    (row,) = program.rows("dataverse", f"/msdyn_customergroups?$filter={where}")
    assert row["msdyn_description"] == "unseen"


def test_a_row_that_a_copy_refuses_is_listed_until_it_is_mended(program: Program) -> None:
    program.cli("maps", "stop", "Customers V3 (accounts)")
    assert program.finops("POST", "/CustomersV3", new_customer("RF-1", CustomerGroupId="90")).status_code == 201
    program.cli("maps", "run", "Customers V3 (accounts)", code=1)
    (refused,) = program.cli("initial-sync", "refused")["refused"]
    assert (refused["legal_entity"], refused["record"], refused["column"]) == ("usmf", "RF-1", "msdyn_customergroupid")
    assert "CustomerGroupId '90' was not found in msdyn_customergroups (company usmf)" in refused["reason"]
    assert program.finops("DELETE", customer_path("RF-1")).status_code == 204
    program.cli("maps", "run", "Customers V3 (accounts)")
    assert program.cli("initial-sync", "refused")["refused"] == []


def test_mistakes_on_the_command_line_are_one_line_and_an_exit_code(program: Program) -> None:
    for arguments, code, text in (
        (("token", "nobody"), 2, "nobody"),
        (("up", "--admin-port", program.urls["admin"].rpartition(":")[2]), 1, "--admin-port"),
    ):
        done = program.run(*arguments)
        assert done.returncode == code, done.stderr
        assert text in done.stderr
        assert "Traceback" not in done.stderr


# --- the end, last ----------------------------------------------------------------------------------------------------


def test_stopped_and_started_again_everything_is_as_it_was(program: Program) -> None:
    memo = {"SalesMemo": "before the stop"}
    assert program.finops("PATCH", customer_path("US-004"), memo).status_code == 204
    before = program.account("US-004")
    assert program.stop() == 0
    assert _postgres_of(program.folder) == []
    assert "not running" in program.run("status").stderr
    assert program.start() < 20
    ready = program.ready
    assert ready["first_start"] is False
    assert program.account("US-004") == before


def test_a_paused_initial_sync_does_not_keep_the_program_from_starting(program: Program) -> None:
    assert program.stop() == 0
    run = program.cli("initial-sync", "run", "Vendors V2", "--no-related", "--detach")["run"]
    assert program.cli("initial-sync", "pause", run)["state"] == "paused"
    assert program.cli("initial-sync", "run", "Customer groups", "--no-related")["state"] == "completed"
    program.start()
    assert [each["state"] for each in program.cli("initial-sync", "list") if each["run"] == run] == ["paused"]
    assert program.cli("initial-sync", "resume", run)["state"] == "completed"


def test_dying_between_the_two_commits_ends_in_agreement(program: Program) -> None:
    """What was prepared when the process died does not keep the next one from starting, and is settled by it."""
    assert program.stop() == 0
    program.start(crash_at="target.prepared")
    _dies_at_writing(program, "before the source committed")
    program.start(crash_at="source.committed")
    assert "before the source committed" not in _memos(program)
    _dies_at_writing(program, "after the source committed")
    program.start()
    assert _memos(program) == {"after the source committed"}
    assert program.cli("status")["prepared"] == {"finops": 0, "dataverse": 0}
    assert program.cli("compare")["clean"]


def _dies_at_writing(program: Program, memo: str) -> None:
    with pytest.raises(httpx.TransportError):
        program.finops("PATCH", customer_path("US-001"), {"SalesMemo": memo})
    assert program.ended() == -signal.SIGKILL


def _memos(program: Program) -> set[object]:
    """What the two sides say about one customer: one text, when they agree."""
    customer, account = program.customer("US-001"), program.account("US-001")
    assert customer is not None and account is not None
    return {customer["SalesMemo"], account["description"]}


def test_interrupted_it_closes_everything(program: Program) -> None:
    assert program.stop(signal.SIGINT) == 0
    assert _postgres_of(program.folder) == []


def _postgres_of(folder: Path) -> list[int]:
    """Processes of a PostgreSQL under ``folder``."""
    return [
        each.pid for each in psutil.process_iter(["cmdline"]) if str(folder) in " ".join(each.info["cmdline"] or ())
    ]
