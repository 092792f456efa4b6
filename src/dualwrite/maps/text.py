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
_STEP = re.compile(r"(\w+)|\[(\d+)\]", re.ASCII)


# --- to text --------------------------------------------------------------------------------------------------------


class _Dumper(Emitter, Serializer, BaseResolver):
    """Writes nodes in which every scalar is text, so that nothing needs quotes for its type's sake."""

    def __init__(self, stream: _Sink) -> None:
        Emitter.__init__(self, stream, allow_unicode=True, width=116)
        Serializer.__init__(self)
        BaseResolver.__init__(self)


class _Sink:
    def __init__(self) -> None:
        self.parts: list[str] = []

    def write(self, text: str) -> None:
        self.parts.append(text)


def render_map(version: MapVersion) -> str:
    """The YAML text of ``version``; :func:`parse_map` gives the equal value back."""
    entries: list[tuple[str, Node]] = [
        ("name", _scalar(version.name)),
        ("version", _scalar(str(version.version))),
        ("publisher", _scalar(version.publisher)),
    ]
    entries += [(name, _scalar(text)) for name in ("description", "notes") if (text := _text_of(version, name))]
    entries += [
        ("finops_entity", _scalar(version.finops_entity)),
        ("dataverse_table", _scalar(version.dataverse_table)),
    ]
    entries += [(name, _scalar(text)) for name in _TEXTS[:2] if (text := _text_of(version, name))]
    if version.integration_key is not None:
        entries.append(("integration_key", _flow(map(_scalar, version.integration_key))))
    if version.on_filter_exit is not FilterExit.KEEP:
        entries.append(("on_filter_exit", _scalar(version.on_filter_exit.value)))
    if version.owning_team is not None:
        entries.append(("owning_team", _scalar(version.owning_team)))
    entries.append(("columns", _columns(version.columns)))
    sink = _Sink()
    dumper = _Dumper(sink)
    dumper.open()
    dumper.serialize(_mapping(entries))
    dumper.close()
    return "".join(sink.parts)


def _text_of(version: MapVersion, name: str) -> str:
    texts: Mapping[str, str] = {
        "source_filter": version.source_filter,
        "reversed_source_filter": version.reversed_source_filter,
        "description": version.description,
        "notes": version.notes,
    }
    return texts[name]


def _scalar(text: str) -> ScalarNode:
    """A text; in double quotes, with escapes, where it holds line ends or other characters that do not print."""
    return ScalarNode(_TAG + "str", text, style=None if text.isprintable() else '"')


def _flow(nodes: Iterable[Node]) -> SequenceNode:
    return SequenceNode(_TAG + "seq", list(nodes), flow_style=True)


def _mapping(entries: Iterable[tuple[str, Node]], *, flow: bool = False) -> MappingNode:
    return MappingNode(_TAG + "map", [(_scalar(name), node) for name, node in entries], flow_style=flow)


def _columns(columns: tuple[ColumnMapping, ...]) -> SequenceNode:
    return SequenceNode(_TAG + "seq", [_column(each) for each in columns], flow_style=not columns)


def _column(mapping: ColumnMapping) -> Node:
    nodes = [_spelled(each.spelled()) for each in mapping.transforms]
    if not nodes:
        return _scalar(str(mapping))
    return _mapping([(str(mapping), nodes[0] if len(nodes) == 1 else _flow(nodes))])


def _spelled(spelling: Spelling) -> Node:
    match spelling:
        case str():
            return _scalar(spelling)
        case Entries(pairs):
            return _mapping(((name, _spelled(value)) for name, value in pairs), flow=True)
        case _:
            return _flow(map(_spelled, spelling))


# --- from text ------------------------------------------------------------------------------------------------------


def parse_map(text: str, *, file: str | PurePath = "map.yaml") -> MapVersion:
    """The map version that ``text`` spells. Raises: MapRefused, naming file, line and reason."""
    return _Reader(str(file)).read(text)


def parse_column(text: str) -> ColumnMapping:
    """The line that ``text`` spells, as it stands under ``columns`` in a file. Raises: MapRefused."""
    try:
        node = compose_text(text, file="")
        if node is None:
            raise MapRefused(": a line such as COLUMN = column is expected")
        return _Reader("").column(node)
    except MapRefused as refusal:
        raise MapRefused(f"{text!r}: {refusal.message.partition(': ')[2]}") from refusal


def compose_text(text: str, *, file: str) -> Node | None:
    """The node tree of a YAML text in which every scalar is text. Raises: MapRefused, naming file and line."""
    try:
        return yaml.compose(text, Loader=_LOADER)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
        line = mark.line + 1 if mark is not None else 1
        reason = error.problem if isinstance(error, yaml.MarkedYAMLError) else str(error)
        raise MapRefused(f"{file}:{line}: {reason}", file=file, line=line) from error


def line_of(text: str, path: str) -> int:
    """The line (from 1) of ``text``, a map's YAML, that a finding's ``path`` names; the nearest place around it where
    there is no such place.

    What a map leaves out has no line of its own: it is missed where the columns begin. 1 where the text is no YAML.
    """
    try:
        node = compose_text(text, file="")
    except MapRefused:
        return 1
    line = 1
    for name, number in _STEP.findall(path):
        found = _step(node, name, int(number or 0))
        if found is None:
            break
        line, node = _line(found[0]), found[1]
    return line


def _step(node: Node | None, name: str, number: int) -> tuple[Node, Node] | None:
    """Where ``name`` (or, without a name, ``number``) stands, and what is there; transforms are behind a line's only
    key."""
    if isinstance(node, SequenceNode) and not name:
        return (node.value[number],) * 2 if number < len(node.value) else None
    if not isinstance(node, MappingNode):
        return None
    if name == "transforms":
        return next(((value, value) for _, value in node.value), None)
    entries = {key.value: (key, value) for key, value in node.value}
    columns = entries.get("columns")
    return entries.get(name) or (columns and (columns[0], columns[0]))


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
