"""The path of a request, read into segments: ``CustomersV3(dataAreaId='usmf',CustomerAccount='US-001')/$count``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from dualwrite.filters.tree import EnumLiteral
from dualwrite.servers.odata.literals import SLASH_ESCAPE, UrlLiteral, read_literal
from dualwrite.servers.odata.refusals import MalformedRequest

LONGEST_PATH = 32_768
MOST_SEGMENTS = 16

_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_NAME = re.compile(r"\$?[A-Za-z_][\w.\-]{0,255}|\$\d{1,9}")
_PART_NAME = re.compile(r"\s*(@?[A-Za-z_][\w.]*)\s*=\s*", re.ASCII)
_CONTENT_REFERENCE = re.compile(r"\$(\d+)")


@dataclass(frozen=True, slots=True)
class KeyPredicate:
    """What stands in the parentheses: one unnamed value (its name is ``""``), named ones, or nothing at all."""

    parts: tuple[tuple[str, UrlLiteral], ...] = ()

    @property
    def is_empty(self) -> bool:
        return not self.parts

    @property
    def is_positional(self) -> bool:
        return len(self.parts) == 1 and self.parts[0][0] == ""

    def get(self, name: str) -> UrlLiteral:
        """The part called ``name``, None when there is none."""
        return next((value for part, value in self.parts if part == name), None)


@dataclass(frozen=True, slots=True)
class Segment:
    """One step of a path; ``key`` is None without parentheses, empty for ``WhoAmI()``."""

    name: str
    key: KeyPredicate | None = None

    @property
    def content_reference(self) -> str | None:
        """``"1"`` for ``$1``: the Content-ID of an earlier request of the change set."""
        match = _CONTENT_REFERENCE.fullmatch(self.name)
        return match[1] if match else None

    @property
    def is_cast(self) -> bool:
        """Whether the step names a type or operation by its namespace (``Microsoft.Dynamics.CRM.CreateMultiple``)."""
        return "." in self.name


def decode_percent(text: str, *, what: str = "address") -> str:
    """``text`` with its escapes resolved once, as UTF-8. Raises: MalformedRequest, also for NUL."""
    if "%" in text:
        if _BAD_ESCAPE.search(text):
            raise MalformedRequest(f"The {what} holds a '%' that is not followed by two hexadecimal digits.")
        try:
            text = unquote_to_bytes(text).decode("utf-8")
        except UnicodeError as error:
            raise MalformedRequest(f"The {what} is not UTF-8.") from error
    if "\0" in text:
        raise MalformedRequest(f"The {what} holds a NUL character.")
    return text


def parse_path(path: str) -> tuple[Segment, ...]:
    """The segments of a still percent-encoded path, relative to the service root. Raises: MalformedRequest.

    A slash within quotes belongs to the value, be it bare, ``%2F`` or ``%252F``.
    """
    if len(path) > LONGEST_PATH:
        raise MalformedRequest("The address is too long.")
    pieces = tuple(_split_path(path))
    if len(pieces) > MOST_SEGMENTS:
        raise MalformedRequest("The address has too many segments.")
    return tuple(_segment(decode_percent(piece)) for piece in pieces)


def _split_path(path: str) -> Iterator[str]:
    path = path.strip("/")
    if not path:
        return
    start, quoted = 0, False
    for match in re.finditer(r"'|%27|/", path):
        if match[0] != "/":
            quoted = not quoted
        elif not quoted:
            yield path[start : match.start()]
            start = match.end()
    yield path[start:]


def _segment(text: str) -> Segment:
    name, parenthesis, rest = text.partition("(")
    if not _NAME.fullmatch(name):
        raise MalformedRequest(f"The segment {text[:80]!r} of the address cannot be read.")
    if not parenthesis:
        return Segment(name)
    if not rest.endswith(")"):
        raise MalformedRequest(f"The parenthesis after {name!r} is not closed.")
    return Segment(name, parse_key(rest[:-1]))


def parse_key(text: str) -> KeyPredicate:
    """The key between the parentheses, already percent-decoded. Raises: MalformedRequest."""
    if not text.strip():
        return KeyPredicate()
    parts: list[tuple[str, UrlLiteral]] = []
    for piece in split_outside(text, ","):
        match = _PART_NAME.match(piece)
        name = match[1] if match else ""
        parts.append((name, _with_slashes(read_literal(piece[match.end() :] if match else piece))))
    names = [name for name, _ in parts]
    if len(parts) > 1 and ("" in names or len(set(names)) < len(names)):
        raise MalformedRequest(f"The key ({text[:80]}) must name each of its parts once.")
    return KeyPredicate(tuple(parts))


def _with_slashes(value: UrlLiteral) -> UrlLiteral:
    """Text whose slash came double-encoded, as several clients send it, gets it back.

    A value that holds ``%2F`` itself is sent with one more ``25`` in it, as ``write_literal`` does.
    """
    if isinstance(value, str):
        return SLASH_ESCAPE.sub(lambda found: f"%{found[2]}" if found[1] else "/", value)
    if isinstance(value, EnumLiteral):
        return EnumLiteral(value.type_name, value.member)
    return value


def split_outside(text: str, separator: str) -> list[str]:
    """``text`` cut at each ``separator`` that stands outside quotes and parentheses. Raises: MalformedRequest."""
    pieces: list[str] = []
    start = depth = 0
    quoted = False
    for index, character in enumerate(text):
        if character == "'":
            quoted = not quoted
        elif quoted:
            continue
        elif character == "(":
            depth += 1
        elif character == ")":
            depth -= 1
            if depth < 0:
                raise MalformedRequest(f"{text[:80]!r} closes a parenthesis that was not opened.")
        elif character == separator and depth == 0:
            pieces.append(text[start:index])
            start = index + 1
    if quoted or depth:
        raise MalformedRequest(f"{text[:80]!r} has an open quote or parenthesis.")
    pieces.append(text[start:])
    return pieces
