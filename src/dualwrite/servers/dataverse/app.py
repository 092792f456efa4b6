"""The ASGI application: connections in, requests and replies as values inside, headers and errors out."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from functools import lru_cache
from typing import Any, TypeAlias
from uuid import uuid4

from dualwrite.environments.port import Caller, Environment, TableDesign
from dualwrite.errors import DualwriteError, NotAllowed
from dualwrite.servers.dataverse.batching import answer_batch
from dualwrite.servers.dataverse.desk import Desk
from dualwrite.servers.dataverse.exchange import Reply, Request, problem_reply
from dualwrite.servers.dataverse.problems import Code, Problem, problem_of, unknown_segment
from dualwrite.servers.dataverse.settings import DataverseSettings
from dualwrite.servers.odata.authentication import Authenticator
from dualwrite.servers.odata.refusals import BodyTooLarge, MalformedRequest

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

logger = logging.getLogger(__name__)

SERVICE_PATH = "/api/data/v9.2/"
_HOST = re.compile(r"[\w.\-\[\]:]{1,255}", re.ASCII)
_IMPERSONATION = ("mscrmcallerid", "callerobjectid")
_RATE_LIMITS = (
    (b"x-ms-ratelimit-burst-remaining-xrm-requests", b"5999"),
    (b"x-ms-ratelimit-time-remaining-xrm-requests", b"1,200.00"),
)


def build_app(
    environment: Environment,
    authenticate: Authenticator,
    settings: DataverseSettings,
    *,
    design: TableDesign | None = None,
) -> App:
    """The Web API of ``environment``; no request is answered without a caller that ``authenticate`` vouches for.

    Definitions can be written where there is a ``design``.
    """
    return _DataverseApp(Desk(environment, settings, design), authenticate, settings)


class _DataverseApp:
    def __init__(self, desk: Desk, authenticate: Authenticator, settings: DataverseSettings) -> None:
        self._desk = desk
        self._authenticate = authenticate
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            await _send(send, await self._answer(scope, receive), head=scope["method"] == "HEAD")
        else:
            await send({"type": "websocket.close", "code": 1000})

    async def _answer(self, scope: Scope, receive: Receive) -> Reply:
        """The reply to whatever came in: the one place where a failure of the program itself becomes an answer."""
        try:
            return await self._routed(scope, receive)
        except DualwriteError as error:
            return problem_reply(problem_of(error))
        except Exception:
            logger.exception("a request failed: %s %s", scope["method"], scope.get("path"))
            return problem_reply(Problem(500, Code.UNEXPECTED, "An unexpected error occurred."))

    async def _routed(self, scope: Scope, receive: Receive) -> Reply:
        headers = _headers(scope["headers"])
        caller = await self._authenticate(headers.get("authorization"))
        _check_impersonation(headers, caller)
        path = _path(scope)
        if not path.startswith(SERVICE_PATH):
            if path != SERVICE_PATH[:-1]:
                raise unknown_segment(path[:200])
            path = SERVICE_PATH
        request = Request(
            method=scope["method"],
            path=path[len(SERVICE_PATH) :],
            query=_ascii(scope["query_string"]),
            headers=headers,
            body=await _read_body(receive, largest_bytes=self._settings.largest_body_bytes),
            root=self._root(scope, headers),
            caller=caller,
        )
        if request.path.strip("/") in ("$batch", "%24batch"):
            return await answer_batch(request, self._desk, most_requests=self._settings.largest_batch_requests)
        return await self._desk.answer(request)

    def _root(self, scope: Scope, headers: dict[str, str]) -> str:
        """The service root as this caller sees it."""
        if self._settings.public_url is not None:
            return self._settings.public_url.rstrip("/") + SERVICE_PATH
        host = headers.get("host", "")
        if not _HOST.fullmatch(host):
            address = scope.get("server") or ("127.0.0.1", 80)
            host = f"{address[0]}:{address[1]}"
        return f"{scope.get('scheme', 'http')}://{host}{SERVICE_PATH}"


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def _headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Header values by lower-case name; values of a name that is sent twice are joined, as HTTP has it."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in raw:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers


def _check_impersonation(headers: Mapping[str, str], caller: Caller) -> None:
    """Nothing, unless the caller wants to act as somebody else: better refused than done under the wrong name.

    Raises: NotAllowed.
    """
    for name in _IMPERSONATION:
        other = headers.get(name)
        if other is not None and other.strip().lower() != str(caller.user_id):
            raise NotAllowed(f"Acting for another user ({name}) is not possible here; sign in as that user.")


def _path(scope: Scope) -> str:
    """The path as it was sent, still percent-encoded."""
    raw = scope.get("raw_path")
    if raw is None:
        return str(scope["path"])
    return _ascii(raw.partition(b"?")[0])


def _ascii(raw: bytes) -> str:
    """Bytes of an address as text; clients that send UTF-8 bare are understood. Raises: MalformedRequest."""
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise MalformedRequest("The address is not UTF-8.") from error


async def _read_body(receive: Receive, *, largest_bytes: int) -> bytes:
    """The whole body. Raises: BodyTooLarge, MalformedRequest."""
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body") and len(body) <= largest_bytes:
        return body
    chunks = [body]
    size = len(body)
    while message.get("more_body"):
        message = await receive()
        if message["type"] == "http.disconnect":
            raise MalformedRequest("The connection was closed before the body was complete.")
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > largest_bytes:
            break
    if size > largest_bytes:
        raise BodyTooLarge(f"The body is larger than {largest_bytes} bytes.")
    return b"".join(chunks)


async def _send(send: Send, reply: Reply, *, head: bool) -> None:
    headers = [(_spelled(name), _header_value(value)) for name, value in reply.headers]
    if reply.header("REQ_ID") is None:
        request_id = str(uuid4()).encode()
        headers += [(b"x-ms-service-request-id", request_id), (_spelled("REQ_ID"), request_id)]
    headers += _RATE_LIMITS
    if reply.status != 204 and reply.status != 304:
        headers.append((b"content-length", str(len(reply.body)).encode()))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head else reply.body})


class _SpelledName(bytes):
    """A header name that stays as the service spells it, and equals every other spelling.

    Header names do not depend on case, yet the official client looks for ``OData-EntityId`` in exactly this spelling,
    and the web server would send every name in lower case.
    """

    def lower(self) -> bytes:
        return self

    def __eq__(self, other: object) -> bool:
        return isinstance(other, bytes) and bytes.lower(self) == bytes.lower(other)

    def __hash__(self) -> int:
        return hash(bytes.lower(self))


@lru_cache(maxsize=64)
def _spelled(name: str) -> bytes:
    return _SpelledName(name.encode())


def _header_value(value: str) -> bytes:
    """``value`` as bytes that may stand in a header, whatever the caller's address held."""
    return re.sub(rb"[\x00-\x1f\x7f]", b"", value.encode())
