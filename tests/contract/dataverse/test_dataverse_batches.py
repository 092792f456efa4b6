"""``$batch``: change sets as transactions, references between their requests, failures."""

from __future__ import annotations

import re
from uuid import uuid4

import httpx
import pytest
from dataverse_rows import Made, error_of

MIXED = "multipart/mixed; boundary=batch_1"


def part(request: str, body: str = "", *, content_id: str = "", headers: str = "") -> str:
    head = f"Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n{content_id}\r\n"
    typed = "Content-Type: application/json; type=entry\r\n" if body else ""
    return f"{head}{request} HTTP/1.1\r\n{typed}{headers}\r\n{body}"


def change_set(*requests: str, boundary: str = "changeset_1") -> str:
    inner = "".join(f"--{boundary}\r\n{request}\r\n" for request in requests)
    return f'Content-Type: multipart/mixed; boundary="{boundary}"\r\n\r\n{inner}--{boundary}--\r\n'


def batch(*parts: str) -> bytes:
    return ("".join(f"--batch_1\r\n{item}\r\n" for item in parts) + "--batch_1--\r\n").encode()


def numbered(number: int, request: str, body: str = "", headers: str = "") -> str:
    return part(request, body, content_id=f"Content-ID: {number}\r\n", headers=headers)


async def send(client: httpx.AsyncClient, *parts: str, prefer: str = "") -> httpx.Response:
    headers = {"Content-Type": MIXED} | ({"Prefer": prefer} if prefer else {})
    return await client.post("$batch", content=batch(*parts), headers=headers)


def statuses(answer: httpx.Response) -> list[int]:
    return [int(status) for status in re.findall(r"^HTTP/1.1 (\d{3})", answer.text, re.MULTILINE)]


async def test_requests_are_answered_in_order(client: httpx.AsyncClient, made: Made) -> None:
    account = await made.account(name="first")
    answer = await send(
        client,
        part(f"GET /api/data/v9.2/accounts({account})?$select=name"),
        part(f"PATCH {client.base_url}accounts({account})", '{"name": "second"}'),
        part(f"GET accounts({account})/name/$value"),
    )
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("multipart/mixed; boundary=batchresponse_")
    assert answer.text.startswith("--batchresponse_")
    assert statuses(answer) == [200, 204, 200]
    assert "second" in answer.text


async def test_requests_of_a_change_set_refer_to_each_other(client: httpx.AsyncClient) -> None:
    answer = await send(
        client,
        change_set(
            numbered(1, "POST contacts", '{"lastname": "Lee"}'),
            numbered(2, "POST accounts", '{"name": "first", "primarycontactid@odata.bind": "$1"}'),
            numbered(3, "PATCH $2", '{"telephone1": "555"}', "If-Match: *\r\n"),
            numbered(4, "PUT $2/fax", '{"value": "556"}'),
        ),
    )
    assert answer.status_code == 200, answer.text
    assert statuses(answer) == [204, 204, 204, 204]
    assert "--changesetresponse_" in answer.text
    assert re.findall(r"^Content-ID: (\d)", answer.text, re.MULTILINE) == ["1", "2", "3", "4"]
    row = (await client.get("accounts?$expand=primarycontactid($select=lastname)")).json()["value"][0]
    assert (row["telephone1"], row["fax"], row["primarycontactid"]["lastname"]) == ("555", "556", "Lee")


async def test_a_failed_change_set_leaves_nothing(client: httpx.AsyncClient, made: Made) -> None:
    answer = await send(
        client,
        change_set(
            numbered(1, "POST accounts", '{"name": "first"}'),
            numbered(2, f"PATCH accounts({uuid4()})", '{"name": "x"}', "If-Match: *\r\n"),
        ),
        part("GET accounts"),
    )
    assert answer.status_code == 400
    assert statuses(answer) == [404]
    assert "Content-ID: 2" in answer.text
    assert "0x80040217" in answer.text
    assert "REQ_ID" in answer.text
    assert (await client.get("accounts")).json()["value"] == []


async def test_a_malformed_request_fails_its_change_set(client: httpx.AsyncClient) -> None:
    for bad in ('{"nonsense": 1}', "{", '{"primarycontactid@odata.bind": "$9"}'):
        answer = await send(
            client, change_set(numbered(1, "POST accounts", '{"name": "a"}'), numbered(2, "POST accounts", bad))
        )
        assert (answer.status_code, statuses(answer)) == (400, [400])
    assert (await client.get("accounts")).json()["value"] == []


async def test_a_caller_may_want_to_go_on_after_a_failure(client: httpx.AsyncClient) -> None:
    parts = [
        part("POST accounts", '{"nonsense": 1}'),
        change_set(numbered(1, "POST accounts", '{"nonsense": 1}')),
        part("POST accounts", '{"name": "first"}'),
    ]
    stopped = await send(client, *parts)
    assert (stopped.status_code, statuses(stopped)) == (400, [400])
    answer = await send(client, *parts, prefer="odata.continue-on-error")
    assert (answer.status_code, statuses(answer)) == (200, [400, 400, 204])
    assert len((await client.get("accounts")).json()["value"]) == 1


async def test_a_change_set_is_told_back_as_asked(client: httpx.AsyncClient) -> None:
    request = numbered(1, "POST accounts?$select=name", '{"name": "first"}', "Prefer: return=representation\r\n")
    answer = await send(client, change_set(request))
    assert statuses(answer) == [201]
    assert '"name":"first"' in answer.text


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b"{}"),
        ("multipart/mixed", b""),
        (MIXED, b""),
        (MIXED, b"nonsense"),
        (MIXED, b"--batch_1\r\n\r\nGET accounts\r\n--batch_1--"),
        (MIXED, batch(change_set(part("GET accounts")))),
        (MIXED, b"\xff\xfe--batch_1"),
    ],
)
async def test_a_batch_that_cannot_be_read_is_refused(
    client: httpx.AsyncClient, content_type: str, body: bytes
) -> None:
    answer = await client.post("$batch", content=body, headers={"Content-Type": content_type})
    assert error_of(answer)[0] in (400, 415)


async def test_a_batch_within_a_batch_is_refused(client: httpx.AsyncClient) -> None:
    answer = await send(client, part("POST $batch", "{}"))
    assert (answer.status_code, statuses(answer)) == (400, [400])


async def test_an_unknown_reference_is_named(client: httpx.AsyncClient) -> None:
    answer = await send(client, change_set(numbered(1, "PATCH $7", '{"name": "x"}')))
    assert "Content-ID Reference: '$7' does not exist in the batch context." in answer.text
