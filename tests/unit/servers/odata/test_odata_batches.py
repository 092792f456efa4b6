"""Multipart batches, as the clients in the wild write them and as their parsers want the answer."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualwrite.servers.odata.batch import (
    Batch,
    BatchAnswer,
    BatchRequest,
    ChangeSet,
    ChangeSetAnswer,
    parse_batch,
    render_batch,
)
from dualwrite.servers.odata.refusals import MalformedRequest, RequestRefused

CREATE = BatchRequest("POST", "https://host/api/accounts", {"content-type": "application/json; type=entry"}, b"{}", "1")
CHANGE = BatchRequest("PATCH", "$1", {"if-match": "*", "content-type": "application/json"}, b'{"a":1}', "2")
READ = BatchRequest("GET", "accounts?$filter=name eq 'x'", {}, b"")
WANTED = Batch((ChangeSet((CREATE, CHANGE)), READ))

TIDY = """--batch_1
Content-Type: multipart/mixed; boundary="changeset_1"

--changeset_1
Content-Type: application/http
Content-Transfer-Encoding: binary
Content-ID: 1

POST https://host/api/accounts HTTP/1.1
Content-Type: application/json; type=entry

{}
--changeset_1
Content-Type: application/http
Content-Transfer-Encoding: binary
Content-ID: 2

PATCH $1 HTTP/1.1
If-Match: *
Content-Type: application/json

{"a":1}
--changeset_1--

--batch_1
Content-Type: application/http

GET accounts?$filter=name eq 'x' HTTP/1.1

--batch_1--
"""

UNTIDY = """

--batch_1
CONTENT-TYPE: multipart/mixed;boundary=changeset_1


--changeset_1\x20
content-type: application/http
content-id: 1


POST https://host/api/accounts HTTP/1.1
CONTENT-TYPE: application/json; type=entry


{}


--changeset_1
Content-Type:application/http;msgtype=request
Content-ID:2

PATCH $1
If-Match:*
Content-Type:application/json

{"a":1}

--changeset_1-- \t

--batch_1
Content-Type: application/http

GET accounts?$filter=name eq 'x'
--batch_1--  

"""


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("text", [TIDY, UNTIDY])
@pytest.mark.parametrize("spelled", ['; boundary="batch_1"', ";boundary=batch_1", "; BOUNDARY=batch_1; charset=utf-8"])
def test_the_same_requests_in_every_spelling(text: str, line_end: str, spelled: str) -> None:
    assert parse_batch(f"Multipart/Mixed{spelled}", text.replace("\n", line_end).encode()) == WANTED


def test_a_body_may_hold_what_looks_like_a_delimiter_elsewhere() -> None:
    text = "--b\n{part}POST x HTTP/1.1\n\n--bb\na--b\n--b--".replace("{part}", "Content-Type: application/http\n\n")
    (request,) = parse_batch("multipart/mixed; boundary=b", text.encode()).parts
    assert isinstance(request, BatchRequest)
    assert request.body == b"--bb\na--b"


@pytest.mark.parametrize(
    "change",
    [
        ("--batch_1--", ""),
        ("--changeset_1--", ""),
        ("Content-ID: 2", "Content-ID: 1"),
        ("PATCH $1", "GET $1"),
        (
            "Content-Type: application/http\nContent-Transfer-Encoding: binary\nContent-ID: 2",
            "Content-Type: text/plain",
        ),
        ("POST https://host/api/accounts HTTP/1.1", "nonsense"),
        ("If-Match: *", "If-Match *"),
    ],
)
def test_a_broken_batch_is_refused(change: tuple[str, str]) -> None:
    with pytest.raises(MalformedRequest):
        parse_batch("multipart/mixed; boundary=batch_1", TIDY.replace(*change).encode())


def test_a_batch_has_a_limit_that_change_sets_count_towards() -> None:
    with pytest.raises(MalformedRequest, match="more than 2"):
        parse_batch("multipart/mixed; boundary=batch_1", TIDY.encode(), most_requests=2)


@given(
    st.text(alphabet="-b \r\n:/PGETHTP1.Contet-Typaplichz", max_size=200),
    st.sampled_from(["", "; boundary=b", ";boundary="]),
)
def test_a_batch_is_read_or_refused(text: str, boundary: str) -> None:
    try:
        parse_batch(f"multipart/mixed{boundary}", text.encode())
    except RequestRefused as refusal:
        assert refusal.status in (400, 415)


def test_the_answer_has_the_boundaries_that_clients_look_for() -> None:
    answers = (
        ChangeSetAnswer(
            (BatchAnswer(204, (("OData-EntityId", "x"),), content_id="1"), BatchAnswer(201, (), b"{}", "2"))
        ),
        BatchAnswer(404, (("Content-Type", "application/json"),), b'{"error":{}}'),
    )
    content_type, body = render_batch(answers, batch_id=UUID(int=1))
    lines = body.decode().split("\r\n")
    assert content_type == f"multipart/mixed; boundary=batchresponse_{UUID(int=1)}"
    assert lines[0] == f"--batchresponse_{UUID(int=1)}"
    assert lines[3].startswith("--changesetresponse_")
    assert lines[-2] == f"--batchresponse_{UUID(int=1)}--"
    assert [line for line in lines if line.startswith("HTTP/1.1")] == [
        "HTTP/1.1 204 No Content",
        "HTTP/1.1 201 Created",
        "HTTP/1.1 404 Not Found",
    ]
    assert [line for line in lines if line.startswith("Content-ID")] == ["Content-ID: 1", "Content-ID: 2"]
