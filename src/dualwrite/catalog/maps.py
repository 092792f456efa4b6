"""The solutions of the catalog: folders of map files under ``solutions/``, each with a ``solution.yaml``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import yaml

from dualwrite.errors import CatalogRefused, MapRefused
from dualwrite.maps.text import parse_map
from dualwrite.maps.values import MapVersion, Version

SOLUTIONS = Path(__file__).parent / "solutions"
_KEYS = frozenset({"name", "display_name", "version", "publisher", "description", "maps"})


@dataclass(frozen=True, slots=True)
class SolutionMap:
    """One map of a solution. ``id`` is its file's name: unlike the map's own name it is unique in the solution."""

    id: str
    map: MapVersion


@dataclass(frozen=True, slots=True)
class Solution:
    """A versioned set of maps, in the order in which they are to be run for the first time."""

    name: str
    display_name: str
    version: Version
    publisher: str
    description: str
    entries: tuple[SolutionMap, ...]

    @property
    def maps(self) -> tuple[MapVersion, ...]:
        return tuple(entry.map for entry in self.entries)


@lru_cache
def load_solution(name: str, *, folder: Path = SOLUTIONS) -> Solution:
    """The solution in the folder ``name``. Raises: CatalogRefused, naming file, line and reason."""
    home = folder / name
    manifest = home / "solution.yaml"
    content = _manifest(manifest)
    ids = content["maps"]
    listed, present = set(ids), {path.stem for path in home.glob("*.yaml")} - {manifest.stem}
    if listed != present or len(ids) != len(listed):
        odd = ", ".join(sorted(listed ^ present)) or "a map listed twice"
        raise CatalogRefused(f"{manifest}: the maps listed are not the map files in the folder: {odd}")
    try:
        version = Version.parse(str(content["version"]))
        entries = tuple(SolutionMap(id, _map(home / f"{id}.yaml")) for id in ids)
    except MapRefused as refusal:
        raise CatalogRefused(refusal.message, **refusal.details) from refusal
    return Solution(
        name=str(content["name"]),
        display_name=str(content["display_name"]),
        version=version,
        publisher=str(content["publisher"]),
        description=str(content["description"]),
        entries=entries,
    )


def load_core() -> Solution:
    """The maps that every linked pair of environments starts with: the customer cluster and what it looks up."""
    return load_solution("core")


def _map(path: Path) -> MapVersion:
    return parse_map(path.read_text(encoding="utf-8"), file=path)


def _manifest(path: Path) -> dict[str, list[str]]:
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    except (OSError, yaml.YAMLError) as error:
        raise CatalogRefused(f"{path}: {error}") from error
    if not isinstance(content, dict) or set(content) != _KEYS or not isinstance(content["maps"], list):
        raise CatalogRefused(f"{path}: a solution has the keys {', '.join(sorted(_KEYS))}")
    return content
