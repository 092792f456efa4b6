"""Errors over the API: looked at, retried, dismissed and downloaded."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from admin_room import GROUPS, AdminRoom, Client

from dualwrite.environments.port import Create, Operation
from dualwrite.maps.values import Direction
from dualwrite.servers.admin.operations.error_retries import ErrorRetries
from dualwrite.store.operations import OperationId
from dualwrite.store.sync_errors import Category, FailedRecord, FailureKind


@pytest.fixture
async def failed(client: Client, room: AdminRoom) -> list[int]:
    """Three groups that are in finance and operations and could not be carried over; the numbers of the errors."""
    table = "CustCustomerGroupEntity"
    numbers = ("80", "81", "82")
    for number in numbers:
        await room.finops(
            Create(table, {"dataAreaId": "usmf", "CustomerGroupId": number, "Description": f"Group {number}"})
        )
    await client.post("/maps/actions/run-without-initial-sync", {"maps": [GROUPS]})
    rows = {
        row["CustomerGroupId"]: row for row in await room.linked.rows("finops", table) if row["dataAreaId"] == "usmf"
    }
    await room.store.sync_errors.add("main", [error(number, str(rows[number]["RecId"])) for number in numbers])
    return sorted(each["id"] for each in (await client.get("/errors"))["items"])


def error(number: str, record_id: str) -> FailedRecord:
    return FailedRecord(
        change=uuid4(),
        number=0,
        kind=FailureKind.CATCH_UP,
        category=Category.APPLICATION,
        map=GROUPS,
        direction=Direction.TO_DATAVERSE,
        legal_entity="usmf",
        operation=Operation.CREATE,
        record_id=record_id,
        record=number,
        column="",
        code="DW0500",
        reason=f"{number}: the bridge was up.",
        cause="the bridge was up.",
        row={"CustomerGroupId": number, "dataAreaId": "usmf"},
    )


async def groups(room: AdminRoom) -> set[object]:
    return {row["msdyn_groupid"] for row in await room.linked.rows("dataverse", "msdyn_customergroup")}


async def test_errors_are_listed_grouped_shown_and_downloaded(client: Client, failed: list[int]) -> None:
    first = await client.get("/errors?limit=2&state=open")
    rest = await client.get(first["next"].removeprefix("/api/v1"))
    assert [each["id"] for each in (*first["items"], *rest["items"])] == sorted(failed, reverse=True)
    (group,) = await client.get("/errors/groups")
    assert (group["errors"], group["fields"]["cause"]) == (3, "the bridge was up.")
    assert (await client.get(f"/errors/{failed[0]}"))["row"] == {"CustomerGroupId": "80", "dataAreaId": "usmf"}
    file = await client.call("GET", "/errors.csv?record=81")
    assert file.headers["content-type"].startswith("text/csv")
    assert len(file.text.splitlines()) == 2
    assert (await client.get("/errors/999999", code=404))["code"] == "DW0402"


async def test_chosen_errors_are_retried_and_dismissed(client: Client, room: AdminRoom, failed: list[int]) -> None:
    report = await client.post("/errors/actions/retry", {"errors": failed[:1]})
    assert report["total"] == {"completed": 1, "stale": 0, "refused": 0}
    assert "80" in await groups(room)
    again = await client.post("/errors/actions/retry", {"errors": failed[:1]}, code=409)
    assert again["details"]["state"] == "completed"
    assert await client.post("/errors/actions/dismiss", {"errors": failed[1:2]}) == {"dismissed": 1}
    assert await client.post("/errors/actions/dismiss-all", {"map": GROUPS}) == {"dismissed": 1}
    assert "81" not in await groups(room)


async def test_a_retry_of_all_is_an_operation(client: Client, room: AdminRoom, failed: list[int]) -> None:
    begun = await client.post("/errors/actions/retry-all", {"map": GROUPS}, code=202)
    events = await client.call("GET", f"/operations/{begun['id']}/events")
    assert "event: ended" in events.text
    operation = await client.get(f"/operations/{begun['id']}")
    assert (operation["kind"], operation["state"]) == ("error-retry", "succeeded")
    assert (operation["progress"]["done"], operation["result"]["completed"]) == (3, 3)
    assert {"80", "81", "82"} <= await groups(room)


async def test_a_retry_whose_process_has_died_has_failed(client: Client, room: AdminRoom) -> None:
    started = await room.store.operations.start("main", "error-retry", started_by="tests")
    running = await client.get(f"/operations/error-retry.{started}")
    assert running["state"] == "running"
    async with room.store._transactions.begin() as connection:
        await connection.exec_driver_sql("UPDATE operation SET alive_at = alive_at - interval '1 minute'")
    found = await ErrorRetries(room.store.operations, "main").find(str(OperationId(UUID(str(started)))))
    assert found is not None and found.problem is not None
    assert (found.state.value, "ask for the rest again" in found.problem.detail) == ("failed", True)
