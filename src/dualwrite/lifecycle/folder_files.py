"""A folder of map files: one YAML file a map, and ``connection.yaml`` with active versions and integration keys."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NoReturn

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from dualwrite.errors import MapRefused, SettingsRefused
from dualwrite.lifecycle.folder_plan import FolderMap, Key, Wanted
from dualwrite.maps.text import compose_text, parse_map
from dualwrite.maps.values import MapVersion, Version

CONNECTION_FILE = "connection.yaml"
_SECTIONS = ("maps", "integration_keys")
_LONGEST_NAME = 80


# --- reading --------------------------------------------------------------------------------------------------------


def read_folder(folder: Path, *, maps_only: bool = False) -> Wanted:
    """What the files of ``folder`` say. ``maps_only`` leaves ``connection.yaml`` aside.

    Raises: SettingsRefused without such a folder; MapRefused, naming file and line.
    """
    maps = tuple(_map_file(path) for path in map_files(folder))
    connection = folder / CONNECTION_FILE
    if maps_only or not connection.is_file():
        return Wanted(maps, {}, {}, {})
    return _Connection(connection).read(maps)


def map_files(folder: Path) -> tuple[Path, ...]:
    """The map files of a folder, by name. Raises: SettingsRefused."""
    if not folder.is_dir():
        raise SettingsRefused(f"There is no folder {folder}.", folder=str(folder))
    files = (*folder.glob("*.yaml"), *folder.glob("*.yml"))
    return tuple(sorted(path for path in files if path.name != CONNECTION_FILE))


def read_text(path: Path) -> str:
    """The text of a file. Raises: MapRefused."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise MapRefused(f"{path} cannot be read: {reason}", file=str(path)) from error
    except UnicodeDecodeError as error:
        raise MapRefused(f"{path}:1: the file cannot be read: {error}", file=str(path), line=1) from error


def _map_file(path: Path) -> FolderMap:
    text = read_text(path)
    return FolderMap(str(path), text, parse_map(text, file=path))


class _Connection:
    """Reads ``connection.yaml``; every refusal carries the line."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines: dict[str, str] = {}

    def read(self, maps: tuple[FolderMap, ...]) -> Wanted:
        root = compose_text(read_text(self._path), file=str(self._path))
        active: dict[str, Version] = {}
        keys: dict[str, Key] = {}
        for key, node in self._entries(root).values():
            name = self._text(key)
            if name not in _SECTIONS:
                self._refuse(key, f"unknown key {name!r}; known are {', '.join(_SECTIONS)}")
            for inner, value in self._entries(node).values():
                entry = self._text(inner)
                if name == "maps":
                    active[entry] = self._version(value)
                    self._lines[entry] = self._place(inner)
                else:
                    keys[entry] = self._key(value)
                    self._lines[f"key {entry}"] = self._place(inner)
        return Wanted(maps, active, keys, self._lines)

    def _entries(self, node: Node | None) -> Mapping[str, tuple[Node, Node]]:
        if node is None or (isinstance(node, ScalarNode) and node.value == ""):
            return {}
        if not isinstance(node, MappingNode):
            self._refuse(node, "entries are expected here, such as name: value")
        entries: dict[str, tuple[Node, Node]] = {}
        for key, value in node.value:
            name = self._text(key)
            if name in entries:
                self._refuse(key, f"{name!r} stands here twice")
            entries[name] = (key, value)
        return entries

    def _text(self, node: Node) -> str:
        if not isinstance(node, ScalarNode):
            self._refuse(node, "a text is expected here")
        return str(node.value)

    def _version(self, node: Node) -> Version:
        try:
            return Version.parse(self._text(node))
        except MapRefused as refusal:
            self._refuse(node, refusal.message)

    def _key(self, node: Node) -> Key:
        if not isinstance(node, SequenceNode) or not node.value:
            self._refuse(node, "the columns of a key are a list, such as [accountnumber]")
        return tuple(self._text(each) for each in node.value)

    def _place(self, node: Node) -> str:
        return f"{self._path}:{node.start_mark.line + 1}"

    def _refuse(self, node: Node, reason: str) -> NoReturn:
        line = node.start_mark.line + 1
        raise MapRefused(f"{self._path}:{line}: {reason}", file=str(self._path), line=line)


# --- writing --------------------------------------------------------------------------------------------------------


def file_names(names: Iterable[str]) -> Mapping[str, str]:
    """The file of each map: its name without what file systems dislike; names that would share a file are numbered."""
    names = sorted(set(names))
    slugs = {name: _slug(name) for name in names}
    taken = Counter(slugs.values())
    return {
        name: f"{slug}.yaml" if taken[slug] == 1 and f"{slug}.yaml" != CONNECTION_FILE else f"{slug}-{_mark(name)}.yaml"
        for name, slug in slugs.items()
    }


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:_LONGEST_NAME].strip("-") or "map"


def _mark(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:6]


def connection_text(active: Mapping[str, Version], keys: Mapping[str, Key]) -> str:
    """The text of ``connection.yaml``: sorted, so that it only changes when what it says does."""
    lines = ["# Active version of each map; integration keys that were chosen by hand.", "maps:"]
    lines += [f"  {_quoted(name)}: {active[name]}" for name in sorted(active)]
    if keys:
        lines.append("integration_keys:")
        lines += [f"  {_quoted(table)}: [{', '.join(map(_quoted, keys[table]))}]" for table in sorted(keys)]
    return "\n".join(lines) + "\n"


_BARE = re.compile(r"[A-Za-z][\w .()/-]*[\w)]|[A-Za-z]", re.ASCII)


def _quoted(text: str) -> str:
    return text if _BARE.fullmatch(text) else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def write_folder(
    folder: Path,
    maps: Mapping[str, tuple[MapVersion, str]],
    *,
    names: Mapping[str, str],
    keys: Mapping[str, Key],
) -> tuple[str, ...]:
    """The folder holds ``maps`` (name to version and text), and says that they are active; gives the changed files.

    A file that says the same already stays as it is, comments included; files of other maps stay, and so do their
    lines of ``connection.yaml``. Exporting twice changes nothing. Raises: MapRefused for a file that cannot be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    before = read_folder(folder)
    written: list[str] = []
    for name, (version, text) in sorted(maps.items()):
        there = [each for each in before.maps if each.version.name == name]
        if any(each.version == version for each in there):
            continue
        same = [each.file for each in there if each.version.version == version.version] or [each.file for each in there]
        path = Path(same[0]) if len(same) == 1 else folder / names[name]
        path.write_text(text, encoding="utf-8")
        written.append(path.name)
    active = {**before.active, **{name: version.version for name, (version, _) in maps.items()}}
    tables = {version.dataverse_table for version, _ in maps.values()}
    kept = {table: columns for table, columns in before.keys.items() if table not in tables}
    connection = folder / CONNECTION_FILE
    text = connection_text(active, {**kept, **keys})
    if not connection.is_file() or connection.read_text(encoding="utf-8") != text:
        connection.write_text(text, encoding="utf-8")
        written.append(connection.name)
    return tuple(written)
