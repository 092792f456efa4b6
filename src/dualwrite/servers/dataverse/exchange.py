"""Requests and replies as values, the same whether they come alone or inside a batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import uuid4

from dualwrite.environments.port import Caller
from dualwrite.servers.dataverse.problems import Problem
from dualwrite.servers.odata.json_body import write_json

JSON_TYPE = ("Content-Type", "application/json; odata.metadata=minimal")
TEXT_TYPE = ("Content-Type", "text/plain; charset=utf-8")
VERSION = ("OData-Version", "4.0")


@dataclass(frozen=True, slots=True)
class Request:
    """``path`` is percent-encoded and relative to ``root``, which ends with a slash; header names are lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    root: str
    caller: Caller

    def header(self, name: str) -> str | None:
        return self.headers.get(name)


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back: headers in order, body as bytes."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = field(default=b"", repr=False)

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


NO_CONTENT = Reply(204, (VERSION,))


def json_reply(value: Mapping[str, object], *, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Reply:
    return Reply(status, (JSON_TYPE, VERSION, *headers), write_json(value))


def problem_reply(problem: Problem) -> Reply:
    """``problem`` in the service's one error shape."""
    request_id = str(uuid4())
    body = {"error": {"code": problem.code.value, "message": problem.message}}
    headers = (("REQ_ID", request_id), ("x-ms-service-request-id", request_id), *problem.headers)
    return json_reply(body, status=problem.status, headers=headers)
