"""Alert settings and the link over the API."""

from __future__ import annotations

from urllib.parse import quote

from admin_room import GROUPS, Client

ALERT = "/alerts/" + quote("Groups fail")
ASKED = {
    "error_types": ["application"],
    "threshold": 3,
    "window": {"number": 5, "unit": "minutes"},
    "maps": [GROUPS],
    "action": "pause",
    "recipients": ["ops@example.com"],
}


async def test_a_setting_is_made_tried_changed_and_removed(client: Client) -> None:
    made = await client.call("PUT", ALERT, ASKED)
    assert made.status_code == 200, made.text
    shown = await client.get(ALERT)
    assert shown == made.json()
    assert (shown["name"], shown["window"], shown["changed_by"]) == ("Groups fail", ASKED["window"], "administrator")
    (told,) = await client.post(f"{ALERT}/test")
    assert (told["shown"], told["outcome"]) == ("ops@example.com", "sent")
    assert (await client.call("PUT", ALERT, {**ASKED, "enabled": False})).json()["enabled"] is False
    assert [each["name"] for each in await client.get("/alerts")] == ["Groups fail"]
    assert (await client.call("DELETE", ALERT)).json() == {"name": "Groups fail"}
    assert (await client.get(ALERT, code=404))["details"] == {"name": "Groups fail"}
    assert (await client.get("/alert-events"))["items"] == []


async def test_a_setting_that_cannot_work_is_refused_with_all_that_is_wrong(client: Client) -> None:
    wrong = await client.call("PUT", ALERT, {**ASKED, "maps": ["Nobody"], "recipients": ["nobody"]})
    assert wrong.status_code == 422
    assert len(wrong.json()["details"]["problems"]) == 2
    reader = Client(client.http, "customizer")
    assert (await reader.call("PUT", ALERT, ASKED)).status_code == 403


async def test_legal_entities_take_part_and_leave(client: Client) -> None:
    there = (await client.get("/legal-entities"))["items"]
    assert {each["legal_entity"]: each["linked"] for each in there} == {"demf": True, "usmf": True, "usrt": False}
    added = await client.post("/legal-entities/actions/add", {"legal_entities": ["usrt"]})
    assert added == {"added": ["usrt"], "operation": None, "awaiting": []}
    assert [each["legal_entity"] for each in (await client.get("/legal-entities?linked=true"))["items"]][-1] == "usrt"
    removed = await client.post("/legal-entities/actions/remove", {"legal_entities": ["usrt"]})
    assert removed == {"removed": ["usrt"]}
    connection = await client.get("/connection")
    assert [each["legal_entity"] for each in connection["companies"]] == ["demf", "usmf"]


async def test_the_health_of_the_link_says_what_was_looked_at(client: Client) -> None:
    health = await client.get("/link/health")
    assert {"code", "title", "severity", "message", "remedy"} == set(health["checks"][0])
    await client.post("/maps/actions/run-without-initial-sync", {"maps": [GROUPS]})
    refused = await client.post("/link/reset", {}, code=409)
    assert refused["details"]["maps"] == [GROUPS]
    done = await client.post("/link/reset", {"forced": True})
    assert done["found"]["maps"] == [GROUPS]
    assert (await client.get("/status"))["maps"][0]["state"] == "not running"
