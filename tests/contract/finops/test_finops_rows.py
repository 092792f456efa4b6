"""Rows through the finance and operations service: what a client of ``/data`` sees."""

from __future__ import annotations

import base64
import json
from decimal import Decimal
from typing import Any

import httpx
import pytest

GROUPS = "/data/CustomerGroups"
CUSTOMERS = "/data/CustomersV3"
CUSTOMER = {"CustomerAccount": "US-001", "CustomerGroupId": "10", "SalesCurrencyCode": "USD"}
NOTHING_SELECTED = "No resources were found when selecting for update."


def group(number: str, company: str = "usmf") -> str:
    return f"{GROUPS}(dataAreaId='{company}',CustomerGroupId='{number}')"


def inner_message(response: httpx.Response) -> str:
    error = response.json()["error"]
    assert error["code"] == ""
    assert error["message"] == "An error has occurred."
    assert set(error["innererror"]) == {"message", "type", "stacktrace"}
    return str(error["innererror"]["message"])


async def add_group(client: httpx.AsyncClient, number: str, **values: Any) -> httpx.Response:
    response = await client.post(GROUPS, json={"CustomerGroupId": number, **values})
    assert response.status_code == 201, response.text
    return response


# --- creating -------------------------------------------------------------------------------------------------------


async def test_a_created_row_comes_back_whole_with_its_address_and_version(client: httpx.AsyncClient) -> None:
    created = await client.post(GROUPS, json={"CustomerGroupId": "90", "Description": "Retail, 'quoted' 😀 𝄞"})
    row = created.json()

    assert created.status_code == 201
    assert created.headers["OData-Version"] == "4.0"
    assert created.headers["Location"].endswith("/data/CustomerGroups(dataAreaId='usmf',CustomerGroupId='90')")
    assert row["@odata.context"].endswith("/data/$metadata#CustomerGroups/$entity")
    assert row["dataAreaId"] == "usmf"
    assert row["Description"] == "Retail, 'quoted' 😀 𝄞"
    assert row["IsSalesTaxIncludedInPrice"] == "No"
    assert row["PaymentTermId"] == ""
    version = base64.b64decode(row["@odata.etag"].removeprefix('W/"').removesuffix('"')).decode()
    assert version.startswith("'1,") and version.endswith("'")

    read = await client.get(created.headers["Location"])
    assert read.json() == row


async def test_the_body_decides_the_company_in_lower_case(client: httpx.AsyncClient) -> None:
    created = await add_group(client, "90", dataAreaId="USRT")
    assert created.json()["dataAreaId"] == "usrt"


async def test_a_key_that_is_taken_is_refused_whatever_its_case(client: httpx.AsyncClient) -> None:
    await add_group(client, "a1")
    second = await client.post(GROUPS, json={"CustomerGroupId": "A1"})
    assert second.status_code == 400
    assert inner_message(second).startswith(
        "Write failed for table row of type 'CustCustomerGroupEntity'. Infolog: Error: Cannot create a record"
    )
    assert "already exists" in inner_message(second)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"CustomerGroupId": "1", "Colour": "red"}, "Colour"),
        ({"CustomerGroupId": 1}, "CustomerGroupId"),
        ({"CustomerGroupId": "1", "IsSalesTaxIncludedInPrice": True}, "IsSalesTaxIncludedInPrice"),
        ({"CustomerGroupId": "1", "IsSalesTaxIncludedInPrice": "Maybe"}, "NoYes"),
        ({"CustomerGroupId": "1", "IsSalesTaxIncludedInPrice": 1}, "IsSalesTaxIncludedInPrice"),
        ({"CustomerGroupId": "x" * 500}, "CustomerGroupId"),
        ({"CustomerGroupId": ["1"]}, "CustomerGroupId"),
        ({"Description": "no key"}, "CustomerGroupId"),
    ],
)
async def test_a_refused_value_is_named_and_nothing_is_written(
    client: httpx.AsyncClient, body: dict[str, object], named: str
) -> None:
    refused = await client.post(GROUPS, json=body)
    assert refused.status_code == 400
    assert named in inner_message(refused)
    assert (await client.get(f"{GROUPS}/$count")).text == "0"


