"""An environment with its base tables alone: lookups to tables that are not there are no reason to fail."""

from __future__ import annotations

import re

import httpx
import pytest

from dualwrite.composition.house import House

MISSING = "msdyn_customergroup"


@pytest.fixture(autouse=True)
def small(house: House) -> None:
    assert house.dataverse.schema.find(MISSING) is None
    assert house.dataverse.schema.table("account").column("msdyn_customergroupid").targets == (MISSING,)


async def test_the_metadata_names_only_what_is_there(web: httpx.AsyncClient) -> None:
    document = (await web.get("$metadata")).text
    types = set(re.findall(r'<EntityType Name="(\w+)"', document))
    named = set(re.findall(r'Type="(?:Collection\()?Microsoft\.Dynamics\.CRM\.(\w+)', document))
    complex_types = set(re.findall(r'<ComplexType Name="(\w+)"', document))
    assert named <= types | complex_types
    for path in ("EntityDefinitions", "RelationshipDefinitions"):
        answer = await web.get(path)
        assert answer.status_code == 200
        referenced = {each.get("ReferencedEntity") for each in answer.json()["value"]}
        assert MISSING not in referenced


@pytest.mark.parametrize(
    "query",
    [
        "$expand=msdyn_customergroupid",
        "$filter=msdyn_customergroupid/msdyn_groupid eq '10'",
        "$orderby=msdyn_customergroupid/msdyn_groupid",
        "$select=nothing",
    ],
)
async def test_queries_through_what_is_not_there_are_refused(web: httpx.AsyncClient, query: str) -> None:
    answer = await web.get(f"accounts?{query}")
    assert answer.status_code == 400, answer.text


@pytest.mark.parametrize(
    "body",
    [
        {"msdyn_customergroupid@odata.bind": "/msdyn_customergroups(6f0d9a2e-3b51-4b0c-9d5c-0c1d3f5b7a10)"},
        {"msdyn_customergroupid@odata.bind": "/msdyn_customergroups(msdyn_groupid='10')"},
        {"msdyn_customergroupid": {"msdyn_groupid": "10"}},
    ],
)
async def test_a_lookup_cannot_be_filled_before_its_table_is_there(
    web: httpx.AsyncClient, body: dict[str, object]
) -> None:
    answer = await web.post("accounts", json={"name": "x", **body})
    assert answer.status_code in (400, 404), answer.text


async def test_rows_come_and_go(web: httpx.AsyncClient) -> None:
    account = (await web.post("accounts", json={"name": "Small"})).headers["OData-EntityId"]
    contact = (
        await web.post("contacts", json={"lastname": "Lee", "parentcustomerid_account@odata.bind": account})
    ).headers["OData-EntityId"]
    assert (await web.get(f"{contact}?$expand=parentcustomerid_account($select=name)")).status_code == 200
    assert (await web.delete(account)).status_code == 400
    assert (await web.delete(contact)).status_code == 204
    assert (await web.delete(account)).status_code == 204
