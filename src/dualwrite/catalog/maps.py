"""The solutions of the catalog: folders of map files under ``solutions/``, each with a ``solution.yaml``.

A manifest lists its maps by id, in the order of a first run; the versions of a map are the files
``<id>@<version>.yaml`` beside it. An id names one map in the whole catalog: a solution may bring a higher version of
another's map.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from dualwrite.catalog.manifest import MANIFEST, Manifest, read_manifest
from dualwrite.errors import CatalogRefused, MapRefused
from dualwrite.maps.text import parse_map
from dualwrite.maps.values import MapVersion, Version

SOLUTIONS = Path(__file__).parent / "solutions"

STARTER = ("company", "common", "currency-exchange-rates", "finance")
"""What a connection starts with, in the order of application."""

DEMONSTRATION = (
    "legal-entities",
    "currencies",
    "units",
    "name-affixes",
    "payment-days",
    "payment-day-lines",
    "payment-schedules",
    "payment-schedule-lines",
    "terms-of-payment",
    "customer-payment-methods",
    "vendor-payment-methods",
    "sales-tax-groups",
    "customer-groups",
    "vendor-groups",
    "vendors",
    "customers-accounts",
    "customers-contacts",
    "contacts-of-customers",
    "contacts-of-vendors",
)
"""The maps that the demonstration runs: the customer cluster and what it looks up, in the order of a first run."""


@dataclass(frozen=True, slots=True)
class SolutionMap:
    """One version of one map. ``id`` is the same for all versions, and unlike the name can be typed."""

    id: str
    map: MapVersion

    @property
    def full_id(self) -> str:
        """The id with the version: the name of the file."""
        return f"{self.id}@{self.map.version}"


@dataclass(frozen=True, slots=True)
class Solution(Manifest):
    """A versioned set of map versions. ``entries`` keep the manifest's order, and a map's versions the lowest first."""

    entries: tuple[SolutionMap, ...]

    @property
    def maps(self) -> tuple[MapVersion, ...]:
        """All versions of all maps."""
        return tuple(entry.map for entry in self.entries)

    @property
    def active(self) -> tuple[MapVersion, ...]:
        """The version of each map that is to run unless somebody chooses another: the highest, in start order."""
        return tuple({entry.id: entry.map for entry in self.entries}.values())

    def versions_of(self, id: str) -> tuple[MapVersion, ...]:
        """The versions of the map ``id``, the lowest first; empty where the solution does not bring it."""
        return tuple(entry.map for entry in self.entries if entry.id == id)


@lru_cache
def load_manifests(*, folder: Path = SOLUTIONS) -> tuple[Manifest, ...]:
    """Every solution without its maps, each after those it depends on. Raises: CatalogRefused."""
    found = {path.parent.name: read_manifest(path) for path in sorted(folder.glob(f"*/{MANIFEST}"))}
    done: dict[str, Manifest] = {}

    def place(name: str, waiting: tuple[str, ...]) -> None:
        if name in waiting:
            raise CatalogRefused(f"the solutions {' -> '.join((*waiting, name))} depend on each other")
        if name not in found:
            raise CatalogRefused(f"{waiting[-1]} depends on the solution {name}, which is not in the catalog")
        if name not in done:
            for needed in found[name].depends_on:
                place(needed, (*waiting, name))
            done[name] = found[name]

    for name in sorted(found, key=lambda name: (name not in STARTER, found[name].display_name)):
        place(name, ())
    return tuple(done.values())


@lru_cache
def load_solution(name: str, *, folder: Path = SOLUTIONS) -> Solution:
    """The solution in the folder ``name``. Raises: CatalogRefused, naming file, line and reason."""
    home = folder / name
    manifest = read_manifest(home / MANIFEST)
    versions: dict[str, list[SolutionMap]] = {id: [] for id in manifest.ids}
    for path in home.glob("*.yaml"):
        if path.name != MANIFEST:
            entry = _entry(path)
            if entry.id not in versions:
                raise CatalogRefused(f"{path}: {home / MANIFEST} does not list a map {entry.id}")
            versions[entry.id].append(entry)
    missing = [id for id, entries in versions.items() if not entries]
    if missing:
        raise CatalogRefused(f"{home / MANIFEST}: there is no file for {', '.join(missing)}")
    entries = tuple(each for some in versions.values() for each in sorted(some, key=lambda each: each.map.version))
    return Solution(
        **{field: getattr(manifest, field) for field in Manifest.__dataclass_fields__},
        entries=entries,
    )


def load_solutions() -> tuple[Solution, ...]:
    """All solutions with their maps, each after those it depends on. Raises: CatalogRefused."""
    return tuple(load_solution(manifest.name) for manifest in load_manifests())


def load_starter() -> tuple[Solution, ...]:
    """The solutions that a connection starts with, in the order of application."""
    return tuple(load_solution(name) for name in STARTER)


def demonstration_maps() -> tuple[SolutionMap, ...]:
    """The versions that the demonstration runs, in the order of a first run."""
    highest = {entry.id: entry for solution in load_starter() for entry in solution.entries}
    return tuple(highest[id] for id in DEMONSTRATION)


def demonstration_names() -> tuple[str, ...]:
    """What the maps of the demonstration are called, in the order of a first run."""
    return tuple(each.map.name for each in demonstration_maps())


def newer_version(map_name: str, *, than: Version) -> tuple[str, Version] | None:
    """The first solution of the catalog that brings a higher version of the map, and that version; None without."""
    for solution in load_solutions():
        higher = [each.version for each in solution.maps if each.name == map_name and each.version > than]
        if higher:
            return solution.name, max(higher)
    return None


def dependencies(name: str) -> Iterator[str]:
    """The solutions that ``name`` needs, directly or not, each after those it needs itself."""
    manifests = {manifest.name: manifest for manifest in load_manifests()}
    needed: set[str] = set()

    def gather(each: str) -> None:
        for below in manifests[each].depends_on:
            gather(below)
            needed.add(below)

    gather(name)
    return (each for each in manifests if each in needed)


def exclusions(solution: Solution) -> tuple[tuple[str, ...], ...]:
    """The groups of map names of which one group may run at a time; ids may be those of solutions needed."""
    known = [*(load_solution(name) for name in dependencies(solution.name)), solution]
    names = {entry.id: entry.map.name for each in known for entry in each.entries}
    return tuple(tuple(names[id] for id in group) for group in solution.excludes)


def _entry(path: Path) -> SolutionMap:
    id, _, version = path.stem.partition("@")
    try:
        found = parse_map(path.read_text(encoding="utf-8"), file=path)
    except MapRefused as refusal:
        raise CatalogRefused(refusal.message, **refusal.details) from refusal
    if str(found.version) != version:
        raise CatalogRefused(f"{path}: the file is named for version {version or '(none)'}, it holds {found.version}")
    return SolutionMap(id, found)