# --- types ----------------------------------------------------------------------------------------------------------


async def test_enums_are_names_in_any_case_on_the_way_in_and_canonical_on_the_way_out(
    client: httpx.AsyncClient,
) -> None:
    created = await add_group(client, "1", IsSalesTaxIncludedInPrice="yes")
    assert created.json()["IsSalesTaxIncludedInPrice"] == "Yes"


async def test_numbers_stay_exact(client: httpx.AsyncClient) -> None:
    response = await client.post(
        CUSTOMERS,
        content=json.dumps(CUSTOMER)[:-1] + ',"CreditLimit":12345678901234.56}',
        headers={"Content-Type": "application/json"},
    )
    assert response.status_code == 201, response.text
    row = json.loads(response.content, parse_float=Decimal)
    assert row["CreditLimit"] == Decimal("12345678901234.56")


@pytest.mark.parametrize("given", [True, "5", [5], {"value": 5}])
async def test_a_number_is_not_a_truth_value_nor_a_text(client: httpx.AsyncClient, given: object) -> None:
    refused = await client.post(CUSTOMERS, json=CUSTOMER | {"CreditLimit": given})
    assert refused.status_code == 400
    assert "CreditLimit" in inner_message(refused)


async def test_null_is_the_empty_value(client: httpx.AsyncClient) -> None:
    await add_group(client, "1", Description="text", IsSalesTaxIncludedInPrice="Yes")
    changed = await client.patch(group("1"), json={"Description": None, "IsSalesTaxIncludedInPrice": None})
    assert changed.status_code == 204
    row = (await client.get(group("1"))).json()
    assert (row["Description"], row["IsSalesTaxIncludedInPrice"]) == ("", "No")


# --- addressing -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spelled", ["A%2FB", "A%252FB", "a%2fb"])
async def test_a_slash_in_a_key_is_found_in_every_encoding(client: httpx.AsyncClient, spelled: str) -> None:
    await add_group(client, "A/B")
    assert (await client.get(group(spelled))).status_code == 200


@pytest.mark.parametrize("key", ["A%2FB", "A%2fB", "A%252FB", "100%", "%41", "A%2525B"])
async def test_a_percent_sign_in_a_key_is_found_where_the_service_says(client: httpx.AsyncClient, key: str) -> None:
    created = await add_group(client, key)
    assert (await client.get(created.headers["Location"])).json()["CustomerGroupId"] == key
    assert (await client.delete(created.headers["Location"])).status_code == 204


async def test_a_quote_in_a_key_is_doubled(client: httpx.AsyncClient) -> None:
    created = await add_group(client, "it's")
    assert (await client.get(group("it''s"))).json()["CustomerGroupId"] == "it's"
    assert (await client.get(created.headers["Location"])).status_code == 200


async def test_a_key_of_one_part_needs_no_name(client: httpx.AsyncClient) -> None:
    await client.post("/data/Currencies", json={"CurrencyCode": "EUR", "Name": "Euro"})
    assert (await client.get("/data/Currencies('EUR')")).json()["Name"] == "Euro"


async def test_an_enum_in_a_key(client: httpx.AsyncClient) -> None:
    enum_set = "/data/NameAffixes"
    created = await client.post(enum_set, json={"Affix": "Dr.", "Type": "PersonalPrefix"})
    assert created.status_code == 201, created.text
    assert (await client.get(created.headers["Location"])).status_code == 200
    assert (await client.get(f"{enum_set}(Affix='Dr.',Type='PersonalPrefix')")).status_code == 200


