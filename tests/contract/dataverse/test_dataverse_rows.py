"""One row at a time: create, read, update, upsert, delete, and the conditions on them."""

from __future__ import annotations

from uuid import UUID, uuid4

import httpx
import pytest
from dataverse_rows import Made, error_of

REPRESENTATION = {"Prefer": "return=representation"}


async def test_a_created_row_is_told_by_its_address(client: httpx.AsyncClient) -> None:
    answer = await client.post("accounts", json={"name": "Adatum"})
    assert answer.status_code == 204
    assert answer.content == b""
    address = answer.headers["OData-EntityId"]
    assert address.startswith(str(client.base_url) + "accounts(")
    assert answer.headers["OData-Version"] == "4.0"
    row = (await client.get(address)).json()
    assert row["name"] == "Adatum"
    assert address.endswith(f"({row['accountid']})")


async def test_a_created_row_comes_back_when_asked_for(client: httpx.AsyncClient) -> None:
    answer = await client.post("accounts?$select=name", json={"name": "Adatum"}, headers=REPRESENTATION)
    assert answer.status_code == 201
    assert answer.headers["Preference-Applied"] == "return=representation"
    body = answer.json()
    assert body["@odata.context"].endswith("$metadata#accounts(name)/$entity")
    assert set(body) == {"@odata.context", "@odata.etag", "accountid", "name"}
    assert answer.headers["OData-EntityId"].endswith(f"accounts({body['accountid']})")


async def test_a_given_id_is_kept_and_may_be_used_once(client: httpx.AsyncClient) -> None:
    row_id = str(uuid4())
    body = {"accountid": row_id, "name": "Adatum"}
    assert (await client.post("accounts", json=body)).status_code == 204
    again = await client.post("accounts", json=body)
    assert error_of(again) == (412, "0x80040237")


async def test_an_alternate_key_may_be_used_once(client: httpx.AsyncClient, made: Made) -> None:
    company = await made.company("usmf")
    body = {"name": "A", "accountnumber": "US-001", "msdyn_company@odata.bind": f"/cdm_companies({company})"}
    assert (await client.post("accounts", json=body)).status_code == 204
    assert error_of(await client.post("accounts", json=body)) == (412, "0x80060892")


@pytest.mark.parametrize("form", ["accounts({})", "accounts(accountid={})", "accounts(accountid='{}')"])
async def test_a_row_is_read_by_each_spelling_of_its_id(client: httpx.AsyncClient, made: Made, form: str) -> None:
    account = await made.account(name="Adatum")
    assert (await client.get(form.format(account))).json()["name"] == "Adatum"


async def test_a_row_is_read_by_alternate_key(client: httpx.AsyncClient, made: Made) -> None:
    company = await made.company("usmf")
    account = await made.account(
        name="O'Neil", accountnumber="A'1", **{"msdyn_company@odata.bind": f"/cdm_companies({company})"}
    )
    for lookup in ("_msdyn_company_value", "msdyn_company"):
        answer = await client.get(f"accounts(accountnumber='A''1',{lookup}={company})")
        assert answer.json()["accountid"] == account
    missing = await client.get(f"accounts(accountnumber='nobody',_msdyn_company_value={company})")
    assert error_of(missing) == (404, "0x80060891")


async def test_a_missing_row_is_not_found(client: httpx.AsyncClient) -> None:
    row_id = uuid4()
    answer = await client.get(f"accounts({row_id})")
    assert error_of(answer) == (404, "0x80040217")
    assert answer.json()["error"]["message"] == f"account With Id = {row_id} Does Not Exist"


@pytest.mark.parametrize("key", ["name='x'", "accountnumber='x'", "nonsense=1", "", "1", "'x'", "accountid=null"])
async def test_a_key_that_the_table_does_not_have_is_refused(client: httpx.AsyncClient, key: str) -> None:
    answer = await client.get(f"accounts({key})")
    assert answer.status_code == 400


# --- the upsert matrix ------------------------------------------------------------------------------------------------


async def test_a_patch_without_condition_updates_or_creates(client: httpx.AsyncClient) -> None:
    row_id = uuid4()
    for name in ("first", "second"):
        answer = await client.patch(f"accounts({row_id})", json={"name": name})
        assert answer.status_code == 204
        assert answer.headers["OData-EntityId"].endswith(f"accounts({row_id})")
        assert (await client.get(f"accounts({row_id})")).json()["name"] == name


async def test_if_match_any_never_creates(client: httpx.AsyncClient, made: Made) -> None:
    condition = {"If-Match": "*"}
    account = await made.account(name="first")
    assert (await client.patch(f"accounts({account})", json={"name": "x"}, headers=condition)).status_code == 204
    missing = await client.patch(f"accounts({uuid4()})", json={"name": "x"}, headers=condition)
    assert error_of(missing) == (404, "0x80040217")


