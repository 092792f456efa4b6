"""Asking twice is harmless: an action under an ``Idempotency-Key`` is carried out once, whoever sends it again.

An answer of success is kept for a day, and given again. A refusal changed nothing: the key is free, and the same
request may be sent once its cause is gone. Where nobody knows how a request ended, its key stays taken for a while.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dualwrite.errors import DualwriteError, NotAllowed, SettingsRefused
from dualwrite.servers.admin.desk import Authenticate
from dualwrite.servers.admin.problems import problem_of, problem_response
from dualwrite.store.idempotency_keys import IdempotencyKeyRepository, KeptAnswer, KeyStanding

HEADER = "Idempotency-Key"
PATTERN = r"^[!-~]{1,200}$"
REPLAYED = "Idempotency-Replayed"
_KEPT_HEADERS = frozenset({"content-type", "location", "retry-after"})
_LARGEST_BODY_BYTES = 10 * 2**20


@dataclass(slots=True)
class _Answer:
    """What the application sends, held back until it is whole."""

    messages: list[Message] = field(default_factory=list)

    async def send(self, message: Message) -> None:
        self.messages.append(message)

    @property
    def status(self) -> int:
        """0 where there is no answer."""
        return next((int(each["status"]) for each in self.messages if each["type"] == "http.response.start"), 0)

    def kept(self) -> KeptAnswer:
        start = next(each for each in self.messages if each["type"] == "http.response.start")
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in start["headers"]}
        body = b"".join(each.get("body", b"") for each in self.messages if each["type"] == "http.response.body")
        return KeptAnswer(
            self.status, {name: headers[name] for name in headers if name in _KEPT_HEADERS}, body.decode()
        )


class IdempotentActions:
    """An ASGI application around the API: POST requests with a key pass it once."""

    def __init__(self, app: ASGIApp, keys: IdempotencyKeyRepository, authenticate: Authenticate) -> None:
        self._app = app
        self._keys = keys
        self._authenticate = authenticate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        key = _header(scope, HEADER)
        if key is None or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        try:
            await self._once(key, scope, receive, send)
        except DualwriteError as error:
            await problem_response(problem_of(error))(scope, receive, send)

    async def _once(self, key: str, scope: Scope, receive: Receive, send: Send) -> None:
        if not re.fullmatch(PATTERN, key):
            raise SettingsRefused(f"{HEADER} is 1 to 200 visible ASCII characters, such as a UUID.")
        caller = await self._authenticate(_header(scope, "Authorization"))
        body = await _whole_body(receive)
        taken = await self._keys.take(caller.name, key, request=_digest(scope, body))
        match taken:
            case KeptAnswer():
                await _send_again(taken, send)
            case KeyStanding.BUSY:
                raise NotAllowed(
                    f"The request under this {HEADER} is being carried out; ask again in a moment.", key=key
                )
            case KeyStanding.OTHER_REQUEST:
                raise SettingsRefused(
                    f"This {HEADER} belongs to another request. Give every request a key of its own.", key=key
                )
            case None:
                await self._carry_out(caller.name, key, scope, body, send)

    async def _carry_out(self, caller: str, key: str, scope: Scope, body: bytes, send: Send) -> None:
        answer = _Answer()
        await self._app(scope, _replayed(body), answer.send)
        if 200 <= answer.status < 300:
            await self._keys.keep(caller, key, answer.kept())
        elif 400 <= answer.status < 500 or answer.status == 503:
            await self._keys.release(caller, key)
        for each in answer.messages:
            await send(each)


def _header(scope: Scope, name: str) -> str | None:
    if scope["type"] != "http":
        return None
    wanted = name.lower().encode()
    return next((value.decode("latin-1") for each, value in scope["headers"] if each == wanted), None)


async def _whole_body(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if sum(map(len, parts)) > _LARGEST_BODY_BYTES:
            raise SettingsRefused("The request is too large for an action.")
        if not message.get("more_body"):
            return b"".join(parts)


def _replayed(body: bytes) -> Receive:
    left = [body]

    async def receive() -> Message:
        if left:
            return {"type": "http.request", "body": left.pop(), "more_body": False}
        return {"type": "http.disconnect"}

    return receive


def _digest(scope: Scope, body: bytes) -> str:
    request = b"\n".join((scope["method"].encode(), scope["path"].encode(), scope["query_string"], body))
    return hashlib.sha256(request).hexdigest()


async def _send_again(kept: KeptAnswer, send: Send) -> None:
    body = kept.body.encode()
    headers = [(name.encode(), value.encode("latin-1")) for name, value in kept.headers.items()]
    headers += [(b"content-length", str(len(body)).encode()), (REPLAYED.lower().encode(), b"true")]
    await send({"type": "http.response.start", "status": kept.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