@pytest.mark.parametrize(
    "address",
    [
        f"{GROUPS}('1')",
        f"{GROUPS}(CustomerGroupId='1')",
        f"{GROUPS}(dataAreaId='usmf',CustomerGroupId=1)",
        f"{GROUPS}(dataAreaId='usmf',CustomerGroupId='1',Description='x')",
        f"{GROUPS}(dataAreaId='usmf',CustomerGroupId='1'",
        f"{GROUPS}(dataAreaId='usmf',CustomerGroupId='%ZZ')",
        f"{GROUPS}(dataAreaId='usmf',CustomerGroupId='%00')",
        f"{GROUPS}(dataAreaId='usmf',CustomerGroupId='%FF')",
    ],
)
async def test_an_address_that_cannot_be_a_key_is_refused(client: httpx.AsyncClient, address: str) -> None:
    refused = await client.get(address)
    assert refused.status_code == 400
    inner_message(refused)


async def test_what_is_not_there(client: httpx.AsyncClient) -> None:
    assert (await client.get(group("none"))).status_code == 404
    for method in ("PATCH", "DELETE"):
        refused = await client.request(method, group("none"), json={})
        assert (refused.status_code, inner_message(refused)) == (400, NOTHING_SELECTED)


# --- companies ------------------------------------------------------------------------------------------------------


async def test_only_the_callers_company_is_seen_unless_all_are_asked_for(client: httpx.AsyncClient) -> None:
    await add_group(client, "1")
    await add_group(client, "2", dataAreaId="usrt")

    own = (await client.get(GROUPS)).json()["value"]
    every = (await client.get(f"{GROUPS}?cross-company=true")).json()["value"]
    one = (await client.get(f"{GROUPS}?cross-company=true&$filter=dataAreaId eq 'USRT'")).json()["value"]

    assert [row["CustomerGroupId"] for row in own] == ["1"]
    assert [row["CustomerGroupId"] for row in every] == ["1", "2"]
    assert [row["CustomerGroupId"] for row in one] == ["2"]


async def test_a_row_of_another_company_is_out_of_reach_unless_all_are_asked_for(client: httpx.AsyncClient) -> None:
    await add_group(client, "2", dataAreaId="usrt")
    address = group("2", "usrt")

    assert (await client.get(address)).status_code == 404
    for method in ("PATCH", "DELETE"):
        refused = await client.request(method, address, json={"Description": "x"})
        assert (refused.status_code, inner_message(refused)) == (400, NOTHING_SELECTED)

    across = f"{address}?cross-company=true"
    assert (await client.patch(across, json={"Description": "x"})).status_code == 204
    assert (await client.get(across)).json()["Description"] == "x"
    assert (await client.delete(across)).status_code == 204


# --- changing -------------------------------------------------------------------------------------------------------


async def test_a_change_touches_what_it_names(client: httpx.AsyncClient) -> None:
    await add_group(client, "1", Description="before", PaymentTermId="N30")
    assert (await client.patch(group("1"), json={"Description": "after"})).status_code == 204
    row = (await client.get(group("1"))).json()
    assert (row["Description"], row["PaymentTermId"]) == ("after", "N30")


async def test_the_key_may_be_repeated_but_not_changed(client: httpx.AsyncClient) -> None:
    await add_group(client, "1")
    repeated = {"dataAreaId": "USMF", "CustomerGroupId": "1", "Description": "x"}
    assert (await client.patch(group("1"), json=repeated)).status_code == 204
    refused = await client.patch(group("1"), json={"CustomerGroupId": "2"})
    assert refused.status_code == 400
    assert "CustomerGroupId" in inner_message(refused)


