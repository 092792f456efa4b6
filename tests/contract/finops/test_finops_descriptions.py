"""How the service describes itself: the entity model and the metadata service, as real clients read them."""

from __future__ import annotations

from collections.abc import Callable

import httpx
from odatapy.client.client import AsyncEdmEnabledODataClient
from odatapy.client.transport import AsyncHttpxTransport
from odatapy.edm.names import FullQualifiedName
from starlette.applications import Starlette

from dualwrite.catalog import load_schema
from dualwrite.environments.port import Environment
from dualwrite.metadata.schema import ColumnType, Side
from fakes.environment import FakeEnvironment


async def test_metadata_paths_disregard_case_and_take_a_name(client: httpx.AsyncClient) -> None:
    entity = (await client.get("/Metadata/PublicEntities('CustomerGroup')")).json()
    assert (entity["Name"], entity["EntitySetName"]) == ("CustomerGroup", "CustomerGroups")
    properties = {item["Name"]: item for item in entity["Properties"]}
    assert properties["dataAreaId"]["IsKey"] and not properties["dataAreaId"]["AllowEdit"]
    sales_tax = properties["IsSalesTaxIncludedInPrice"]
    assert (sales_tax["TypeName"], sales_tax["DataType"]) == ("Microsoft.Dynamics.DataEntities.NoYes", "Enum")

    enumeration = (await client.get("/metadata/publicenumerations('NoYes')")).json()
    assert [(m["Name"], m["Value"]) for m in enumeration["Members"]] == [("No", 0), ("Yes", 1)]
    # A client that asks by the set's name first falls back on 404.
    assert (await client.get("/Metadata/PublicEntities('CustomerGroups')")).status_code == 404


async def test_data_entities_are_found_by_filter(client: httpx.AsyncClient) -> None:
    found = await client.get("/Metadata/DataEntities?$filter=contains(tolower(Name),+'customergroup')&$count=true")
    row = found.json()["value"][0]
    assert found.json()["@odata.count"] == 1
    assert (row["Name"], row["PublicEntityName"], row["PublicCollectionName"]) == (
        "CustCustomerGroupEntity",
        "CustomerGroup",
        "CustomerGroups",
    )
    category = "Microsoft.Dynamics.Metadata.EntityCategory'Master'"
    named = await client.get(f"/metadata/DataEntities?$filter=EntityCategory eq {category}&$top=2&$select=Name")
    assert [list(row) for row in named.json()["value"]] == [["Name"], ["Name"]]


async def test_labels_say_what_they_are_asked(client: httpx.AsyncClient) -> None:
    label = (await client.get("/Metadata/Labels(Id='@SYS1',Language='en-US')")).json()
    assert (label["Id"], label["Language"]) == ("@SYS1", "en-US")


async def test_a_strict_reader_takes_the_entity_model_of_the_whole_catalog(
    serve: Callable[[Environment], Starlette],
) -> None:
    schema = load_schema(Side.FINOPS)
    app = serve(FakeEnvironment(schema))
    http = httpx.AsyncClient(transport=httpx.ASGITransport(app), headers={"Authorization": "Bearer usmf"})
    async with http:
        reader = AsyncEdmEnabledODataClient("http://h/data/", AsyncHttpxTransport(http), odata_version="4.0")
        edm = await reader.get_edm()

    sets = {entity_set.name: entity_set for entity_set in edm.entity_container.entity_sets}
    assert set(sets) == {table.entity_set for table in schema}
    for table in schema:
        entity_type = sets[table.entity_set].entity_type
        assert tuple(entity_type.key_predicate_names) == table.key
        assert set(entity_type.property_names) == set(table.by_name)
    enums = {c.enumeration.name for t in schema for c in t.columns if c.type is ColumnType.ENUM and c.enumeration}
    for name in enums:
        assert edm.get_enum_type(FullQualifiedName("Microsoft.Dynamics.DataEntities", name)) is not None
