"""Collections: options, paging, counting, expansions, annotations."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import httpx
import pytest
from dataverse_rows import Made, error_of

ANNOTATED = {"Prefer": 'odata.include-annotations="*"'}
FORMATTED = "@OData.Community.Display.V1.FormattedValue"


@pytest.fixture
async def five(made: Made) -> list[str]:
    """Accounts a to e with 1 to 5 employees; b and d have Lee as their contact and belong to usmf."""
    contact = await made.contact(firstname="Ann", lastname="Lee")
    company = await made.company("usmf")
    bound = {
        "primarycontactid@odata.bind": f"/contacts({contact})",
        "msdyn_company@odata.bind": f"/cdm_companies({company})",
    }
    return [
        await made.account(name=name, numberofemployees=number, **(bound if name in "bd" else {}))
        for number, name in enumerate("abcde", start=1)
    ]


async def names(client: httpx.AsyncClient, query: str, **headers: str) -> list[str]:
    answer = await client.get(f"accounts?{query}", headers=headers)
    assert answer.status_code == 200, answer.text
    return [row["name"] for row in answer.json()["value"]]


async def test_only_selected_columns_come_with_id_and_etag(client: httpx.AsyncClient, five: list[str]) -> None:
    body = (await client.get("accounts?$select=name,_primarycontactid_value&$top=1")).json()
    assert body["@odata.context"].endswith("$metadata#accounts(name,_primarycontactid_value)")
    assert set(body["value"][0]) == {"@odata.etag", "accountid", "name", "_primarycontactid_value"}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("$filter=numberofemployees gt 3", "de"),
        ("$filter=numberofemployees+gt+3", "de"),
        ("%24filter=numberofemployees%20gt%203", "de"),
        ("$filter=name eq 'A'", "a"),
        ("$filter=contains(name,'c') or name eq 'e'", "ce"),
        ("$filter=_primarycontactid_value ne null", "bd"),
        ("$filter=primarycontactid/lastname eq 'Lee'", "bd"),
        ("$filter=name eq @p1&@p1='b'", "b"),
        ("$filter=Microsoft.Dynamics.CRM.In(PropertyName='name',PropertyValues=['a','c'])", "ac"),
        ("$orderby=numberofemployees desc", "edcba"),
        ("$orderby=_msdyn_company_value desc,name desc", "dbeca"),
        ("$orderby=name&$top=2", "ab"),
        ("$top=0", ""),
        ("tag=marker&$orderby=name&$top=1", "a"),
    ],
)
async def test_rows_are_found_and_ordered(client: httpx.AsyncClient, five: list[str], query: str, found: str) -> None:
    shown = await names(client, query)
    assert "".join(shown if "orderby" in query else sorted(shown)) == found


@pytest.mark.parametrize(
    "query",
    [
        "$skip=1",
        "$apply=aggregate(revenue with sum as total)",
        "$search=x",
        "$format=json",
        "$nonsense=1",
        "$select=nonsense",
        "$select=",
        "$filter=",
        "$filter=nonsense eq 1",
        "$filter=name eq",
        "$filter=name eq 5",
        "$filter=numberofemployees eq 'x'",
        "$filter=accountid eq 5",
        "$filter=Name eq 'x'",
        "$filter=nonsense/name eq 'x'",
        "$filter=" + "(" * 500,
        "$orderby=nonsense",
        "$orderby=name sideways",
        "$top=-1",
        "$top=x",
        "$count=maybe",
        "$expand=nonsense",
        "$expand=primarycontactid($select=nonsense)",
        "$expand=primarycontactid($filter=lastname eq 'x')",
        "$expand=primarycontactid(",
        "$skiptoken=nonsense",
        "$select=name&$select=name",
        "$filter=name eq '%zz'",
        "$filter=name eq '%ff'",
        "$filter=name eq '%00'",
        "$filter=numberofemployees eq " + "9" * 4000,
        "fetchXml=<fetch/>",
        "sql=select",
    ],
)
async def test_a_query_that_cannot_be_answered_is_refused(client: httpx.AsyncClient, query: str) -> None:
    assert error_of(await client.get(f"accounts?{query}"))[0] == 400


async def test_pages_follow_each_other(client: httpx.AsyncClient, five: list[str]) -> None:
    prefer = {"Prefer": "odata.maxpagesize=2"}
    url: str | None = "accounts?$select=name&$orderby=name desc&$top=1&$count=true"
    pages: list[str] = []
    while url is not None:
        answer = await client.get(url, headers=prefer)
        assert answer.headers["Preference-Applied"] == "odata.maxpagesize=2"
        body = answer.json()
        assert body["@odata.count"] == 5
        pages.append("".join(row["name"] for row in body["value"]))
        url = body.get("@odata.nextLink")
        assert url is None or url.startswith(str(client.base_url) + "accounts?")
    assert pages == ["ed", "cb", "a"]


async def test_a_continuation_of_another_query_is_refused(client: httpx.AsyncClient, five: list[str]) -> None:
    prefer = {"Prefer": "odata.maxpagesize=2"}
    link = (await client.get("accounts?$select=name", headers=prefer)).json()["@odata.nextLink"]
    assert (await client.get(link.replace("$select=name", "$select=accountnumber"))).status_code == 400
    assert (await client.get(link, headers=prefer)).status_code == 200


async def test_counts_are_capped(
    connect: Callable[..., httpx.AsyncClient], client: httpx.AsyncClient, five: list[str]
) -> None:
    assert (await client.get("accounts/$count")).content == b"\xef\xbb\xbf5"
    assert (await client.get("accounts/$count?$filter=name gt 'c'")).text.lstrip("\ufeff") == "2"
    assert (await client.get("accounts?$count=true&$top=0")).json()["@odata.count"] == 5
    capped = connect(largest_count_rows=3)
    assert (await capped.get("accounts?$count=true")).json()["@odata.count"] == 3
    assert (await capped.get("accounts/$count")).text.lstrip("\ufeff") == "3"


async def test_a_lookup_is_expanded(client: httpx.AsyncClient, five: list[str]) -> None:
    query = "accounts?$select=name&$orderby=name&$top=2&$expand=primarycontactid($select=fullname,lastname)"
    body = (await client.get(query)).json()
    first, second = body["value"]
    assert first["primarycontactid"] is None
    assert second["primarycontactid"]["lastname"] == "Lee"
    assert set(second["primarycontactid"]) == {"@odata.etag", "contactid", "fullname", "lastname"}
    assert "_primarycontactid_value" not in second
    assert body["@odata.context"].endswith("#accounts(name,primarycontactid(fullname,lastname))")


async def test_a_collection_is_expanded(client: httpx.AsyncClient, five: list[str]) -> None:
    inner = "$select=name;$filter=numberofemployees lt 5;$orderby=name desc;$top=1"
    body = (await client.get(f"contacts?$expand=account_primarycontactid({inner})")).json()
    assert [row["name"] for row in body["value"][0]["account_primarycontactid"]] == ["d"]


async def test_a_collection_is_read_from_its_row(client: httpx.AsyncClient, five: list[str]) -> None:
    contact = (await client.get("contacts")).json()["value"][0]["contactid"]
    body = (await client.get(f"contacts({contact})/account_primarycontactid?$orderby=name")).json()
    assert [row["name"] for row in body["value"]] == ["b", "d"]
    assert (await client.get(f"contacts({contact})/account_primarycontactid/$count")).text.lstrip("\ufeff") == "2"


async def test_values_are_formatted_when_asked_for(client: httpx.AsyncClient, made: Made) -> None:
    contact = await made.contact(lastname="Lee")
    company = await made.company("usmf")
    account = await made.account(
        name="first",
        revenue=20000,
        numberofemployees=1234,
        creditonhold=True,
        preferredcontactmethodcode=2,
        lastonholdtime="2026-03-01T13:05:00Z",
        **{
            "primarycontactid@odata.bind": f"/contacts({contact})",
            "msdyn_company@odata.bind": f"/cdm_companies({company})",
        },
    )
    row = (await client.get(f"accounts({account})", headers=ANNOTATED)).json()
    assert row["revenue" + FORMATTED] == "20,000.00"
    assert row["numberofemployees" + FORMATTED] == "1,234"
    assert row["creditonhold" + FORMATTED] == "Yes"
    assert row["preferredcontactmethodcode" + FORMATTED] == "Email"
    assert row["lastonholdtime" + FORMATTED] == "3/1/2026 1:05 PM"
    lookup = "_primarycontactid_value"
    assert row["_msdyn_company_value" + FORMATTED] == "usmf"
    assert row[lookup + "@Microsoft.Dynamics.CRM.lookuplogicalname"] == "contact"
    assert row[lookup + "@Microsoft.Dynamics.CRM.associatednavigationproperty"] == "primarycontactid"
    keys = list(row)
    assert keys.index("revenue" + FORMATTED) < keys.index("revenue")


@pytest.mark.parametrize(
    "prefer",
    [
        'odata.include-annotations="OData.Community.Display.V1.FormattedValue"',
        "odata.include-annotations=OData.Community.Display.V1.FormattedValue,odata.maxpagesize=2",
        'odata.maxpagesize=2,odata.include-annotations="OData.Community.Display.V1.*"',
        'odata.include-annotations="*,-Microsoft.Dynamics.CRM.*"',
    ],
)
async def test_annotations_are_asked_for_in_every_spelling(client: httpx.AsyncClient, made: Made, prefer: str) -> None:
    account = await made.account(name="first", creditonhold=True)
    answer = await client.get(f"accounts?$filter=accountid eq {account}", headers={"Prefer": prefer})
    row = answer.json()["value"][0]
    assert row["creditonhold" + FORMATTED] == "Yes"
    assert not any("Microsoft.Dynamics.CRM" in name for name in row)
    assert "include-annotations" in answer.headers["Preference-Applied"]
    assert not any("@" in name[1:] for name in (await client.get(f"accounts({account})")).json())


async def test_a_money_column_brings_its_currency(client: httpx.AsyncClient, made: Made) -> None:
    account = await made.account(name="first", revenue=5)
    row = (await client.get(f"accounts({account})?$select=revenue")).json()
    assert "_transactioncurrencyid_value" in row


async def test_all_rows_of_a_table_are_counted(client: httpx.AsyncClient, five: list[str]) -> None:
    for form in ("(EntityNames=['account','contact'])", "(EntityNames=@p1)?@p1=['account','contact']"):
        body = (await client.get(f"RetrieveTotalRecordCount{form}")).json()
        assert body["EntityRecordCountCollection"]["Keys"] == ["account", "contact"]
        assert body["EntityRecordCountCollection"]["Values"] == [5, 1]
    assert (await client.get("RetrieveTotalRecordCount(EntityNames=['nonsense'])")).status_code == 400
    assert (await client.get(f"RetrieveTotalRecordCount(EntityNames={uuid4()})")).status_code == 400
