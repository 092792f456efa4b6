"""Maps over the API: listed, shown, run and stopped, each action by whoever may."""

from __future__ import annotations

from urllib.parse import quote

from admin_room import CUSTOMERS, GROUPS, AdminRoom, Client

GROUPS_PATH = f"/maps/{quote(GROUPS)}"


async def test_maps_are_listed_in_pages_that_follow_each_other(client: Client) -> None:
    whole = await client.get("/maps")
    assert whole["next"] is None
    names = [each["name"] for each in whole["items"]]
    assert GROUPS in names
    paged, path = list[str](), "/maps?limit=2"
    while path:
        page = await client.get(path)
        assert len(page["items"]) <= 2
        paged += [each["name"] for each in page["items"]]
        path = (page["next"] or "").removeprefix("/api/v1")
    assert paged == names


async def test_a_map_that_runs_is_an_operation_first(client: Client, room: AdminRoom) -> None:
    asked = {"maps": [GROUPS], "master": "finops"}
    answer = await client.call("POST", "/maps/actions/run", asked)
    assert answer.status_code == 202
    operation = await client.get(answer.headers["location"].removeprefix("/api/v1"))
    assert (operation["state"], operation["stage"]) == ("succeeded", "completed")
    assert operation["result"]["read"] == operation["progress"]["total"] > 0
    run = await client.get(operation["subject"].removeprefix("/api/v1"))
    assert [each["map"] for each in run["maps"]] == [GROUPS]
    shown = await client.get(GROUPS_PATH)
    assert (shown["state"], shown["active"], shown["can_run"]) == ("running", True, True)
    stopped = await client.post("/maps/actions/stop", {"maps": [GROUPS]})
    assert stopped["maps"] == [{"name": GROUPS, "version": shown["version"], "state": "not running"}]
    log = await client.get(f"/activities?map={quote(GROUPS)}")
    assert [(each["what"], each["who"]) for each in log["items"]][:1] == [("stop", "administrator")]


async def test_maps_run_at_once_without_an_initial_sync(client: Client) -> None:
    told = await client.post("/maps/actions/run-without-initial-sync", {"maps": [GROUPS]})
    assert [each["state"] for each in told["maps"]] == ["running"]
    again = await client.post(f"{GROUPS_PATH}/activate", {"version": told["maps"][0]["version"]})
    assert again["state"] == "running"


async def test_related_maps_are_offered_in_order(client: Client) -> None:
    order = await client.get(f"/maps/order?map={quote(CUSTOMERS)}&action=run")
    assert order[-1] == {"name": CUSTOMERS, "state": "not running", "relation": "chosen", "allowed": True}
    assert {"name": GROUPS, "state": "not running", "relation": "related", "allowed": True} in order


async def test_what_is_not_there_is_404_and_what_is_not_allowed_409(client: Client) -> None:
    unknown = await client.call("GET", "/maps/Nobody")
    assert unknown.status_code == 404
    assert unknown.headers["content-type"] == "application/problem+json"
    problem = unknown.json()
    assert (problem["status"], problem["code"], problem["details"]) == (404, "DW0402", {"map": "Nobody"})
    stopped = await client.post("/maps/actions/stop", {"maps": [GROUPS]}, code=409)
    assert stopped["details"]["state"] == "not running"
    assert "running" in stopped["details"]["allowed"]
    wrong = await client.post("/maps/actions/stop", {"maps": GROUPS}, code=422)
    assert wrong["details"]["problems"][0]["path"] == "body.maps"
    assert (await client.get("/nothing", code=404))["code"] == "DW0402"


async def test_readers_look_and_customizers_change(client: Client) -> None:
    reader, customizer, user = (Client(client.http, role) for role in ("reader", "customizer", "runtime"))
    assert (await reader.get("/status"))["connection"] == "main"
    refused = await reader.post("/maps/actions/stop", {"maps": [GROUPS]}, code=403)
    assert refused["details"]["roles"] == ["system customizer", "system administrator"]
    assert (await customizer.post("/maps/actions/stop", {"maps": [GROUPS]}, code=409))["status"] == 409
    assert (await user.call("GET", "/status")).status_code == 403
    nobody = await Client(client.http, "nobody").call("GET", "/status")
    assert (nobody.status_code, nobody.headers["www-authenticate"]) == (401, "Bearer")


# --- asking twice -----------------------------------------------------------------------------------------------------


async def test_an_action_under_a_key_is_carried_out_once(client: Client) -> None:
    asked = {"maps": [GROUPS]}
    first = await client.call("POST", "/maps/actions/run", asked, headers={"Idempotency-Key": "k-1"})
    again = await client.call("POST", "/maps/actions/run", asked, headers={"Idempotency-Key": "k-1"})
    assert first.status_code == again.status_code == 202
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["location"] == first.headers["location"]
    assert again.json() == first.json()
    assert len((await client.get("/initial-syncs"))["items"]) == 1
    other = await client.call("POST", "/maps/actions/run", {"maps": [CUSTOMERS]}, headers={"Idempotency-Key": "k-1"})
    assert other.status_code == 422
    mine = await Client(client.http, "customizer").call(
        "POST", "/maps/actions/stop", {"maps": [GROUPS]}, headers={"Idempotency-Key": "k-1"}
    )
    assert mine.status_code == 200


async def test_a_refused_action_may_be_asked_for_again_under_its_key(client: Client) -> None:
    asked, key = {"maps": [GROUPS]}, {"Idempotency-Key": "k-2"}
    assert (await client.call("POST", "/maps/actions/stop", asked, headers=key)).status_code == 409
    await client.post("/maps/actions/run-without-initial-sync", {"maps": [GROUPS]})
    assert (await client.call("POST", "/maps/actions/stop", asked, headers=key)).status_code == 200


async def test_a_request_that_is_being_carried_out_is_not_carried_out_beside_itself(
    client: Client, room: AdminRoom
) -> None:
    seen: list[int] = []

    async def meanwhile(run: object, number: int) -> None:
        answer = await client.call("POST", "/maps/actions/run", {"maps": [GROUPS]}, headers={"Idempotency-Key": "k-3"})
        seen.append(answer.status_code)

    room.conductor.before = meanwhile
    first = await client.call("POST", "/maps/actions/run", {"maps": [GROUPS]}, headers={"Idempotency-Key": "k-3"})
    assert first.status_code == 202
    assert set(seen) == {409}


async def test_a_key_that_cannot_be_one_is_refused(client: Client) -> None:
    refused = await client.call("POST", "/maps/actions/stop", {"maps": [GROUPS]}, headers={"Idempotency-Key": "a b"})
    assert refused.status_code == 422
