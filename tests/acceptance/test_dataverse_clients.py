"""The official client and a strict reader of ``$metadata``, unchanged, against the service on a real socket."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from enum import Enum
from uuid import uuid4

import httpx
import pytest
import uvicorn
from azure.core.credentials import AccessToken
from odatapy.client import EdmEnabledODataClient, HttpxTransport
from odatapy.edm import Edm, FullQualifiedName
from PowerPlatform.Dataverse.aio.async_client import AsyncDataverseClient
from PowerPlatform.Dataverse.core.errors import HttpError
from PowerPlatform.Dataverse.models.upsert import UpsertItem

from dualwrite.catalog import load_schema
from dualwrite.environments.port import Caller
from dualwrite.metadata.schema import Side
from dualwrite.servers.dataverse.app import build_app
from dualwrite.servers.dataverse.settings import DataverseSettings
from dualwrite.servers.odata.authentication import NotAuthenticated
from fakes.environment import FakeDesign, FakeEnvironment


class Credential:
    """What the official client asks for tokens."""

    async def get_token(self, *scopes: str, **options: object) -> AccessToken:
        return AccessToken("good", 4_102_444_800)

    async def close(self) -> None: ...

    async def __aenter__(self) -> Credential:
        return self

    async def __aexit__(self, *details: object) -> None: ...


async def authenticate(authorization: str | None) -> Caller:
    if authorization != "Bearer good":
        raise NotAuthenticated("A bearer token is needed.")
    return Caller("tests", user_id=uuid4())


@pytest.fixture
async def address() -> AsyncIterator[str]:
    """The address of a service that listens."""
    environment = FakeEnvironment(load_schema(Side.DATAVERSE))
    app = build_app(environment, authenticate, DataverseSettings(), design=FakeDesign(environment))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="on"))
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        task = asyncio.create_task(server.serve(sockets=[listening]))
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        await task


@pytest.fixture
async def client(address: str) -> AsyncIterator[AsyncDataverseClient]:
    async with AsyncDataverseClient(address, Credential()) as client:
        yield client


async def test_rows_are_created_read_changed_and_deleted(client: AsyncDataverseClient) -> None:
    account = await client.records.create("account", {"name": "Adatum", "preferredcontactmethodcode": "Email"})
    row = await client.records.retrieve("account", account, select=["name", "preferredcontactmethodcode"])
    assert (row["name"], row["preferredcontactmethodcode"]) == ("Adatum", 2)
    await client.records.update("account", account, {"telephone1": "555-0100"})
    assert (await client.records.retrieve("account", account))["telephone1"] == "555-0100"
    await client.records.delete("account", account)
    assert await client.records.retrieve("account", account) is None
    with pytest.raises(HttpError) as refused:
        await client.records.update("account", account, {"telephone1": "x"})
    assert refused.value.status_code == 404


async def test_many_rows_go_together(client: AsyncDataverseClient) -> None:
    accounts = await client.records.create("account", [{"name": f"Company {number}"} for number in range(5)])
    assert len(set(accounts)) == 5
    await client.records.update("account", accounts, {"telephone1": "1"})
    pages = [page async for page in client.records.list_pages("account", orderby=["name"], page_size=2)]
    assert [[row["name"][-1] for row in page] for page in pages] == [["0", "1"], ["2", "3"], ["4"]]
    found = await client.records.list("account", filter="contains(name,'3') and telephone1 eq '1'", count=True)
    assert [row["name"] for row in found] == ["Company 3"]


async def test_rows_are_upserted_by_alternate_key(client: AsyncDataverseClient) -> None:
    def item(code: str, name: str) -> UpsertItem:
        return UpsertItem(alternate_key={"cdm_companycode": code}, record={"cdm_name": name})

    await client.records.upsert("cdm_company", [item("us'mf", "first")])
    await client.records.upsert("cdm_company", [item("us'mf", "second"), item("usrt", "other")])
    rows = await client.records.list("cdm_company", orderby=["cdm_companycode"])
    assert [(row["cdm_companycode"], row["cdm_name"]) for row in rows] == [("us'mf", "second"), ("usrt", "other")]


async def test_a_batch_is_one_transaction(client: AsyncDataverseClient) -> None:
    batch = client.batch.new()
    async with batch.changeset() as changes:
        contact = changes.records.create("contact", {"lastname": "Lee"})
        account = changes.records.create("account", {"name": "Adatum", "primarycontactid@odata.bind": contact})
        changes.records.update("account", account, {"telephone1": "1"})
    batch.records.list("account")
    result = await batch.execute()
    assert not result.has_errors
    assert len(result.entity_ids) >= 2
    rows = await client.records.list("account", expand=["primarycontactid"])
    assert [(row["telephone1"], row["primarycontactid"]["lastname"]) for row in rows] == [("1", "Lee")]


async def test_tables_and_columns_are_described(client: AsyncDataverseClient) -> None:
    table = await client.tables.get("account")
    assert table is not None
    assert table["entity_set_name"] == "accounts"
    assert len(await client.tables.list()) > 100
    columns = await client.tables.list_columns("account", filter="AttributeType eq 'Money'")
    assert "revenue" in [column["LogicalName"] for column in columns]
    keys = await client.tables.get_alternate_keys("account")
    assert ["accountnumber", "msdyn_company"] in [key.key_attributes for key in keys]
    assert await client.tables.list_table_relationships("account")


class Fuel(Enum):
    PETROL = 100000000
    DIESEL = 100000001


async def test_tables_are_made_changed_and_removed(client: AsyncDataverseClient) -> None:
    columns = {"new_Seats": "int", "new_Price": "decimal", "new_Built": "datetime", "new_Electric": "bool"}
    made = await client.tables.create("new_Vehicle", {**columns, "new_Fuel": Fuel, "new_Text": "memo"})
    assert (made["entity_set_name"], made["primary_name_attribute"]) == ("new_vehicles", "new_name")
    assert await client.tables.add_columns("new_Vehicle", {"new_Plate": "string"}) == ["new_Plate"]
    await client.tables.update_column("new_Vehicle", "new_Plate", {"max_length": 400})
    assert (await client.tables.get_column("new_Vehicle", "new_Plate", select=["MaxLength"]))["MaxLength"] == 400
    key = await client.tables.create_alternate_key("new_Vehicle", "new_PlateKey", ["new_plate"])
    (known,) = await client.tables.get_alternate_keys("new_Vehicle")
    assert (known.metadata_id, known.schema_name) == (key.metadata_id, "new_PlateKey")
    lookup = await client.tables.create_lookup_field("new_vehicle", "new_KeeperId", "account")
    assert await client.tables.get_relationship(lookup.relationship_schema_name) is not None
    account = await client.records.create("account", {"name": "Keeper"})
    body = {
        "new_name": "Truck",
        "new_plate": "A-1",
        "new_fuel": "Diesel",
        "new_keeperid@odata.bind": f"/accounts({account})",
    }
    vehicle = await client.records.create("new_vehicle", body)
    row = await client.records.retrieve("new_vehicle", vehicle)
    assert (row["new_fuel"], row["_new_keeperid_value"]) == (Fuel.DIESEL.value, account)
    await client.tables.delete_alternate_key("new_Vehicle", key.metadata_id)
    assert await client.tables.remove_columns("new_Vehicle", ["new_Plate"]) == ["new_Plate"]
    await client.tables.delete("new_Vehicle")
    assert await client.tables.get("new_Vehicle") is None


async def test_a_strict_reader_understands_the_metadata(address: str) -> None:
    def read() -> Edm:
        with httpx.Client(headers={"Authorization": "Bearer good"}) as http:
            root = f"{address}/api/data/v9.2/"
            return EdmEnabledODataClient(root, HttpxTransport(client=http), odata_version="4.0").edm()

    edm = await asyncio.to_thread(read)
    schema = load_schema(Side.DATAVERSE)
    for table in schema:
        entity = edm.entity_container.get_entity_set(table.entity_set).entity_type
        assert entity.name == table.name
        assert entity.key_predicate_names == list(table.key)
        for name in entity.navigation_property_names:
            assert entity.get_navigation_property(name).type is not None
    account = edm.get_entity_type(FullQualifiedName("Microsoft.Dynamics.CRM", "account"))
    assert {"_primarycontactid_value", "_ownerid_value", "revenue"} <= set(account.property_names)
    assert {"primarycontactid", "ownerid", "contact_parentcustomerid"} <= set(account.navigation_property_names)
