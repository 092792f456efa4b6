"""What a folder of map files would change about a connection: steps, and conflicts that stand in the way. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from dualwrite.maps.diff import Difference, compare_versions
from dualwrite.maps.edit import next_version
from dualwrite.maps.values import MapVersion, Version
from dualwrite.metadata.schema import EnvironmentSchema, Table
from dualwrite.store.maps import MapState

Key: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FolderMap:
    """One map file: where it is, its text as it was written, and what that says."""

    file: str
    text: str
    version: MapVersion


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a folder asks for. ``active`` and ``keys`` are what ``connection.yaml`` says, empty without one.

    ``keys`` speaks for all tables that the maps in ``active`` fill: one that it leaves out has its generated key.
    """

    maps: tuple[FolderMap, ...]
    active: Mapping[str, Version]
    keys: Mapping[str, Key]
    lines: Mapping[str, str]
    """Where in ``connection.yaml`` a map or a table is named, as ``file:line``."""


@dataclass(frozen=True, slots=True)
class PresentMap:
    """A map of the connection with all its versions."""

    state: MapState
    active: Version
    versions: Mapping[Version, MapVersion]


@dataclass(frozen=True, slots=True)
class Present:
    """What the connection has: the maps that the folder names, and the keys chosen by hand."""

    maps: Mapping[str, PresentMap]
    keys: Mapping[str, Key]


@dataclass(frozen=True, slots=True)
class SaveVersion:
    """A version is saved. ``base``, the active one, is what it is compared with; None for a map that is new."""

    file: FolderMap
    base: MapVersion | None

    @property
    def difference(self) -> Difference | None:
        return None if self.base is None else compare_versions(self.base, self.file.version)


@dataclass(frozen=True, slots=True)
class Activate:
    """Another version becomes the active one."""

    map: str
    was: Version
    version: Version


@dataclass(frozen=True, slots=True)
class ChangeKey:
    """The integration key of a Dataverse table; None is the generated one."""

    table: str
    was: Key | None
    columns: Key | None


@dataclass(frozen=True, slots=True)
class Conflict:
    """What must be settled before the folder can be applied. ``place`` is ``file:line`` or a file."""

    place: str
    message: str


Step: TypeAlias = SaveVersion | Activate | ChangeKey


@dataclass(frozen=True, slots=True)
class FolderPlan:
    """The steps in their order. With a conflict none of them is done."""

    steps: tuple[Step, ...]
    conflicts: tuple[Conflict, ...]

    @property
    def is_empty(self) -> bool:
        return not self.steps and not self.conflicts


def plan_folder(wanted: Wanted, present: Present, *, dataverse: EnvironmentSchema) -> FolderPlan:
    """What makes ``present`` be what ``wanted`` says; nothing when it is."""
    found = [
        *_saves(wanted, present),
        *_activations(wanted, present),
        *_key_changes(wanted, present, dataverse),
    ]
    return FolderPlan(
        steps=tuple(each for each in found if not isinstance(each, Conflict)),
        conflicts=tuple(each for each in found if isinstance(each, Conflict)),
    )


def _saves(wanted: Wanted, present: Present) -> Iterator[SaveVersion | Conflict]:
    seen: dict[tuple[str, Version], FolderMap] = {}
    new: dict[str, MapVersion] = {}
    for each in sorted(wanted.maps, key=lambda each: (each.version.name, each.version.version)):
        name, number = each.version.name, each.version.version
        first = seen.setdefault((name, number), each)
        if first is not each:
            yield Conflict(each.file, f"{name} {number} stands in {first.file}, too; keep one of the two files")
            continue
        known = present.maps.get(name)
        stored = None if known is None else known.versions.get(number)
        if stored is None:
            yield SaveVersion(each, known.versions[known.active] if known is not None else new.get(name))
            new[name] = each.version
        elif stored != each.version:
            yield Conflict(
                each.file,
                f"{name} {number} exists with other content, and a version never changes. "
                f"Give the file the next number, {next_version((*(known.versions if known else ()), number))}.",
            )


def _activations(wanted: Wanted, present: Present) -> Iterator[Activate | Conflict]:
    files = {(each.version.name, each.version.version) for each in wanted.maps}
    for name, number in wanted.active.items():
        known = present.maps.get(name)
        if (name, number) not in files and (known is None or number not in known.versions):
            yield Conflict(wanted.lines[name], f"{name} has no version {number}, neither in a file nor stored")
            continue
        active = _active_after_saving(wanted, known, name)
        if active == number:
            continue
        if known is not None and known.state is not MapState.NOT_RUNNING:
            yield Conflict(
                wanted.lines[name],
                f"{name} is {known.state.value} with version {known.active} and cannot change to {number}; "
                f"stop it first: dualwrite maps stop {name!r}",
            )
            continue
        yield Activate(name, active, number)


def _active_after_saving(wanted: Wanted, known: PresentMap | None, name: str) -> Version:
    """The active version once the files are saved: that of a map that is new is the first one saved."""
    if known is not None:
        return known.active
    return min(each.version.version for each in wanted.maps if each.version.name == name)


def _key_changes(wanted: Wanted, present: Present, dataverse: EnvironmentSchema) -> Iterator[ChangeKey | Conflict]:
    """Keys of the tables that ``connection.yaml`` speaks for."""
    tables = {name: table for name in wanted.keys if (table := dataverse.find(name)) is not None}
    for name in wanted.keys:
        if name not in tables:
            yield Conflict(wanted.lines[f"key {name}"], f"Dataverse has no table {name}")
    chosen = {table.name: (name, wanted.keys[name]) for name, table in tables.items()}
    spoken_for = sorted({*chosen, *_tables_of_active(wanted, present, dataverse)})
    for each in spoken_for:
        name, columns = chosen.get(each, (each, None))
        was = present.keys.get(each)
        if was == columns:
            continue
        place = wanted.lines.get(f"key {name}", "connection.yaml")
        conflicts = list(_key_conflicts(dataverse, dataverse.table(each), columns, present, place))
        yield from conflicts
        if not conflicts:
            yield ChangeKey(each, was, columns)


def _tables_of_active(wanted: Wanted, present: Present, dataverse: EnvironmentSchema) -> Iterator[str]:
    files = {(each.version.name, each.version.version): each.version for each in wanted.maps}
    for name, number in wanted.active.items():
        known = present.maps.get(name)
        version = files.get((name, number)) or (known.versions.get(number) if known is not None else None)
        table = None if version is None else dataverse.find(version.dataverse_table)
        if table is not None:
            yield table.name


def _key_conflicts(
    dataverse: EnvironmentSchema, table: Table, columns: Key | None, present: Present, place: str
) -> Iterator[Conflict]:
    for each in columns or ():
        if table.find(each.partition(".")[0]) is None:
            yield Conflict(place, f"the integration key of {table.name}: there is no column {each}")
    for name, known in present.maps.items():
        version = known.versions[known.active]
        uses = version.integration_key is None and dataverse.find(version.dataverse_table) is table
        if uses and known.state is not MapState.NOT_RUNNING:
            yield Conflict(
                place,
                f"{name} is {known.state.value} by the integration key of {table.name}; stop it first: "
                f"dualwrite maps stop {name!r}",
            )
