"""Continuation tokens: opaque to the client, refused when altered or used with another query.

A token carries the position behind which the next page begins, so that any process of the service can answer it. It is
signed rather than stored: a page that nobody asks for costs nothing.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import assert_never
from uuid import UUID

from dualwrite.metadata.values import Value
from dualwrite.servers.odata.refusals import MalformedRequest

_SIGNATURE_BYTES = 16


@dataclass(frozen=True, slots=True)
class Continuation:
    """``after`` is the position of :class:`RowQuery`; ``remaining`` what is left of ``$top``; ``page`` comes next."""

    after: tuple[Value, ...]
    remaining: int | None = None
    page: int = 2


@dataclass(frozen=True, slots=True)
class SkipTokens:
    """Seals and opens tokens under one secret, which all processes of a service share."""

    secret: bytes

    def seal(self, continuation: Continuation, *, context: str) -> str:
        """A token for ``continuation`` that only opens with the same ``context`` (the query it belongs to)."""
        payload = json.dumps(
            [[_tagged(value) for value in continuation.after], continuation.remaining, continuation.page],
            separators=(",", ":"),
        ).encode()
        return base64.urlsafe_b64encode(self._signature(payload, context) + payload).decode().rstrip("=")

    def open(self, token: str, *, context: str) -> Continuation:
        """What was sealed. Raises: MalformedRequest for a token of another query or secret, or an altered one."""
        try:
            raw = base64.b64decode(token.encode() + b"=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, UnicodeError) as error:
            raise _refusal() from error
        signature, payload = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, self._signature(payload, context)):
            raise _refusal()
        after, remaining, page = json.loads(payload)
        return Continuation(tuple(_value(tag, text) for tag, text in after), remaining, page)

    def _signature(self, payload: bytes, context: str) -> bytes:
        bound = context.encode("utf-8", "surrogatepass") + b"\0" + payload
        return hmac.new(self.secret, bound, hashlib.sha256).digest()[:_SIGNATURE_BYTES]


def _refusal() -> MalformedRequest:
    return MalformedRequest("The skip token does not belong to this query; start again from the first page.")


def _tagged(value: Value) -> tuple[str, str]:
    match value:
        case None:
            return "n", ""
        case bool():
            return "b", "1" if value else ""
        case int():
            return "i", str(value)
        case Decimal():
            return "m", str(value)
        case str():
            return "s", value
        case datetime():
            return "t", value.isoformat()
        case date():
            return "d", value.isoformat()
        case UUID():
            return "u", value.hex
        case _:
            assert_never(value)


def _value(tag: str, text: str) -> Value:
    match tag:
        case "n":
            return None
        case "b":
            return bool(text)
        case "i":
            return int(text)
        case "m":
            return Decimal(text)
        case "s":
            return text
        case "t":
            return datetime.fromisoformat(text)
        case "d":
            return date.fromisoformat(text)
        case "u":
            return UUID(text)
        case _:
            raise _refusal()
