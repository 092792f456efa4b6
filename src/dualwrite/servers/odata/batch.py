"""``$batch`` bodies: multipart in, multipart out, bytes to values and back.

Clients differ widely in how they write multipart, so reading forgives: boundaries quoted or bare, CRLF or LF, blank
lines before a part or a body, blanks after a delimiter, header names in any case.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import TypeAlias
from uuid import UUID, uuid5

from dualwrite.servers.odata.refusals import MalformedRequest, UnsupportedBody

MOST_REQUESTS = 1_000

_BOUNDARY = re.compile(r";\s*boundary\s*=\s*(?:\"([^\"]{1,200})\"|([^\s;\"]{1,200}))", re.IGNORECASE)
_REQUEST_LINE = re.compile(r"([A-Za-z]{1,20})[ \t]+(\S.*?)(?:[ \t]+HTTP/\d(?:\.\d)?)?[ \t]*")
_LINE_END = re.compile(rb"\r?\n")


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """One request of a batch. Header names are lower case; ``content_id`` is the part's, else the request's."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    content_id: str | None = None


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """Requests that take effect together or not at all."""

    requests: tuple[BatchRequest, ...]


@dataclass(frozen=True, slots=True)
class Batch:
    parts: tuple[BatchRequest | ChangeSet, ...]


@dataclass(frozen=True, slots=True)
class BatchAnswer:
    """The answer to one request, or the single one to a change set that failed."""

    status: int
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = b""
    content_id: str | None = None


@dataclass(frozen=True, slots=True)
class ChangeSetAnswer:
    answers: tuple[BatchAnswer, ...]


AnyBatchAnswer: TypeAlias = BatchAnswer | ChangeSetAnswer


# --- reading --------------------------------------------------------------------------------------------------------


def parse_batch(content_type: str | None, body: bytes, *, most_requests: int = MOST_REQUESTS) -> Batch:
    """The requests in ``body`` in order. Raises: UnsupportedBody, MalformedRequest."""
    boundary = _boundary(content_type or "")
    parts: list[BatchRequest | ChangeSet] = []
    total = 0
    for headers, content in _parts(body, boundary):
        kind = headers.get("content-type", "")
        part: BatchRequest | ChangeSet
        if kind.lower().startswith("multipart/mixed"):
            part = ChangeSet(tuple(_change_set_requests(content, _boundary(kind))))
            total += len(part.requests)
        else:
            part = _request(headers, content)
            total += 1
        if total > most_requests:
            raise MalformedRequest(f"The batch holds more than {most_requests} requests.")
        parts.append(part)
    return Batch(tuple(parts))


def _boundary(content_type: str) -> str:
    if content_type.partition(";")[0].strip().lower() != "multipart/mixed":
        raise UnsupportedBody("A batch must be of type multipart/mixed.")
    match = _BOUNDARY.search(content_type)
    if not match:
        raise MalformedRequest("The multipart/mixed content type names no boundary.")
    return match[1] or match[2]


def _parts(body: bytes, boundary: str) -> Iterator[tuple[dict[str, str], bytes]]:
    try:
        mark = re.escape(boundary.encode("latin-1"))
    except UnicodeError as error:
        raise MalformedRequest("The boundary of the batch cannot be read.") from error
    delimiter = re.compile(rb"(?:\A|\r?\n)--" + mark + rb"(--)?[ \t]*(?=\r?\n|\Z)")
    start: int | None = None
    for match in delimiter.finditer(body):
        if start is not None:
            yield _split_head(body[start : match.start()])
        if match[1]:
            return
        start = match.end()
    raise MalformedRequest(f"The closing delimiter --{boundary[:80]}-- is missing.")


def _split_head(raw: bytes) -> tuple[dict[str, str], bytes]:
    """The headers of a part (leading blank lines are skipped) and what follows the blank line after them."""
    raw = raw.lstrip(b"\r\n")
    headers: dict[str, str] = {}
    while raw:
        line, raw = _line(raw)
        if not line.strip():
            break
        name, colon, value = line.partition(":")
        if not colon:
            raise MalformedRequest(f"The batch holds {line[:80]!r} where a header should be.")
        headers[name.strip().lower()] = value.strip()
    return headers, raw


def _line(raw: bytes) -> tuple[str, bytes]:
    match = _LINE_END.search(raw)
    line, rest = (raw[: match.start()], raw[match.end() :]) if match else (raw, b"")
    try:
        return line.decode("utf-8"), rest
    except UnicodeError as error:
        raise MalformedRequest("A line of the batch is not UTF-8.") from error


def _change_set_requests(content: bytes, boundary: str) -> Iterator[BatchRequest]:
    seen: set[str] = set()
    for headers, inner in _parts(content, boundary):
        request = _request(headers, inner)
        if request.method == "GET":
            raise MalformedRequest("A change set must not hold GET requests.")
        if request.content_id is not None:
            if request.content_id in seen:
                raise MalformedRequest(f"The Content-ID {request.content_id[:80]!r} stands there twice.")
            seen.add(request.content_id)
        yield request


def _request(part_headers: Mapping[str, str], content: bytes) -> BatchRequest:
    kind = part_headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/http":
        raise MalformedRequest(f"A part of the batch is of type {kind[:80]!r} instead of application/http.")
    line, rest = _line(content.lstrip(b"\r\n"))
    match = _REQUEST_LINE.fullmatch(line)
    if not match:
        raise MalformedRequest(f"The batch holds {line[:80]!r} where a request line should be.")
    # A body follows the first blank line; without headers that line comes at once.
    headers, body = ({}, rest) if _LINE_END.match(rest) else _split_head(rest)
    content_id = part_headers.get("content-id", headers.get("content-id"))
    return BatchRequest(match[1].upper(), match[2], headers, body.strip(b"\r\n"), content_id)


# --- writing --------------------------------------------------------------------------------------------------------


def render_batch(answers: Sequence[AnyBatchAnswer], *, batch_id: UUID) -> tuple[str, bytes]:
    """The content type and body of the answer; the boundaries are ``batchresponse_`` and ``changesetresponse_``."""
    boundary = f"batchresponse_{batch_id}"
    lines: list[bytes] = []
    for index, answer in enumerate(answers):
        lines.append(f"--{boundary}\r\n".encode())
        match answer:
            case BatchAnswer():
                lines.append(_render(answer))
            case ChangeSetAnswer():
                inner = f"changesetresponse_{uuid5(batch_id, str(index))}"
                lines.append(f"Content-Type: multipart/mixed; boundary={inner}\r\n\r\n".encode())
                for member in answer.answers:
                    lines.append(f"--{inner}\r\n".encode())
                    lines.append(_render(member))
                lines.append(f"--{inner}--\r\n".encode())
    lines.append(f"--{boundary}--\r\n".encode())
    return f"multipart/mixed; boundary={boundary}", b"".join(lines)


def _render(answer: BatchAnswer) -> bytes:
    head = ["Content-Type: application/http", "Content-Transfer-Encoding: binary"]
    if answer.content_id is not None:
        head.append(f"Content-ID: {answer.content_id}")
    head += ["", f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}"]
    head += [f"{name}: {value}" for name, value in answer.headers]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + answer.body + b"\r\n"
