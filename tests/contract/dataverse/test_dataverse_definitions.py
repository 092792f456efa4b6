"""What the service tells about its tables: documents and definitions, asked for as the official clients do."""

from __future__ import annotations

import httpx
import pytest
from dataverse_rows import error_of

ATTRIBUTES = "EntityDefinitions(LogicalName='account')/Attributes"


async def value(client: httpx.AsyncClient, url: str) -> list[dict[str, object]]:
    answer = await client.get(url)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, object]] = answer.json()["value"]
    return found


async def test_the_service_document_lists_the_sets(client: httpx.AsyncClient) -> None:
    for url in ("", "/"):
        body = (await client.get(str(client.base_url).rstrip("/") + url)).json()
        assert {"name": "accounts", "kind": "EntitySet", "url": "accounts"} in body["value"]
        assert body["@odata.context"] == f"{client.base_url}$metadata"


async def test_a_table_is_found_by_name(client: httpx.AsyncClient) -> None:
    found = await value(
        client,
        "EntityDefinitions?$select=LogicalName,EntitySetName,PrimaryIdAttribute&$filter=LogicalName eq 'account'",
    )
    assert [(f["LogicalName"], f["EntitySetName"], f["PrimaryIdAttribute"]) for f in found] == [
        ("account", "accounts", "accountid")
    ]
    assert await value(client, "EntityDefinitions?$filter=LogicalName eq 'nonsense'") == []


@pytest.mark.parametrize(
    "condition",
    [
        "IsPrivate eq false",
        "OwnershipType eq 'UserOwned'",
        "OwnershipType eq Microsoft.Dynamics.CRM.OwnershipTypes'UserOwned'",
        "CanCreateAttributes/Value eq false",
        "startswith(SchemaName,'acc') and EntitySetName ne null",
    ],
)
async def test_tables_are_found_by_their_facts(client: httpx.AsyncClient, condition: str) -> None:
    found = await value(client, f"EntityDefinitions?$select=LogicalName&$filter={condition}")
    assert "account" in [item["LogicalName"] for item in found]


async def test_a_table_is_addressed_by_name_and_id(client: httpx.AsyncClient) -> None:
    by_name = (await client.get("EntityDefinitions(LogicalName='account')")).json()
    by_id = (await client.get(f"EntityDefinitions({by_name['MetadataId']})")).json()
    assert by_id == by_name
    assert by_name["PrimaryNameAttribute"] == "name"
    assert by_name["DisplayName"]["UserLocalizedLabel"]["Label"]
    assert error_of(await client.get("EntityDefinitions(LogicalName='nonsense')"))[0] == 404


async def test_choices_are_told_with_their_labels(client: httpx.AsyncClient) -> None:
    cast = "Microsoft.Dynamics.CRM.PicklistAttributeMetadata"
    found = await value(client, f"{ATTRIBUTES}/{cast}?$select=LogicalName&$expand=OptionSet($select=Options)")
    method = next(item for item in found if item["LogicalName"] == "preferredcontactmethodcode")
    options = method["OptionSet"]["Options"]  # type: ignore[index]
    labels = {o["Value"]: o["Label"]["LocalizedLabels"][0]["Label"] for o in options}
    assert labels[2] == "Email"
    assert "name" not in [item["LogicalName"] for item in found]
    single = await client.get(
        f"{ATTRIBUTES}(LogicalName='statuscode')/Microsoft.Dynamics.CRM.StatusAttributeMetadata/OptionSet"
    )
    assert single.json()["Options"][0]["State"] == 0


async def test_attributes_are_found_by_kind(client: httpx.AsyncClient) -> None:
    strings = await value(client, f"{ATTRIBUTES}?$select=LogicalName&$filter=AttributeType eq 'String'")
    assert "name" in [item["LogicalName"] for item in strings]
    others = await value(client, f"{ATTRIBUTES}?$filter=AttributeType ne 'Virtual' and LogicalName eq 'ownerid'")
    assert others[0]["AttributeType"] == "Owner"
    one = (await client.get(f"{ATTRIBUTES}(LogicalName='name')")).json()
    assert one["@odata.type"] == "#Microsoft.Dynamics.CRM.StringAttributeMetadata"
    assert one["MaxLength"] > 0
    assert error_of(await client.get(f"{ATTRIBUTES}(LogicalName='nonsense')"))[0] == 404


async def test_keys_and_relationships_are_told(client: httpx.AsyncClient) -> None:
    entity = "EntityDefinitions(LogicalName='account')"
    keys = await value(client, f"{entity}/Keys?$select=SchemaName,KeyAttributes,EntityKeyIndexStatus")
    assert ["accountnumber", "msdyn_company"] in [key["KeyAttributes"] for key in keys]
    to_one = await value(client, f"{entity}/ManyToOneRelationships")
    contact = next(item for item in to_one if item["ReferencingAttribute"] == "primarycontactid")
    assert contact["ReferencingEntityNavigationPropertyName"] == "primarycontactid"
    to_many = await value(client, f"{entity}/OneToManyRelationships")
    assert "parentcustomerid" in [item["ReferencingAttribute"] for item in to_many]
    assert await value(client, f"{entity}/ManyToManyRelationships") == []
    named = f"RelationshipDefinitions?$filter=SchemaName eq '{contact['SchemaName']}'"
    assert len(await value(client, named)) == 1
    assert await value(client, "GlobalOptionSetDefinitions") == []


async def test_every_relationship_leads_somewhere(client: httpx.AsyncClient) -> None:
    """The navigation names that definitions tell can be expanded."""
    for item in await value(client, "EntityDefinitions(LogicalName='contact')/ManyToOneRelationships"):
        name = item["ReferencingEntityNavigationPropertyName"]
        assert (await client.get(f"contacts?$expand={name}&$top=1")).status_code == 200, name


@pytest.mark.parametrize(
    ("method", "url", "status"),
    [
        ("POST", "EntityDefinitions", 405),
        ("DELETE", "EntityDefinitions(LogicalName='account')", 405),
        ("GET", "EntityDefinitions(LogicalName='account')/Nonsense", 404),
        ("GET", "EntityDefinitions(LogicalName='account')/Keys/Nonsense", 404),
        ("GET", "EntityDefinitions/Nonsense", 404),
        ("GET", "EntityDefinitions?$filter=LogicalName eq", 400),
        ("GET", "EntityDefinitions?$expand=Nonsense", 400),
        ("GET", "EntityDefinitions()", 404),
        ("POST", "$metadata", 405),
    ],
)
async def test_other_requests_for_definitions_are_refused(
    client: httpx.AsyncClient, method: str, url: str, status: int
) -> None:
    assert error_of(await client.request(method, url))[0] == status
