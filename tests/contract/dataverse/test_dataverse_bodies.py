"""What bodies may hold: values of every type, binds in every spelling, and what is refused."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import httpx
import pytest
from dataverse_rows import Made, error_of

NOBODY = UUID("11111111-2222-3333-4444-555555555555")


@pytest.mark.parametrize(
    ("column", "sent", "read"),
    [
        ("name", "Zoë 🚀 \"quoted\" 'it''s' \\ /", "Zoë 🚀 \"quoted\" 'it''s' \\ /"),
        ("description", "", None),
        ("description", None, None),
        ("numberofemployees", 42, 42),
        ("numberofemployees", 42.0, 42),
        ("creditonhold", True, True),
        ("preferredcontactmethodcode", 2, 2),
        ("revenue", 1234.5, 1234.5),
        ("lastonholdtime", "2026-03-01T10:20:30", "2026-03-01T10:20:30Z"),
        ("lastonholdtime", "2026-03-01T10:20:30+02:00", "2026-03-01T08:20:30Z"),
        ("lastonholdtime", "1753-01-01T00:00:00Z", "1753-01-01T00:00:00Z"),
    ],
)
async def test_a_value_comes_back_as_it_is_stored(
    client: httpx.AsyncClient, made: Made, column: str, sent: Any, read: Any
) -> None:
    account = await made.account(**{"name": "first", column: sent})
    assert (await client.get(f"accounts({account})?$select={column}")).json()[column] == read


async def test_a_date_is_a_date(client: httpx.AsyncClient, made: Made) -> None:
    contact = await made.contact(lastname="Lee", birthdate="1899-12-31")
    assert (await client.get(f"contacts({contact})")).json()["birthdate"] == "1899-12-31"


async def test_decimals_keep_every_digit(client: httpx.AsyncClient, made: Made) -> None:
    account = await made.account(name="first", revenue=0)
    sent = b'{"revenue": 123456789012.1234}'
    answer = await client.patch(f"accounts({account})", content=sent, headers={"Content-Type": "application/json"})
    assert answer.status_code == 204
    assert b'"revenue":123456789012.1234' in (await client.get(f"accounts({account})")).content


@pytest.mark.parametrize(
    ("column", "sent"),
    [
        ("name", 5),
        ("name", ["x"]),
        ("name", {"x": 1}),
        ("numberofemployees", "5"),
        ("numberofemployees", 5.5),
        ("numberofemployees", True),
        ("numberofemployees", 2**31),
        ("creditonhold", 1),
        ("creditonhold", "true"),
        ("preferredcontactmethodcode", True),
        ("preferredcontactmethodcode", "Email"),
        ("revenue", "5"),
        ("revenue", False),
        ("lastonholdtime", "yesterday"),
        ("lastonholdtime", "2026-02-30T00:00:00Z"),
        ("lastonholdtime", "1752-12-31T00:00:00Z"),
        ("lastonholdtime", 5),
        ("accountid", "5"),
        ("nonsense", 5),
        ("Name", "x"),
        ("_primarycontactid_value", str(NOBODY)),
        ("primarycontactid", str(NOBODY)),
        ("primarycontactid@odata.bind", 5),
        ("primarycontactid@odata.bind", ""),
        ("primarycontactid@odata.bind", "/contacts"),
        ("primarycontactid@odata.bind", f"/accounts({NOBODY})"),
        ("primarycontactid@odata.bind", f"/contacts({NOBODY})/fullname"),
        ("primarycontactid@odata.bind", "/contacts(fullname='x')"),
        ("primarycontactid@odata.bind", "$7"),
        ("nonsense@odata.bind", f"/contacts({NOBODY})"),
    ],
)
async def test_a_value_that_does_not_fit_is_refused(
    client: httpx.AsyncClient, made: Made, column: str, sent: Any
) -> None:
    account = await made.account(name="first")
    before = (await client.get(f"accounts({account})")).json()
    answer = await client.patch(f"accounts({account})", json={"name": "changed", column: sent})
    status, code = error_of(answer)
    assert status == 400
    assert code in ("0x80060888", "0x80060890")
    assert (await client.get(f"accounts({account})")).json() == before


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b'{"name": "\xff"}',
        b'{"name": "\\ud800"}',
        b'{"name": "\\u0000"}',
        b'{"name": NaN}',
        b'{"revenue": 1e999999999}',
        b'{"revenue": 1e300}',
        b'{"numberofemployees": ' + b"9" * 5000 + b"}",
        b'{"name": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"name": "a", "name": "b"}',
    ],
)
async def test_a_body_that_cannot_be_read_is_refused(client: httpx.AsyncClient, raw: bytes) -> None:
    answer = await client.post("accounts", content=raw, headers={"Content-Type": "application/json"})
    assert error_of(answer)[0] == 400


async def test_a_body_of_another_type_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post("accounts", content=b"<a/>", headers={"Content-Type": "application/xml"})
    assert error_of(answer)[0] == 415


async def test_a_lookup_is_bound_in_every_spelling(client: httpx.AsyncClient, made: Made) -> None:
    contact = await made.contact(lastname="Lee")
    for address in (
        f"/contacts({contact})",
        f"contacts({contact})",
        f"contacts(contactid={contact})",
        f"{client.base_url}contacts({contact})",
        f"/api/data/v9.2/contacts({contact})",
    ):
        account = await made.account(name="first", **{"primarycontactid@odata.bind": address})
        row = (await client.get(f"accounts({account})")).json()
        assert row["_primarycontactid_value"] == contact
        cleared = await client.patch(f"accounts({account})", json={"primarycontactid@odata.bind": None})
        assert cleared.status_code == 204
        assert (await client.get(f"accounts({account})")).json()["_primarycontactid_value"] is None


async def test_a_lookup_is_bound_by_alternate_key(client: httpx.AsyncClient, made: Made) -> None:
    company = await made.company("usmf")
    account = await made.account(name="first", **{"msdyn_company@odata.bind": "/cdm_companies(cdm_companycode='usmf')"})
    assert (await client.get(f"accounts({account})")).json()["_msdyn_company_value"] == company


async def test_a_lookup_of_several_tables_is_bound_by_its_target(client: httpx.AsyncClient, made: Made) -> None:
    account = await made.account(name="first")
    contact = await made.contact(lastname="Lee", **{"parentcustomerid_account@odata.bind": f"/accounts({account})"})
    headers = {"Prefer": 'odata.include-annotations="*"'}
    row = (await client.get(f"contacts({contact})?$select=_parentcustomerid_value", headers=headers)).json()
    assert row["_parentcustomerid_value"] == account
    assert row["_parentcustomerid_value@Microsoft.Dynamics.CRM.lookuplogicalname"] == "account"
    navigation = "_parentcustomerid_value@Microsoft.Dynamics.CRM.associatednavigationproperty"
    assert row[navigation] == "parentcustomerid_account"
    wrong = await client.patch(
        f"contacts({contact})", json={"parentcustomerid_contact@odata.bind": f"/accounts({account})"}
    )
    assert wrong.status_code == 400


async def test_a_bind_to_a_missing_row_is_not_found(client: httpx.AsyncClient) -> None:
    body = {"name": "first", "primarycontactid@odata.bind": f"/contacts({NOBODY})"}
    assert error_of(await client.post("accounts", json=body)) == (404, "0x80040217")


async def test_rows_nested_in_a_new_row_are_created_with_it(client: httpx.AsyncClient) -> None:
    body = {"name": "first", "primarycontactid": {"lastname": "Lee"}}
    address = (await client.post("accounts", json=body)).headers["OData-EntityId"]
    row = (await client.get(f"{address}?$expand=primarycontactid($select=lastname)")).json()
    assert row["primarycontactid"]["lastname"] == "Lee"


async def test_what_the_service_itself_writes_may_come_back(client: httpx.AsyncClient) -> None:
    body = {
        "@odata.type": "Microsoft.Dynamics.CRM.account",
        "@odata.etag": 'W/"1"',
        "@odata.id": "accounts(x)",
        "name@OData.Community.Display.V1.FormattedValue": "x",
        "name": "first",
    }
    assert (await client.post("accounts", json=body)).status_code == 204


async def test_many_rows_are_created_updated_and_upserted_together(client: httpx.AsyncClient, made: Made) -> None:
    action = "accounts/Microsoft.Dynamics.CRM."
    kind = {"@odata.type": "Microsoft.Dynamics.CRM.account"}
    created = await client.post(f"{action}CreateMultiple", json={"Targets": [{"name": "a", **kind}, {"name": "b"}]})
    first, second = created.json()["Ids"]
    assert (await client.get(f"accounts({second})")).json()["name"] == "b"
    updated = await client.post(
        f"{action}UpdateMultiple", json={"Targets": [{"accountid": first, "name": "c", **kind}]}
    )
    assert updated.status_code == 204
    company = await made.company("usmf")
    key = f"accounts(accountnumber='X1',_msdyn_company_value={company})"
    targets = [{"@odata.id": key, "name": "d", **kind}, {"accountid": first, "name": "e"}]
    assert (await client.post(f"{action}UpsertMultiple", json={"Targets": targets})).status_code == 204
    assert (await client.get(key)).json()["name"] == "d"
    assert (await client.get(f"accounts({first})")).json()["name"] == "e"


@pytest.mark.parametrize(
    "body", [{}, {"Targets": []}, {"Targets": 5}, {"Targets": [5]}, {"Targets": [{"nonsense": 1}]}]
)
async def test_a_bulk_action_without_rows_is_refused(client: httpx.AsyncClient, body: dict[str, Any]) -> None:
    answer = await client.post("accounts/Microsoft.Dynamics.CRM.CreateMultiple", json=body)
    assert error_of(answer)[0] == 400


async def test_a_bulk_action_writes_all_rows_or_none(client: httpx.AsyncClient, made: Made) -> None:
    account = await made.account(name="first")
    targets = [{"accountid": account, "name": "second"}, {"accountid": str(NOBODY), "name": "x"}]
    answer = await client.post("accounts/Microsoft.Dynamics.CRM.UpdateMultiple", json={"Targets": targets})
    assert answer.status_code == 404
    assert (await client.get(f"accounts({account})")).json()["name"] == "first"
