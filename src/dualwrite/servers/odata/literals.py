"""Literals as they stand in URLs: read without knowing the column, written for links."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TypeAlias
from urllib.parse import quote
from uuid import UUID

from dualwrite.filters.tree import EnumLiteral
from dualwrite.metadata.values import Value
from dualwrite.servers.odata.refusals import MalformedRequest

LONGEST_NUMBER = 64
"""Digits and signs of the longest number that is still read as one."""


@dataclass(frozen=True, slots=True)
class ParameterAlias:
    """``@p1``: the value stands in the query part under that name."""

    name: str


UrlLiteral: TypeAlias = Value | EnumLiteral | ParameterAlias

SLASH_ESCAPE = re.compile(r"%(25)?((?:25)*2[Ff])")
"""What is left of a slash in a key that was encoded more than once."""
_STRING = re.compile(r"'((?:[^']|'')*)'", re.DOTALL)
_TYPED = re.compile(r"([A-Za-z_][\w.]*)'((?:[^']|'')*)'")
_GUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_DATETIME = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(:\d\d)?(?:\.(\d{1,12}))?(Z|[+-]\d\d:\d\d)?", re.I | re.A)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
_DECIMAL = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?[mMdDfF]?", re.ASCII)
_ALIAS = re.compile(r"@([A-Za-z_]\w*)")
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None}


def read_literal(text: str) -> UrlLiteral:
    """The value that ``text`` spells. Raises: MalformedRequest."""
    text = text.strip()
    if match := _STRING.fullmatch(text):
        return match[1].replace("''", "'")
    if text in _WORDS:
        return _WORDS[text]
    if _GUID.fullmatch(text):
        return UUID(text)
    if match := _TYPED.fullmatch(text):
        return EnumLiteral(match[1], match[2].replace("''", "'"))
    if match := _ALIAS.fullmatch(text):
        return ParameterAlias(match[1])
    if _DATE.match(text):
        return read_moment(text)
    if len(text) <= LONGEST_NUMBER:
        if _INTEGER.fullmatch(text):
            return int(text)
        if _DECIMAL.fullmatch(text):
            return Decimal(text.rstrip("mMdDfF"))
    raise MalformedRequest(f"The value {text[:80]!r} cannot be read.")


def read_moment(text: str) -> date | datetime:
    """A date, or an aware point in time in UTC; a time without offset is taken as UTC. Raises: MalformedRequest."""
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
        if match := _DATETIME.fullmatch(text):
            day, minute, second, fraction, zone = match.groups()
            offset = "+00:00" if zone in (None, "Z", "z") else zone
            moment = datetime.fromisoformat(f"{day}T{minute}{second or ':00'}.{(fraction or '')[:6]:0<6}{offset}")
            return moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise MalformedRequest(f"The value {text[:80]!r} is not a date that exists.") from error
    raise MalformedRequest(f"The value {text[:80]!r} is not a date.")


def write_literal(value: Value) -> str:
    """``value`` as it stands in a key predicate, percent-encoded."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return quote(value.astimezone(UTC).isoformat().replace("+00:00", "Z"), safe="")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        shielded = SLASH_ESCAPE.sub(lambda found: f"%25{found[0][1:]}", value)
        return "'" + quote(shielded.replace("'", "''"), safe="") + "'"
    if isinstance(value, Decimal):
        return format(value, "f")
    return str(value)
