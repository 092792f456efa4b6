"""JSON in and out with exact numbers: ``Decimal`` both ways, never float."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import TypeAlias

import orjson

from dualwrite.servers.odata.refusals import MalformedRequest, UnsupportedBody

JsonValue: TypeAlias = "bool | int | Decimal | str | list[JsonValue] | dict[str, JsonValue] | None"
JsonObject: TypeAlias = dict[str, JsonValue]

DEEPEST = 32
"""Levels of nesting that a body may have; rows need two, deep inserts a few more."""
LARGEST_EXPONENT = 400

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def _exact(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise MalformedRequest(f"The number {text[:40]!r} in the body is out of range.") from error
    if number and abs(number.adjusted()) > LARGEST_EXPONENT:
        raise MalformedRequest(f"The number {text[:40]!r} in the body is out of range.")
    return number


def _no_constant(text: str) -> Decimal:
    raise MalformedRequest(f"{text} in the body is not a JSON number.")


def _without_duplicates(pairs: list[tuple[str, JsonValue]]) -> JsonObject:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = Counter(name for name, _ in pairs)
        twice = names.most_common(1)[0][0]
        raise MalformedRequest(f"The body names {twice[:80]!r} twice.")
    return found


_DECODER = json.JSONDecoder(
    parse_float=_exact, parse_constant=_no_constant, object_pairs_hook=_without_duplicates, strict=True
)


def read_json(body: bytes) -> JsonValue:
    """The value that ``body`` holds, numbers with a point as Decimal. Raises: MalformedRequest.

    Refused beside broken JSON: NaN and Infinity, a name twice in one object, NUL and lone surrogates in text, and
    nesting deeper than ``DEEPEST``.
    """
    try:
        text = body.decode("utf-8-sig")
        value: JsonValue = _DECODER.decode(text)
    except UnicodeError as error:
        raise MalformedRequest("The body is not UTF-8.") from error
    except RecursionError as error:
        raise MalformedRequest("The body is nested too deeply.") from error
    except json.JSONDecodeError as error:
        raise MalformedRequest(
            f"The body is not JSON: {error.msg} (line {error.lineno}, column {error.colno})."
        ) from error
    except ValueError as error:
        raise MalformedRequest("A number in the body is out of range.") from error
    # Raw control characters and broken UTF-8 were refused above, so only an escape can smuggle in a bad character.
    if b"\\u" in body or body.count(b"{") + body.count(b"[") > DEEPEST:
        _inspect(value, depth=0)
    return value


def read_object(body: bytes) -> JsonObject:
    """The JSON object that ``body`` holds. Raises: MalformedRequest."""
    value = read_json(body)
    if not isinstance(value, dict):
        raise MalformedRequest("The body must be a JSON object.")
    return value


def check_json_type(content_type: str | None) -> None:
    """Nothing, when a body of that type may hold JSON (no type at all is taken for it). Raises: UnsupportedBody."""
    if not content_type:
        return
    media = content_type.partition(";")[0].strip().lower()
    if media not in ("application/json", "text/json") and not media.endswith("+json"):
        raise UnsupportedBody(f"A body of type {media[:80]!r} cannot be read here; send application/json.")


def _inspect(value: JsonValue, *, depth: int) -> None:
    if depth >= DEEPEST and isinstance(value, dict | list):
        raise MalformedRequest(f"The body is nested deeper than {DEEPEST} levels.")
    if isinstance(value, str):
        _inspect_text(value)
    elif isinstance(value, dict):
        for name, member in value.items():
            _inspect_text(name)
            _inspect(member, depth=depth + 1)
    elif isinstance(value, list):
        for member in value:
            _inspect(member, depth=depth + 1)


def _inspect_text(text: str) -> None:
    if "\0" in text:
        raise MalformedRequest("A text in the body holds a NUL character.")
    if _LONE_SURROGATE.search(text):
        raise MalformedRequest("A text in the body holds half a surrogate pair.")


def _fragment(value: object) -> object:
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f"))
    raise TypeError(f"{type(value).__name__} has no JSON spelling")


def write_json(value: Mapping[str, object] | Sequence[object]) -> bytes:
    """``value`` as JSON: Decimal as a plain number, times in UTC with ``Z``, UUIDs in lower case."""
    return orjson.dumps(value, default=_fragment, option=orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC)
