"""``$batch`` on the finance and operations service: change sets are all or nothing, each part gets its answer."""

from __future__ import annotations

import json
from email import message_from_bytes
from email.policy import HTTP
from typing import NamedTuple

import httpx
import pytest

GROUPS = "/data/CustomerGroups"


class Part(NamedTuple):
    status: int
    content_id: str | None
    body: str


def operation(method: str, url: str, body: object = None, *, content_id: str | None = None, headers: str = "") -> str:
    head = "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n"
    head += f"Content-ID: {content_id}\r\n" if content_id else ""
    inner = f"{method} {url} HTTP/1.1\r\nContent-Type: application/json\r\n{headers}\r\n"
    return f"{head}\r\n{inner}{json.dumps(body) if body is not None else ''}\r\n"


def change_set(*operations: str, boundary: str = "changeset_1") -> str:
    inner = "".join(f"--{boundary}\r\n{one}" for one in operations)
    return f"Content-Type: multipart/mixed; boundary={boundary}\r\n\r\n{inner}--{boundary}--\r\n"


async def send(client: httpx.AsyncClient, *parts: str, prefer: str = "") -> httpx.Response:
    body = "".join(f"--batch_1\r\n{part}" for part in parts) + "--batch_1--\r\n"
    headers = {"Content-Type": 'multipart/mixed; boundary="batch_1"', "Prefer": prefer}
    return await client.post("/data/$batch", content=body.encode(), headers=headers)


def parts_of(response: httpx.Response) -> list[list[Part]]:
    """The answers; a change set's stand together, a single one alone."""
    content_type = response.headers["Content-Type"]
    assert content_type.startswith("multipart/mixed; boundary=batchresponse_")
    message = message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode() + response.content, policy=HTTP)
    answers = []
    for part in message.iter_parts():
        inner = list(part.iter_parts()) if part.is_multipart() else [part]
        answers.append([_part(one.get_payload(decode=True), one["Content-ID"]) for one in inner])
    return answers


def _part(raw: bytes, content_id: str | None) -> Part:
    head, _, body = raw.decode().replace("\r\n", "\n").partition("\n\n")
    return Part(int(head.split(" ")[1]), content_id, body.strip())


async def numbers(client: httpx.AsyncClient) -> list[str]:
    rows = (await client.get(f"{GROUPS}?$orderby=CustomerGroupId")).json()["value"]
    return [row["CustomerGroupId"] for row in rows]


async def test_a_change_set_takes_effect_as_one_and_echoes_content_ids(client: httpx.AsyncClient) -> None:
    response = await send(
        client,
        change_set(
            operation("POST", "http://anyhost/data/CustomerGroups", {"CustomerGroupId": "1"}, content_id="a1"),
            operation("POST", "/data/CustomerGroups", {"CustomerGroupId": "2"}, content_id="2"),
            operation("PATCH", "$2", {"Description": "by reference"}, content_id="3"),
        ),
        operation("GET", "CustomerGroups?$filter=CustomerGroupId eq '2'"),
    )
    assert response.status_code == 200
    (first, second, third), (read,) = parts_of(response)
    assert [(part.status, part.content_id) for part in (first, second, third)] == [(201, "a1"), (201, "2"), (204, "3")]
    assert json.loads(read.body)["value"][0]["Description"] == "by reference"


async def test_a_change_set_that_fails_in_the_middle_leaves_nothing_and_has_one_answer(
    client: httpx.AsyncClient,
) -> None:
    await client.post(GROUPS, json={"CustomerGroupId": "taken"})
    response = await send(
        client,
        change_set(
            operation("POST", "CustomerGroups", {"CustomerGroupId": "1"}, content_id="1"),
            operation("POST", "CustomerGroups", {"CustomerGroupId": "TAKEN"}, content_id="2"),
            operation("POST", "CustomerGroups", {"CustomerGroupId": "3"}, content_id="3"),
        ),
    )
    ((failure,),) = parts_of(response)
    assert (failure.status, failure.content_id) == (400, "2")
    assert "already exists" in json.loads(failure.body)["error"]["innererror"]["message"]
    assert await numbers(client) == ["taken"]


