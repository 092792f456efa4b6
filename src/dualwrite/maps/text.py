"""Map versions as YAML: a readable spelling that round-trips exactly. Comments are allowed, and every value is text.

A column is one line: ``- CUSTOMERACCOUNT = accountnumber`` without a transform, ``- none >> customertypecode: 3`` with
a constant, ``- ONHOLDSTATUS >< msdyn_onholdstatus: {no: 806380000}`` with a value map, a list of transforms for both.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import NoReturn

import yaml
from yaml.emitter import Emitter
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.resolver import BaseResolver
from yaml.serializer import Serializer

from dualwrite.errors import MapRefused
from dualwrite.maps.lookup_path import parse_lookup_path
from dualwrite.maps.transforms import read_transform
from dualwrite.maps.transforms.kind import Entries, Spelling, SpellingRefused
from dualwrite.maps.values import (
    MAP_TYPES,
    ColumnMapping,
    FilterExit,
    MapVersion,
    Transform,
    Version,
)

_LINE = re.compile(r"(\S+) (=|>|>>|<|<<|><) (\S+)")
_NOTHING = "none"
_TEXTS = ("source_filter", "reversed_source_filter", "description", "notes")
_REQUIRED = ("name", "version", "publisher", "finops_entity", "dataverse_table", "columns")
_OPTIONAL = (*_TEXTS, "integration_key", "on_filter_exit", "owning_team")
_TAG = "tag:yaml.org,2002:"
_LOADER: type[yaml.BaseLoader] | type[yaml.CBaseLoader] = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


def line_of(text: str, path: str) -> int:
    """The line (from 1) of the place that a finding's ``path`` names in a map's YAML text.

    Where the place is not in the text, the line of what it would stand in; 1 where the text is no YAML.
    """
    try:
        node = compose_text(text, file="")
    except MapRefused:
        return 1
    line = 1
    for name, number in _STEP.findall(path):
        node = _child(node, name, int(number or 0))
        if node is None:
            break
        line = _line(node)
    return line


def _child(node: Node | None, name: str, number: int) -> Node | None:
    """What ``name`` or, without a name, ``number`` leads to; a column's transforms are behind its only key."""
    if isinstance(node, SequenceNode) and not name:
        return node.value[number] if number < len(node.value) else None
    if not isinstance(node, MappingNode):
        return None
    if name == "transforms":
        return next((value for _, value in node.value), None)
    return next((value for key, value in node.value if key.value == name), None)


def _line(node: Node) -> int:
    return node.start_mark.line + 1 if node.start_mark is not None else 1