async def test_a_version_that_has_moved_on_is_refused(client: httpx.AsyncClient) -> None:
    first = (await add_group(client, "1")).json()["@odata.etag"]
    assert (await client.patch(group("1"), json={"Description": "x"}, headers={"If-Match": first})).status_code == 204

    stale = await client.patch(group("1"), json={"Description": "y"}, headers={"If-Match": first})
    assert stale.status_code == 412
    assert "update conflict" in inner_message(stale)
    assert (await client.delete(group("1"), headers={"If-Match": first})).status_code == 412
    assert (await client.get(group("1"))).json()["Description"] == "x"

    assert (await client.patch(group("1"), json={"Description": "z"}, headers={"If-Match": "*"})).status_code == 204
    current = (await client.get(group("1"))).json()["@odata.etag"]
    assert (await client.delete(group("1"), headers={"If-Match": current})).status_code == 204


async def test_an_old_version_of_a_row_that_was_made_anew_is_refused(client: httpx.AsyncClient) -> None:
    old = (await add_group(client, "1")).json()["@odata.etag"]
    await client.delete(group("1"))
    await add_group(client, "1", Description="new")
    assert (await client.delete(group("1"), headers={"If-Match": old})).status_code == 412


async def test_a_row_the_caller_has_already_is_not_sent_again(client: httpx.AsyncClient) -> None:
    known = (await add_group(client, "1")).json()["@odata.etag"]
    assert (await client.get(group("1"), headers={"If-None-Match": known})).status_code == 304
    assert (await client.get(group("1"), headers={"If-None-Match": "null"})).status_code == 200
    await client.patch(group("1"), json={"Description": "x"})
    assert (await client.get(group("1"), headers={"If-None-Match": known})).status_code == 200


# --- asking ---------------------------------------------------------------------------------------------------------


async def test_select_filter_order_and_count(client: httpx.AsyncClient) -> None:
    for number in ("10", "20", "30"):
        await add_group(client, number, Description=f"Group {number}", IsSalesTaxIncludedInPrice="Yes")
    await add_group(client, "40", Description="Other")

    yes = "Microsoft.Dynamics.DataEntities.NoYes'Yes'"
    answer = await client.get(
        f"{GROUPS}?$select=CustomerGroupId&$filter=IsSalesTaxIncludedInPrice eq {yes} and CustomerGroupId ne '20'"
        "&$orderby=CustomerGroupId desc&$count=true"
    )
    body = answer.json()
    assert body["@odata.context"].endswith("$metadata#CustomerGroups(CustomerGroupId)")
    assert body["@odata.count"] == 2
    assert [sorted(row) for row in body["value"]] == [["@odata.etag", "CustomerGroupId"]] * 2
    assert [row["CustomerGroupId"] for row in body["value"]] == ["30", "10"]

    stars = await client.get(f"{GROUPS}/$count?$filter=Description eq 'group*'")
    assert (stars.text, stars.headers["Content-Type"]) == ("3", "text/plain")


async def test_pages_follow_each_other_without_gap_or_repetition(client: httpx.AsyncClient) -> None:
    wanted = [f"{number:02}" for number in range(10)]
    for number in wanted:
        await add_group(client, number)

    address: str | None = f"{GROUPS}?$orderby=Description,CustomerGroupId&$count=true&$skip=1"
    seen: list[str] = []
    while address:
        body = (await client.get(address)).json()
        assert body["@odata.count"] == 10
        assert len(body["value"]) <= 4
        seen += [row["CustomerGroupId"] for row in body["value"]]
        address = body.get("@odata.nextLink")
        assert address is None or address.startswith("http://finops.test:8001/data/CustomerGroups?")
    assert seen == wanted[1:]


async def test_top_holds_over_all_pages(client: httpx.AsyncClient) -> None:
    for number in range(9):
        await add_group(client, str(number))
    first = (await client.get(f"{GROUPS}?$top=6")).json()
    second = (await client.get(first["@odata.nextLink"])).json()
    assert (len(first["value"]), len(second["value"]), "@odata.nextLink" in second) == (4, 2, False)
    assert (await client.get(f"{GROUPS}?$top=0")).json()["value"] == []


