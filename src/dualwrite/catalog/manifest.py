"""What a solution's ``solution.yaml`` says: who it is, what it needs, and which maps it brings in which order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import yaml

from dualwrite.errors import CatalogRefused, MapRefused
from dualwrite.maps.values import Version

MANIFEST = "solution.yaml"
_REQUIRED = ("name", "display_name", "version", "publisher", "description", "maps")
_OPTIONAL = ("depends_on", "excludes", "provides", "explained")
_LOADER: type[yaml.BaseLoader] | type[yaml.CBaseLoader] = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


@dataclass(frozen=True, slots=True)
class Explained:
    """Why findings of one code on these map versions (``id@version``) are right as they are."""

    code: str
    reason: str
    maps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Manifest:
    """A solution without its maps. ``ids`` names them, in the order in which they are to be run for the first time.

    ``depends_on`` gives the lowest version of each solution needed. ``excludes`` lists groups of map ids, of which one
    group may run at a time. ``provides`` names the published solutions that this one stands for.
    """

    name: str
    display_name: str
    version: Version
    publisher: str
    description: str
    ids: tuple[str, ...]
    depends_on: Mapping[str, Version]
    excludes: tuple[tuple[str, ...], ...]
    provides: Mapping[str, Version]
    explained: tuple[Explained, ...]


def read_manifest(path: Path) -> Manifest:
    """The manifest in the file ``path``. Raises: CatalogRefused, naming the file and what is wrong with it."""
    return _Reader(path).read()


class _Reader:
    def __init__(self, path: Path) -> None:
        self._path = path

    def refuse(self, reason: str) -> NoReturn:
        raise CatalogRefused(f"{self._path}: {reason}")

    def read(self) -> Manifest:
        content = self._content()
        if not set(_REQUIRED) <= set(content) <= {*_REQUIRED, *_OPTIONAL}:
            self.refuse(f"a solution has the keys {', '.join(_REQUIRED)}, and may have {', '.join(_OPTIONAL)}")
        ids = self.texts(content["maps"])
        if len(set(ids)) != len(ids):
            self.refuse("a map is listed twice")
        return Manifest(
            name=self.text(content["name"]),
            display_name=self.text(content["display_name"]),
            version=self.version(content["version"]),
            publisher=self.text(content["publisher"]),
            description=self.text(content["description"]),
            ids=ids,
            depends_on=self.versions(content.get("depends_on", {})),
            excludes=tuple(self.texts(each) for each in self.items(content.get("excludes", []))),
            provides=self.versions(content.get("provides", {})),
            explained=tuple(self.explained(each) for each in self.items(content.get("explained", []))),
        )

    def _content(self) -> dict[str, object]:
        try:
            content = yaml.load(self._path.read_text(encoding="utf-8"), Loader=_LOADER)
        except (OSError, yaml.YAMLError) as error:
            raise CatalogRefused(f"{self._path}: {error}") from error
        if not isinstance(content, dict):
            self.refuse("a solution is a YAML mapping")
        return content

    def text(self, value: object) -> str:
        if not isinstance(value, str):
            self.refuse(f"a text is expected instead of {value!r}")
        return value

    def items(self, value: object) -> list[object]:
        if not isinstance(value, list):
            self.refuse(f"a list is expected instead of {value!r}")
        return value

    def texts(self, value: object) -> tuple[str, ...]:
        return tuple(self.text(each) for each in self.items(value))

    def version(self, value: object) -> Version:
        try:
            return Version.parse(self.text(value))
        except MapRefused as refusal:
            self.refuse(refusal.message)

    def versions(self, value: object) -> Mapping[str, Version]:
        if not isinstance(value, dict):
            self.refuse(f"names with versions are expected instead of {value!r}")
        return {str(name): self.version(version) for name, version in value.items()}

    def explained(self, value: object) -> Explained:
        if not isinstance(value, dict) or set(value) != {"code", "reason", "maps"}:
            self.refuse("what is explained has a code, a reason and maps")
        return Explained(self.text(value["code"]), self.text(value["reason"]), self.texts(value["maps"]))
