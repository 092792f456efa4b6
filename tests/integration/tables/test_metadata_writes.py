"""Tables, columns, keys and relationships made through the Web API, as clients send them."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx
import pytest

from dualwrite.composition.house import House

CRM = "Microsoft.Dynamics.CRM."


def label(text: str) -> dict[str, object]:
    localized = {"@odata.type": f"{CRM}LocalizedLabel", "Label": text, "LanguageCode": 1033}
    return {"@odata.type": f"{CRM}Label", "LocalizedLabels": [localized]}


def attribute(kind: str, name: str, **facts: object) -> dict[str, object]:
    named = {"SchemaName": name, "DisplayName": label(name.partition("_")[2])}
    return {"@odata.type": f"{CRM}{kind}AttributeMetadata", **named, "RequiredLevel": {"Value": "None"}, **facts}


def entity(name: str, **facts: object) -> dict[str, object]:
    prefix = name.partition("_")[0]
    return {
        "@odata.type": f"{CRM}EntityMetadata",
        "SchemaName": name,
        "DisplayName": label(name.partition("_")[2]),
        "DisplayCollectionName": label(name.partition("_")[2] + "s"),
        "OwnershipType": "UserOwned",
        "HasNotes": False,
        "HasActivities": False,
        "Attributes": [attribute("String", f"{prefix}_Name", IsPrimaryName=True, MaxLength=100)],
        **facts,
    }


def one_to_many(name: str, lookup: str, *, to: str, of: str) -> dict[str, object]:
    return {
        "@odata.type": f"{CRM}OneToManyRelationshipMetadata",
        "SchemaName": name,
        "ReferencedEntity": to,
        "ReferencingEntity": of,
        "CascadeConfiguration": {"Assign": "NoCascade", "Delete": "RemoveLink"},
        "Lookup": attribute("Lookup", lookup),
    }


def entity_id(answer: httpx.Response) -> str:
    assert answer.status_code == 204, answer.text
    return answer.headers["OData-EntityId"]


def error(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


async def attributes(web: httpx.AsyncClient, table: str) -> dict[str, dict[str, object]]:
    answer = await web.get(f"EntityDefinitions(LogicalName='{table}')/Attributes")
    return {each["LogicalName"]: each for each in answer.json()["value"]}


@pytest.fixture(scope="module")
async def vehicle(web: httpx.AsyncClient) -> str:
    """A table that a user has made; its logical name."""
    address = entity_id(await web.post("EntityDefinitions", json=entity("new_Vehicle")))
    assert "/EntityDefinitions(" in address
    return "new_vehicle"


async def test_a_new_table_takes_rows_at_once(web: httpx.AsyncClient, vehicle: str) -> None:
    definition = (await web.get(f"EntityDefinitions(LogicalName='{vehicle}')")).json()
    assert definition["SchemaName"] == "new_Vehicle"
    assert definition["EntitySetName"] == "new_vehicles"
    assert definition["PrimaryNameAttribute"] == "new_name"
    assert definition["DisplayCollectionName"]["UserLocalizedLabel"]["Label"] == "Vehicles"
    row = entity_id(await web.post("new_vehicles", json={"new_name": "Truck"}))
    shown = (await web.get(row)).json()
    assert (shown["new_name"], shown["statecode"], shown["statuscode"]) == ("Truck", 0, 1)
    assert shown["_ownerid_value"] and shown["_owningbusinessunit_value"] and shown["createdon"]
    assert b'Name="new_vehicle"' in (await web.get("$metadata")).content


COLUMNS: list[tuple[dict[str, object], object, object]] = [
    (attribute("String", "new_Plate", MaxLength=12), "ABC 123", "ABC 123"),
    (attribute("Memo", "new_Remarks", MaxLength=5000), "long\ntext", "long\ntext"),
    (attribute("Integer", "new_Seats"), 5, 5),
    (attribute("BigInt", "new_Serial"), 9_007_199_254_740_993, 9_007_199_254_740_993),
    (attribute("Decimal", "new_Weight", Precision=3), 1.2345, 1.234),
    (attribute("Double", "new_Ratio", Precision=5), 0.123456, 0.12346),
    (attribute("Money", "new_Price", Precision=4), 12.5, 12.5),
    (attribute("Boolean", "new_Electric"), True, True),
    (attribute("DateTime", "new_Built", Format="DateOnly", DateTimeBehavior={"Value": "DateOnly"}), "2024-02-29", None),
    (attribute("DateTime", "new_SeenOn", DateTimeBehavior={"Value": "UserLocal"}), "2024-02-29T10:00:00Z", None),
    (
        attribute("Picklist", "new_Fuel", OptionSet={"IsGlobal": False, "Options": [{"Label": label("Diesel")}]}),
        100_000_000,
        100_000_000,
    ),
]


@pytest.mark.parametrize(("body", "sent", "shown"), COLUMNS, ids=[str(body["SchemaName"]) for body, _, _ in COLUMNS])
async def test_every_kind_of_column_holds_its_values(
    web: httpx.AsyncClient, vehicle: str, body: dict[str, object], sent: object, shown: object
) -> None:
    address = entity_id(await web.post(f"EntityDefinitions(LogicalName='{vehicle}')/Attributes", json=body))
    name = str(body["SchemaName"])
    definition = (await web.get(address)).json()
    assert (definition["SchemaName"], definition["LogicalName"]) == (name, name.lower())
    row = entity_id(await web.post("new_vehicles", json={"new_name": name, name.lower(): sent}))
    assert (await web.get(row)).json()[name.lower()] == (sent if shown is None else shown)
    assert (await web.post(f"EntityDefinitions(LogicalName='{vehicle}')/Attributes", json=body)).status_code == 400


async def test_rows_that_were_there_are_empty_in_a_new_column(web: httpx.AsyncClient, vehicle: str) -> None:
    row = entity_id(await web.post("new_vehicles", json={"new_name": "before"}))
    before = (await web.get(row)).json()
    entity_id(
        await web.post(f"EntityDefinitions(LogicalName='{vehicle}')/Attributes", json=attribute("Integer", "new_Doors"))
    )
    after = (await web.get(row)).json()
    assert after.pop("new_doors") is None
    assert after == before


async def test_a_key_makes_rows_addressable_and_unique(web: httpx.AsyncClient) -> None:
    entity_id(await web.post("EntityDefinitions", json=entity("new_Garage")))
    key = {"SchemaName": "new_GarageKey", "DisplayName": label("Key"), "KeyAttributes": ["new_name"]}
    address = entity_id(await web.post("EntityDefinitions(LogicalName='new_garage')/Keys", json=key))
    (shown,) = (await web.get("EntityDefinitions(LogicalName='new_garage')/Keys")).json()["value"]
    assert (shown["SchemaName"], shown["KeyAttributes"]) == ("new_GarageKey", ["new_name"])
    assert shown["EntityKeyIndexStatus"] == "Active" and str(shown["MetadataId"]) in address
    assert (await web.patch("new_garages(new_name='North')", json={})).status_code == 204
    assert (await web.get("new_garages(new_name='north')")).json()["new_name"] == "North"
    assert (await web.post("new_garages", json={"new_name": "NORTH"})).status_code == 412
    assert (
        await web.delete(f"EntityDefinitions(LogicalName='new_garage')/Keys({shown['MetadataId']})")
    ).status_code == 204
    assert (await web.post("new_garages", json={"new_name": "NORTH"})).status_code == 204
    assert (await web.post("EntityDefinitions(LogicalName='new_garage')/Keys", json=key)).status_code == 400


async def test_a_relationship_makes_a_lookup(web: httpx.AsyncClient, vehicle: str) -> None:
    body = one_to_many("new_account_vehicle", "new_KeeperId", to="account", of=vehicle)
    address = entity_id(await web.post("RelationshipDefinitions", json=body))
    assert (await web.get(address)).json()["SchemaName"] == "new_account_vehicle"
    account = entity_id(await web.post("accounts", json={"name": "Keeper"}))
    row = entity_id(await web.post("new_vehicles", json={"new_name": "kept", "new_keeperid@odata.bind": account}))
    shown = (await web.get(f"{row}?$expand=new_keeperid($select=name)")).json()
    assert shown["new_keeperid"]["name"] == "Keeper"
    assert error(await web.delete(account)) == (400, "0x80040227")
    gone = await web.get("RelationshipDefinitions?$filter=SchemaName eq 'new_account_vehicle'")
    assert [each["ReferencingAttribute"] for each in gone.json()["value"]] == ["new_keeperid"]


async def test_a_lookup_to_companies_makes_a_table_company_specific(web: httpx.AsyncClient, house: House) -> None:
    entity_id(await web.post("EntityDefinitions", json=entity("new_Depot")))
    body = one_to_many("new_company_depot", "new_Company", to="cdm_company", of="new_depot")
    entity_id(await web.post("RelationshipDefinitions", json=body))
    assert house.dataverse.schema.table("new_depot").company_column == "new_company"


async def test_a_polymorphic_lookup(web: httpx.AsyncClient, vehicle: str) -> None:
    relationships = [
        {"SchemaName": f"new_vehicle_driver_{to}", "ReferencedEntity": to, "ReferencingEntity": vehicle}
        for to in ("contact", "systemuser")
    ]
    body = {"OneToManyRelationships": relationships, "Lookup": attribute("Lookup", "new_Driver")}
    answer = await web.post("CreatePolymorphicLookupAttribute", json=body)
    assert answer.status_code == 200 and len(answer.json()["RelationshipIds"]) == 2, answer.text
    contact = entity_id(await web.post("contacts", json={"lastname": "Miller"}))
    row = entity_id(
        await web.post("new_vehicles", json={"new_name": "driven", "new_driver_contact@odata.bind": contact})
    )
    assert (await web.get(row)).json()["_new_driver_value"] in contact


async def test_columns_get_wider_and_never_narrower(web: httpx.AsyncClient) -> None:
    entity_id(await web.post("EntityDefinitions", json=entity("new_Note")))
    column = "EntityDefinitions(LogicalName='new_note')/Attributes(LogicalName='new_name')"
    assert (await web.post("new_notes", json={"new_name": "x" * 101})).status_code == 400
    wider = attribute("String", "new_Name", MaxLength=400, DisplayName=label("Title"))
    assert (await web.put(column, json=wider, headers={"MSCRM.MergeLabels": "true"})).status_code == 204
    assert (await web.post("new_notes", json={"new_name": "x" * 400})).status_code == 204
    shown = (await web.get(column)).json()
    assert (shown["MaxLength"], shown["DisplayName"]["UserLocalizedLabel"]["Label"]) == (400, "Title")
    answer = await web.put(column, json={**wider, "MaxLength": 50})
    assert answer.status_code == 400 and "new_note.new_name" in answer.json()["error"]["message"]


async def test_choices_can_be_shared_and_get_more(web: httpx.AsyncClient) -> None:
    colours = {"IsGlobal": True, "Name": "new_colours", "Options": [{"Value": 1, "Label": label("Red")}]}
    shared = {"IsGlobal": True, "Name": "new_colours"}
    body = entity("new_Paint")
    assert isinstance(body["Attributes"], list)
    body["Attributes"] += [attribute("Picklist", "new_Outside", OptionSet=colours)]
    entity_id(await web.post("EntityDefinitions", json=body))
    entity_id(
        await web.post(
            "EntityDefinitions(LogicalName='new_paint')/Attributes",
            json=attribute("Picklist", "new_Inside", OptionSet=shared),
        )
    )
    more = {"OptionSetName": "new_colours", "Label": label("Blue"), "Value": 2}
    assert (await web.post("InsertOptionValue", json=more)).json()["NewOptionValue"] == 2
    row = {"new_name": "p", "new_inside": 2, "new_outside": 2}
    assert (await web.post("new_paints", json=row)).status_code == 204
    assert (await web.post("new_paints", json={**row, "new_inside": 3})).status_code == 400
    found = (await web.get("GlobalOptionSetDefinitions(Name='new_colours')")).json()
    assert [each["Value"] for each in found["Options"]] == [1, 2]


async def test_what_users_made_can_be_removed_and_nothing_else(web: httpx.AsyncClient) -> None:
    entity_id(await web.post("EntityDefinitions", json=entity("new_Gone")))
    entity_id(
        await web.post("RelationshipDefinitions", json=one_to_many("new_g_a", "new_Gone", to="new_gone", of="account"))
    )
    assert error(await web.delete("EntityDefinitions(LogicalName='new_gone')")) == (400, "0x8004F01F")
    column = "EntityDefinitions(LogicalName='account')/Attributes(LogicalName='new_gone')"
    assert (await web.delete(column, headers={"If-Match": "*"})).status_code == 204
    assert "new_gone" not in await attributes(web, "account")
    assert (await web.delete("EntityDefinitions(LogicalName='new_gone')")).status_code == 204
    assert (await web.get("new_gones")).status_code == 404
    for fixed in ("EntityDefinitions(LogicalName='account')", column.replace("new_gone", "name")):
        assert error(await web.delete(fixed)) == (400, "0x8004F01F")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (entity("Vehicle2"), "customization prefix"),
        (entity("new_Vehicle"), "already exists"),
        (entity("new_NoName", Attributes=[]), "primary name"),
        (entity("new_Odd", Attributes=[attribute("File", "new_File", IsPrimaryName=True)]), "File"),
    ],
)
async def test_what_cannot_be_a_table_is_refused(
    web: httpx.AsyncClient, vehicle: str, body: dict[str, object], words: str
) -> None:
    answer = await web.post("EntityDefinitions", json=body)
    assert answer.status_code == 400 and words in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (attribute("Lookup", "new_X"), "RelationshipDefinitions"),
        (attribute("Uniqueidentifier", "new_X"), "Uniqueidentifier"),
        (attribute("String", "X"), "customization prefix"),
        (attribute("String", "new_X", MaxLength=0), "MaxLength"),
        (attribute("Decimal", "new_X", Precision=11), "Precision"),
        (attribute("Picklist", "new_X"), "OptionSet"),
        ({"SchemaName": "new_X"}, "@odata.type"),
    ],
)
async def test_what_cannot_be_a_column_is_refused(
    web: httpx.AsyncClient, vehicle: str, body: dict[str, object], words: str
) -> None:
    answer = await web.post(f"EntityDefinitions(LogicalName='{vehicle}')/Attributes", json=body)
    assert answer.status_code == 400 and words in answer.json()["error"]["message"]


async def test_only_customizers_and_administrators_may(
    dataverse: Callable[..., httpx.AsyncClient], web: httpx.AsyncClient
) -> None:
    for role, status in (("reader", 403), ("dual-write runtime user", 403), ("system-customizer", 204)):
        client = dataverse(role.replace(" ", "-"))
        name = f"new_By{role.replace(' ', '').replace('-', '')}"
        assert (await client.post("EntityDefinitions", json=entity(name))).status_code == status
    assert (await web.get("new_byreaders")).status_code == 404


async def test_several_tables_at_once(web: httpx.AsyncClient) -> None:
    created = await web.post("CreateEntities", json={"Entities": [entity("new_One"), entity("new_Box")]})
    assert created.status_code == 200 and len(created.json()["EntityIds"]) == 2
    for name in ("new_ones", "new_boxes"):
        assert (await web.post(name, json={"new_name": "1"})).status_code == 204


async def test_a_table_made_in_a_batch_is_there_for_the_next_request(web: httpx.AsyncClient) -> None:
    def part(path: str, body: object) -> str:
        head = "--b\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
        return f"{head}POST {path} HTTP/1.1\r\nContent-Type: application/json\r\n\r\n{json.dumps(body)}\r\n"

    parts = part("EntityDefinitions", entity("new_Batched")) + part("new_batcheds", {"new_name": "1"})
    headers = {"Content-Type": "multipart/mixed; boundary=b"}
    answer = await web.post("$batch", content=f"{parts}--b--\r\n", headers=headers)
    assert answer.status_code == 200 and answer.text.count("HTTP/1.1 204") == 2, answer.text
    assert len((await web.get("new_batcheds")).json()["value"]) == 1


async def test_other_processes_notice(web: httpx.AsyncClient, beside: House, house: House) -> None:
    entity_id(await web.post("EntityDefinitions", json=entity("new_Seen")))
    assert (await beside.dataverse.current_schema()).find("new_seen") is not None
    assert (await web.get("cdm_veteranstatuses")).status_code == 404
    await beside.tables.ensure(["VeteranStatusEntity"], ["cdm_veteranstatus"])
    assert (await web.get("cdm_veteranstatuses")).status_code == 200