async def test_a_smaller_page_may_be_asked_for(client: httpx.AsyncClient) -> None:
    for number in range(3):
        await add_group(client, str(number))
    answer = await client.get(GROUPS, headers={"Prefer": "odata.maxpagesize=2"})
    assert len(answer.json()["value"]) == 2
    assert answer.headers["Preference-Applied"] == "odata.maxpagesize=2"


async def test_a_continuation_serves_its_own_query_only(client: httpx.AsyncClient) -> None:
    for number in range(6):
        await add_group(client, str(number))
    link = (await client.get(GROUPS)).json()["@odata.nextLink"]
    for foreign in (link + "&$filter=CustomerGroupId eq '1'", link + "x", link.replace("$skiptoken=", "$skiptoken=A")):
        assert (await client.get(foreign)).status_code == 400


@pytest.mark.parametrize(
    "query",
    [
        "$select=Nope",
        "$select=",
        "$filter=",
        "$filter=Nope eq 1",
        "$filter=CustomerGroupId eq",
        "$filter=CustomerGroupId eq 5",
        "$filter=((((",
        "$orderby=Nope",
        "$orderby=CustomerGroupId sideways",
        "$top=-1",
        "$top=1e3",
        "$top=99999999999999999999",
        "$skip=x",
        "$count=perhaps",
        "$expand=Nope",
        "$apply=x",
        "$frob=1",
        "$skiptoken=abc",
        "$skiptoken=%C3%A9",
        "$top=1&$top=2",
        "cross-company=maybe",
        "$filter=%FF",
        "$filter=Description eq '%00'",
        "$filter=Description%",
    ],
)
async def test_a_query_that_cannot_be_answered_is_refused(client: httpx.AsyncClient, query: str) -> None:
    refused = await client.get(f"{GROUPS}?{query}")
    assert refused.status_code == 400, refused.text
    inner_message(refused)


# --- dates ----------------------------------------------------------------------------------------------------------


DAY = "CredManCustomerSince"


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("2024-02-29", "2024-02-29T12:00:00Z"),
        ("2024-02-29T12:00:00Z", "2024-02-29T12:00:00Z"),
        ("2024-02-29T23:30:00-08:00", "2024-02-29T12:00:00Z"),
        ("1900-01-01T12:00:00Z", "1900-01-01T12:00:00Z"),
        (None, "1900-01-01T12:00:00Z"),
    ],
)
async def test_days_travel_at_noon_and_are_not_converted(
    client: httpx.AsyncClient, given: str | None, shown: str
) -> None:
    created = await client.post(CUSTOMERS, json=CUSTOMER | {DAY: given})
    assert created.status_code == 201, created.text
    assert created.json()[DAY] == shown


@pytest.mark.parametrize("given", ["1899-12-31", "2024-02-30", "yesterday", "", 20240229, "0000-00-00T00:00:00Z"])
async def test_a_day_that_cannot_be_kept_is_refused(client: httpx.AsyncClient, given: object) -> None:
    refused = await client.post(CUSTOMERS, json=CUSTOMER | {DAY: given})
    assert refused.status_code == 400
    assert DAY in inner_message(refused)


async def test_a_point_in_time_is_kept_in_utc(client: httpx.AsyncClient) -> None:
    created = await client.post(CUSTOMERS, json=CUSTOMER | {"AddressValidFrom": "2024-02-29T23:30:00-08:00"})
    assert created.json()["AddressValidFrom"] == "2024-03-01T07:30:00Z"
    asked = await client.get(f"{CUSTOMERS}/$count?$filter=AddressValidFrom eq 2024-03-01T07:30:00Z")
    assert asked.text == "1"


async def test_a_day_is_found_by_day_and_by_noon(client: httpx.AsyncClient) -> None:
    await client.post(CUSTOMERS, json=CUSTOMER | {DAY: "2024-02-29"})
    for literal in ("2024-02-29", "2024-02-29T12:00:00Z"):
        assert (await client.get(f"{CUSTOMERS}/$count?$filter={DAY} eq {literal}")).text == "1"
