"""Operations: polled, listed and streamed, whatever they stand for; and what waits while maps are paused."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import quote

from admin_room import GROUPS, AdminRoom, Client

from dualwrite.environments.port import Create
from dualwrite.servers.admin.operations.models import Operation, OperationKind, OperationProgress, OperationState
from dualwrite.servers.admin.operations.stream import HEARTBEAT_S, EventStream, event_id


def group(number: str) -> Create:
    return Create(
        "CustCustomerGroupEntity", {"dataAreaId": "usmf", "CustomerGroupId": number, "Description": f"Group {number}"}
    )


async def test_what_is_saved_while_a_map_is_paused_waits_and_is_caught_up(client: Client, room: AdminRoom) -> None:
    await client.post("/maps/actions/run", {"maps": [GROUPS]}, code=202)
    paused = await client.post("/maps/actions/pause", {"maps": [GROUPS]})
    assert paused["maps"][0]["state"] == "paused"
    await room.finops(group("70"))
    await room.finops(group("71"))
    (count,) = await client.get("/queue/counts")
    assert (count["map"], count["transactions"], count["records"]) == (GROUPS, 2, 2)
    first = await client.get("/queue/finops?limit=1")
    second = await client.get(first["next"].removeprefix("/api/v1"))
    records = [*first["items"], *second["items"]]
    assert [each["row"]["CustomerGroupId"] for each in records] == ["70", "71"]
    assert second["next"] is None
    assert (await client.get("/queue/finops?key=71"))["items"] == second["items"]

    resumed = await client.post("/maps/actions/resume", {"maps": [GROUPS]}, code=202)
    operation = await client.get(f"/operations/{resumed['id']}")
    assert (operation["state"], operation["stage"], operation["result"]["applied"]) == ("succeeded", "completed", 2)
    assert (await client.get(operation["subject"].removeprefix("/api/v1")))["maps"] == [GROUPS]
    assert (await client.get(f"/maps/{quote(GROUPS)}"))["state"] == "running"
    assert "70" in {row["msdyn_groupid"] for row in await room.linked.rows("dataverse", "msdyn_customergroup")}
    again = await client.post("/maps/actions/resume", {"maps": [GROUPS]}, code=409)
    assert again["details"]["state"] == "running"


async def test_operations_of_every_kind_are_listed_latest_first(client: Client) -> None:
    first = await client.post("/maps/actions/run", {"maps": [GROUPS]}, code=202)
    await client.post("/maps/actions/pause", {"maps": [GROUPS]})
    second = await client.post("/maps/actions/resume", {"maps": [GROUPS]}, code=202)
    third = await client.post(first["subject"].removeprefix("/api/v1") + "/rerun", {"rows": "all"}, code=202)
    ids = [third["id"], second["id"], first["id"]]
    assert [each["id"] for each in (await client.get("/operations"))["items"]] == ids
    page = await client.get("/operations?limit=2")
    rest = await client.get(page["next"].removeprefix("/api/v1"))
    assert [each["id"] for each in (*page["items"], *rest["items"])] == ids
    only = await client.get("/operations?kind=catch-up")
    assert [each["id"] for each in only["items"]] == [second["id"]]


async def test_a_stream_ends_with_how_it_ended_and_nothing_follows(client: Client) -> None:
    started = await client.post("/maps/actions/run", {"maps": [GROUPS]}, code=202)
    path = f"/operations/{started['id']}/events"
    answer = await client.call("GET", path)
    assert answer.headers["content-type"].startswith("text/event-stream")
    lines = dict(line.split(": ", 1) for line in answer.text.strip().splitlines())
    assert lines["event"] == "ended"
    assert json.loads(lines["data"])["state"] == "succeeded"
    assert (await client.call("GET", path, headers={"Last-Event-ID": lines["id"]})).status_code == 204
    assert (await client.call("GET", "/operations/initial-sync.none/events")).status_code == 404


# --- the stream by itself ---------------------------------------------------------------------------------------------

RUNNING = Operation(
    id="initial-sync.1",
    kind=OperationKind.INITIAL_SYNC,
    state=OperationState.RUNNING,
    stage="running",
    subject="/api/v1/initial-syncs/1",
    started_by="tests",
    started_at=datetime(2026, 1, 1, tzinfo=UTC),
    finished_at=None,
    progress=OperationProgress(done=0, total=9, unit="rows"),
    result=None,
    problem=None,
)
FURTHER = RUNNING.model_copy(update={"progress": OperationProgress(done=5, total=9, unit="rows")})
ENDED = RUNNING.model_copy(update={"state": OperationState.SUCCEEDED, "stage": "completed"})


async def read(stream: EventStream) -> list[str]:
    events: AsyncIterator[bytes] = stream.events()
    return [each.decode().splitlines()[0] async for each in events]


def looking(*told: Operation) -> EventStream:
    left = list(told)

    async def look() -> Operation:
        return left.pop(0)

    async def no_time(seconds: float) -> None:
        """Time passes at once."""

    return EventStream(look, asyncio.Event(), pause=no_time)


async def test_only_what_has_moved_is_told() -> None:
    assert await read(looking(RUNNING, RUNNING, FURTHER, ENDED)) == [
        "event: progress",
        "event: progress",
        "event: ended",
    ]


async def test_whoever_comes_back_gets_what_they_have_not_seen() -> None:
    stream = replace(looking(FURTHER, FURTHER, ENDED), last_id=event_id(FURTHER))
    assert await read(stream) == ["event: ended"]


async def test_a_silent_stream_has_a_heartbeat() -> None:
    looks = int(HEARTBEAT_S * 2) + 2
    assert await read(looking(*[RUNNING] * looks, ENDED)) == ["event: progress", ": heartbeat", "event: ended"]


async def test_a_stream_ends_when_the_program_does() -> None:
    stream = looking(RUNNING)
    stream.closing.set()
    assert await read(stream) == []