async def test_if_match_etag_demands_that_version(client: httpx.AsyncClient, made: Made) -> None:
    account = await made.account(name="first")
    etag = (await client.get(f"accounts({account})")).json()["@odata.etag"]
    held = {"If-Match": etag}
    assert (await client.patch(f"accounts({account})", json={"name": "second"}, headers=held)).status_code == 204
    stale = await client.patch(f"accounts({account})", json={"name": "third"}, headers=held)
    assert error_of(stale) == (412, "0x80060882")
    assert error_of(await client.delete(f"accounts({account})", headers=held)) == (412, "0x80060882")
    row = (await client.get(f"accounts({account})")).json()
    assert row["name"] == "second"
    current = {"If-Match": row["@odata.etag"]}
    assert (await client.delete(f"accounts({account})", headers=current)).status_code == 204


async def test_if_none_match_any_never_updates(client: httpx.AsyncClient, made: Made) -> None:
    condition = {"If-None-Match": "*"}
    account = await made.account(name="first")
    exists = await client.patch(f"accounts({account})", json={"name": "x"}, headers=condition)
    assert error_of(exists) == (412, "0x80040237")
    assert (await client.get(f"accounts({account})")).json()["name"] == "first"
    row_id = uuid4()
    assert (await client.patch(f"accounts({row_id})", json={"name": "x"}, headers=condition)).status_code == 204


async def test_an_upsert_by_alternate_key_is_told_by_that_key(client: httpx.AsyncClient, made: Made) -> None:
    company = await made.company("usmf")
    address = f"accounts(accountnumber='US-001',_msdyn_company_value={company})"
    first = await client.patch(address, json={"name": "first"})
    assert first.status_code == 204
    assert first.headers["OData-EntityId"] == f"{client.base_url}{address}"
    row = (await client.get(address)).json()
    assert (row["accountnumber"], row["_msdyn_company_value"]) == ("US-001", company)
    second = await client.patch(address, json={"name": "second", "accountnumber": "US-001"}, headers=REPRESENTATION)
    assert (second.status_code, second.json()["name"]) == (200, "second")
    other = f"accounts(accountnumber='US-002',_msdyn_company_value={company})"
    assert (await client.patch(other, json={"name": "new"}, headers=REPRESENTATION)).status_code == 201
    must_exist = await client.patch(
        f"accounts(accountnumber='US-003',_msdyn_company_value={company})",
        json={"name": "x"},
        headers={"If-Match": "*"},
    )
    assert error_of(must_exist) == (404, "0x80060891")


async def test_a_wrong_condition_is_refused(client: httpx.AsyncClient, made: Made) -> None:
    account = await made.account(name="first")
    for headers in ({"If-Match": "nonsense"}, {"If-Match": "*", "If-None-Match": "*"}):
        answer = await client.patch(f"accounts({account})", json={"name": "x"}, headers=headers)
        assert answer.status_code == 400


async def test_a_row_is_deleted_once(client: httpx.AsyncClient, made: Made) -> None:
    account = await made.account(name="first")
    assert (await client.delete(f"accounts({account})", headers={"If-Match": "*"})).status_code == 204
    assert error_of(await client.delete(f"accounts({account})")) == (404, "0x80040217")


# --- etags and single properties --------------------------------------------------------------------------------------


async def test_a_row_that_the_caller_holds_is_not_sent_again(client: httpx.AsyncClient, made: Made) -> None:
    account = await made.account(name="first")
    etag = (await client.get(f"accounts({account})")).headers["ETag"]
    held = await client.get(f"accounts({account})", headers={"If-None-Match": etag})
    assert (held.status_code, held.content) == (304, b"")
    for other in ("null", 'W/"0"'):
        assert (await client.get(f"accounts({account})", headers={"If-None-Match": other})).status_code == 200


async def test_a_single_property_is_read_written_and_emptied(client: httpx.AsyncClient, made: Made) -> None:
    account = await made.account(name="first")
    address = f"accounts({account})/name"
    assert (await client.get(address)).json()["value"] == "first"
    assert (await client.put(address, json={"value": "second"})).status_code == 204
    assert (await client.get(f"{address}/$value")).text == "second"
    assert (await client.delete(f"accounts({account})/telephone1")).status_code == 204
    assert (await client.get(f"accounts({account})/telephone1")).status_code == 204
    assert (await client.get(f"accounts({account})/nonsense")).status_code == 404
    assert (await client.put(f"accounts({account})/_ownerid_value", json={"value": str(uuid4())})).status_code == 400


async def test_a_lookup_is_set_and_cleared_by_reference(client: httpx.AsyncClient, made: Made) -> None:
    contact = await made.contact(lastname="Lee")
    account = await made.account(name="first")
    address = f"accounts({account})/primarycontactid"
    put = await client.put(f"{address}/$ref", json={"@odata.id": f"{client.base_url}contacts({contact})"})
    assert put.status_code == 204
    assert (await client.get(address)).json()["contactid"] == contact
    assert (await client.get(f"{address}/$ref")).json()["@odata.id"].endswith(f"contacts({contact})")
    assert (await client.delete(f"{address}/$ref")).status_code == 204
    assert (await client.get(address)).status_code == 204


async def test_the_caller_is_told_who_they_are(client: httpx.AsyncClient) -> None:
    for form in ("WhoAmI", "WhoAmI()"):
        body = (await client.get(form)).json()
        for name in ("UserId", "BusinessUnitId", "OrganizationId"):
            UUID(body[name])