@pytest.mark.parametrize(
    "bad",
    [
        operation("POST", "CustomerGroups", {"Nope": "1"}, content_id="2"),
        operation("POST", "Nowhere", {"CustomerGroupId": "2"}, content_id="2"),
        operation("PATCH", "$9", {"Description": "x"}, content_id="2"),
        operation("PUT", "CustomerGroups(dataAreaId='usmf',CustomerGroupId='1')", {}, content_id="2"),
        operation("PATCH", "CustomerGroups('1'", {}, content_id="2"),
        operation("PATCH", "CustomerGroups(dataAreaId='usrt',CustomerGroupId='1')", {}, content_id="2"),
        operation("DELETE", "http://[/data/CustomerGroups", content_id="2"),
        operation("POST", "CustomerGroups", [1], content_id="2"),
    ],
)
async def test_a_part_that_makes_no_sense_undoes_its_change_set(client: httpx.AsyncClient, bad: str) -> None:
    good = operation("POST", "CustomerGroups", {"CustomerGroupId": "1"}, content_id="1")
    ((failure,),) = parts_of(await send(client, change_set(good, bad)))
    assert (400 <= failure.status < 500, failure.content_id) == (True, "2")
    assert json.loads(failure.body)["error"]["innererror"]["message"]
    assert await numbers(client) == []


async def test_processing_stops_at_a_failure_unless_it_is_to_go_on(client: httpx.AsyncClient) -> None:
    parts = (
        operation("GET", "CustomerGroups(dataAreaId='usmf',CustomerGroupId='none')"),
        operation("POST", "CustomerGroups", {"CustomerGroupId": "1"}),
    )
    stopped = parts_of(await send(client, *parts))
    assert [[part.status for part in answer] for answer in stopped] == [[404]]
    assert await numbers(client) == []

    went_on = parts_of(await send(client, *parts, prefer="odata.continue-on-error"))
    assert [[part.status for part in answer] for answer in went_on] == [[404], [201]]
    assert await numbers(client) == ["1"]


async def test_conditions_hold_within_a_batch(client: httpx.AsyncClient) -> None:
    etag = (await client.post(GROUPS, json={"CustomerGroupId": "1"})).json()["@odata.etag"]
    address = "CustomerGroups(dataAreaId='usmf',CustomerGroupId='1')"
    first = operation("PATCH", address, {"Description": "x"}, headers=f"If-Match: {etag}\r\n")
    second = operation("PATCH", address, {"Description": "y"}, headers=f"If-Match: {etag}\r\n")
    answers = parts_of(await send(client, change_set(first), change_set(second)))
    assert [[part.status for part in answer] for answer in answers] == [[204], [412]]


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b"{}"),
        ("multipart/mixed", b"--b--"),
        ("multipart/mixed; boundary=b", b""),
        (
            "multipart/mixed; boundary=b",
            b"--b\r\nContent-Type: application/http\r\n\r\nGET CustomerGroups HTTP/1.1\r\n",
        ),
        ("multipart/mixed; boundary=b", b"--b\r\nContent-Type: application/http\r\n\r\n\r\n--b--"),
        ("multipart/mixed; boundary=b", b"--b\r\nContent-Type: text/plain\r\n\r\nGET x HTTP/1.1\r\n--b--"),
        ("multipart/mixed; boundary=b", b"--b\r\nrubbish\r\n\r\nGET x HTTP/1.1\r\n--b--"),
        ("multipart/mixed; boundary=b", b"--b\r\nContent-Type: application/http\r\n\r\nGET \xff HTTP/1.1\r\n--b--"),
        ("multipart/mixed; boundary=b", b"--b\r\nContent-Type: multipart/mixed\r\n\r\n--c--\r\n--b--"),
    ],
)
async def test_a_batch_that_cannot_be_read_is_refused_as_a_whole(
    client: httpx.AsyncClient, content_type: str, body: bytes
) -> None:
    refused = await client.post("/data/$batch", content=body, headers={"Content-Type": content_type})
    assert refused.status_code in (400, 415)
    assert refused.json()["error"]["innererror"]["message"]


async def test_a_batch_within_a_batch_is_refused(client: httpx.AsyncClient) -> None:
    ((failure,),) = parts_of(await send(client, operation("POST", "/data/$batch")))
    assert failure.status == 400