class _Reader:
    """Reads one file; every refusal carries the line."""

    def __init__(self, file: str) -> None:
        self.file = file

    def refuse(self, node: Node, reason: str) -> NoReturn:
        line = _line(node)
        raise MapRefused(f"{self.file}:{line}: {reason}", file=self.file, line=line)

    def read(self, text: str) -> MapVersion:
        root = compose_text(text, file=self.file)
        if not isinstance(root, MappingNode):
            raise MapRefused(f"{self.file}:1: a map is a YAML mapping with the keys {', '.join(_REQUIRED)}")
        entries = self.entries(root)
        for name, (key, _) in entries.items():
            if name not in _REQUIRED and name not in _OPTIONAL:
                self.refuse(key, f"unknown key {name!r}; known are {', '.join((*_REQUIRED, *_OPTIONAL))}")
        for name in _REQUIRED:
            if name not in entries:
                self.refuse(root, f"the key {name!r} is missing")
        nodes = {name: node for name, (_, node) in entries.items()}
        texts = {name: self.text(node) for name, node in nodes.items() if name not in ("columns", "integration_key")}
        return MapVersion(
            name=texts["name"],
            version=self.version(nodes["version"]),
            publisher=texts["publisher"],
            finops_entity=texts["finops_entity"],
            dataverse_table=texts["dataverse_table"],
            source_filter=texts.get("source_filter", ""),
            reversed_source_filter=texts.get("reversed_source_filter", ""),
            columns=tuple(self.column(node) for node in self.items(nodes["columns"])),
            integration_key=self.key(nodes.get("integration_key")),
            on_filter_exit=self.filter_exit(nodes.get("on_filter_exit")),
            owning_team=texts.get("owning_team"),
            description=texts.get("description", ""),
            notes=texts.get("notes", ""),
        )

    def entries(self, node: MappingNode) -> dict[str, tuple[Node, Node]]:
        entries: dict[str, tuple[Node, Node]] = {}
        for key, value in node.value:
            name = self.text(key)
            if name in entries:
                self.refuse(key, f"the key {name!r} stands here twice")
            entries[name] = (key, value)
        return entries

    def text(self, node: Node) -> str:
        if not isinstance(node, ScalarNode):
            self.refuse(node, "a text is expected here")
        return str(node.value)

    def items(self, node: Node) -> list[Node]:
        if not isinstance(node, SequenceNode):
            self.refuse(node, "a list is expected here")
        return list(node.value)

    def version(self, node: Node) -> Version:
        try:
            return Version.parse(self.text(node))
        except MapRefused as refusal:
            self.refuse(node, refusal.message)

    def key(self, node: Node | None) -> tuple[str, ...] | None:
        return None if node is None else tuple(self.text(item) for item in self.items(node))

    def filter_exit(self, node: Node | None) -> FilterExit:
        if node is None:
            return FilterExit.KEEP
        text = self.text(node)
        if text not in (member.value for member in FilterExit):
            self.refuse(node, f"on_filter_exit is keep or delete, not {text!r}")
        return FilterExit(text)

    def column(self, node: Node) -> ColumnMapping:
        if isinstance(node, ScalarNode):
            return self.mapping(node, self.text(node), ())
        if not isinstance(node, MappingNode) or len(node.value) != 1:
            self.refuse(node, "a column is one line: COLUMN = column, with its transforms behind a colon")
        key, value = node.value[0]
        return self.mapping(key, self.text(key), self.transforms(value))

    def mapping(self, node: Node, line: str, transforms: tuple[Transform, ...]) -> ColumnMapping:
        found = _LINE.fullmatch(line)
        if found is None:
            symbols = " ".join(MAP_TYPES)
            self.refuse(node, f"{line!r} is not a column mapping; write COLUMN = column with one of {symbols}")
        finops, symbol, dataverse = (None if part == _NOTHING else part for part in found.groups())
        assert symbol is not None
        direction, transformed = MAP_TYPES[symbol]
        if finops is None and dataverse is None:
            self.refuse(node, f"{line!r} names no column")
        if transformed != bool(transforms):
            plain = symbol[0] if len(set(symbol)) == 1 else "="
            reason = f"{symbol} needs a value map or a constant; write {plain} for a plain copy"
            self.refuse(node, reason if transformed else f"{symbol} takes no transform; double the symbol, or write ><")
        if dataverse is not None:
            try:
                parse_lookup_path(dataverse)
            except MapRefused as refusal:
                self.refuse(node, refusal.message)
        return ColumnMapping(finops, dataverse, direction, transforms)

    def transforms(self, node: Node) -> tuple[Transform, ...]:
        if isinstance(node, SequenceNode):
            if len(node.value) < 2:
                self.refuse(node, "a list of transforms has at least two")
            return tuple(self.transform(item) for item in node.value)
        return (self.transform(node),)

    def transform(self, node: Node) -> Transform:
        try:
            return read_transform(self.spelling(node))
        except SpellingRefused as refusal:
            self.refuse(node, str(refusal))

    def spelling(self, node: Node) -> Spelling:
        if isinstance(node, MappingNode):
            return Entries(tuple((self.text(key), self.spelling(value)) for key, value in node.value))
        if isinstance(node, SequenceNode):
            return tuple(self.spelling(item) for item in node.value)
        return self.text(node)
