"""What a map's text says about itself, read and rewritten in place, so that comments and layout stay."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import yaml
from yaml.events import Event, MappingEndEvent, MappingStartEvent, ScalarEvent, SequenceEndEvent, SequenceStartEvent

from dualwrite.maps.values import Version

_LOADER = getattr(yaml, "CLoader", yaml.Loader)
_PLAIN = re.compile(r"[A-Za-z0-9](?:[\w .()/-]*[\w)])?", re.ASCII)
"""Texts that need no quotes behind a key."""


@dataclass(frozen=True, slots=True)
class Head:
    """The first level of a map's file: the texts by their key, and which keys there are at all."""

    texts: Mapping[str, str]
    keys: frozenset[str]


def read_head(text: str) -> Head:
    """What a map's file says besides its columns; nothing is checked, which makes this quick. Raises: YAMLError."""
    found = list(_entries(yaml.parse(text, Loader=_LOADER)))
    return Head({key: value.value for key, value in found if value is not None}, frozenset(key for key, _ in found))


def stamped(text: str, *, version: Version, publisher: str, name: str | None = None) -> str:
    """``text`` with this version and publisher (and name) in place of those it states."""
    wanted = {"version": str(version), "publisher": publisher, **({} if name is None else {"name": name})}
    found = [
        (value, wanted[key])
        for key, value in _entries(yaml.parse(text))
        if value is not None and key in wanted and value.value != wanted[key]
    ]
    for value, new in reversed(found):
        spelled = new if _PLAIN.fullmatch(new) else json.dumps(new, ensure_ascii=False)
        assert value.start_mark is not None
        assert value.end_mark is not None
        before = text[: value.start_mark.index]
        # An empty value stands right behind its colon.
        text = before + (" " if before.endswith(":") else "") + spelled + text[value.end_mark.index :]
    return text


def _entries(events: Iterator[Event]) -> Iterator[tuple[str, ScalarEvent | None]]:
    """The keys of the first level with their values, None for a value that is no text."""
    for event in events:
        if isinstance(event, MappingStartEvent):
            break
    for key in events:
        if not isinstance(key, ScalarEvent):
            return
        value = next(events)
        if _opens(value):
            _skip(events)
        yield key.value, value if isinstance(value, ScalarEvent) else None


def _opens(event: Event) -> bool:
    return isinstance(event, MappingStartEvent | SequenceStartEvent)


def _skip(events: Iterator[Event]) -> None:
    """Past the end of a collection that has just begun."""
    depth = 1
    while depth:
        event = next(events)
        depth += 1 if _opens(event) else 0
        depth -= 1 if isinstance(event, MappingEndEvent | SequenceEndEvent) else 0
