"""The connection of a caller: also what is not HTTP at all is answered in the error shape of the service it came to."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from dualwrite.servers.dataverse import exchange as dataverse
from dualwrite.servers.dataverse.problems import problem_of
from dualwrite.servers.finops import problems as finops
from dualwrite.servers.odata.refusals import MalformedRequest

_MESSAGE = "The request cannot be read: it is not HTTP, its method is unknown, or its address holds bare bytes."

Headers = tuple[tuple[str, str], ...]


def _finops() -> tuple[Headers, bytes]:
    reply = finops.error_reply(400, _MESSAGE)
    return reply.headers, reply.body


def _dataverse() -> tuple[Headers, bytes]:
    reply = dataverse.problem_reply(problem_of(MalformedRequest(_MESSAGE)))
    return reply.headers, reply.body


def _problem_details() -> tuple[Headers, bytes]:
    details = {"type": "about:blank", "title": "Bad Request", "status": 400, "detail": _MESSAGE}
    return (("Content-Type", "application/problem+json"),), orjson.dumps(details)


_REFUSALS: Mapping[str, Callable[[], tuple[Headers, bytes]]] = {"finops": _finops, "dataverse": _dataverse}


def connection_of(service: str) -> type[HttpToolsProtocol]:
    """The protocol of the connections to ``service``."""
    refusal = _REFUSALS.get(service, _problem_details)

    class Connection(HttpToolsProtocol):
        def send_400_response(self, msg: str) -> None:
            headers, body = refusal()
            lines = (*headers, ("content-length", str(len(body))), ("connection", "close"))
            head = "HTTP/1.1 400 Bad Request\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines)
            self.transport.write(head.encode("latin-1") + b"\r\n" + body)
            self.transport.close()

    return Connection
