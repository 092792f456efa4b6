"""What a solution file says, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from dualwrite.errors import MapRefused
from dualwrite.maps.values import MapVersion, Version
from dualwrite.metadata.schema import EnvironmentSchema

JsonObject: TypeAlias = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Publisher:
    """Who a solution is from. ``prefix`` begins the names of its components."""

    unique_name: str
    display_name: str
    prefix: str = ""
    option_prefix: str = ""


@dataclass(frozen=True, slots=True)
class Requirements:
    """What must be there before a map version, or a whole solution, can be used; minimum versions by solution."""

    solutions: Mapping[str, str] = field(default_factory=dict, hash=False)
    application: str | None = None
    """The version of finance and operations."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """solution.xml. ``xml`` is its whole text where it was read, for what we do not use is to survive an export."""

    unique_name: str
    display_name: str
    version: Version
    publisher: Publisher
    managed: bool
    description: str = ""
    requires: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Minimum versions of the solutions it depends on, as its missing dependencies tell."""
    xml: str = field(default="", repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class PublishedVersion:
    """One map version of a file. ``published_name`` is the file's own name, ``source`` (JSON) all that it says."""

    published_name: str
    map: MapVersion
    source: JsonObject = field(hash=False)
    requires: Requirements = field(default_factory=Requirements)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a file that is not as it should be. ``lost`` tells that a map version could not be read."""

    where: str
    message: str
    lost: bool = False

    def __str__(self) -> str:
        return f"{self.where}: {self.message}"


@dataclass(frozen=True, slots=True)
class Package:
    """A solution file as it was read. ``running`` gives, by map name, the version that ran where it was exported."""

    manifest: Manifest
    versions: tuple[PublishedVersion, ...]
    running: Mapping[str, Version] = field(default_factory=dict, hash=False)
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Naming:
    """How solution files name tables: an F&O entity by its label, a Dataverse table by its entity set.

    The schemas are asked one after the other; a table that none of them has keeps the name it came with.
    """

    finops: tuple[EnvironmentSchema, ...]
    dataverse: tuple[EnvironmentSchema, ...]

    def finops_entity(self, label: str) -> str:
        return next((found.name for schema in self.finops if (found := schema.find(label))), label)

    def dataverse_table(self, entity_set: str) -> str:
        return next((found.name for schema in self.dataverse if (found := schema.find(entity_set))), entity_set)

    def label(self, finops_entity: str) -> str:
        return next((found.label for schema in self.finops if (found := schema.find(finops_entity))), finops_entity)

    def entity_set(self, dataverse_table: str) -> str:
        tables = (schema.find(dataverse_table) for schema in self.dataverse)
        return next((found.entity_set for found in tables if found), dataverse_table)

    def related_entity(self, dataverse_table: str, column: str) -> str | None:
        """The entity set that the lookup ``column`` points to; ``Customer`` for accounts and contacts together."""
        for schema in self.dataverse:
            table = schema.find(dataverse_table)
            found = table.find(column) if table is not None else None
            if found is not None and found.targets:
                both = set(found.targets) == {"account", "contact"}
                return "Customer" if both else self.entity_set(found.targets[0])
        return None


def read_version(text: str) -> Version | None:
    """The version that ``text`` spells; missing parts are 0. None when it is none."""
    parts = text.strip().split(".")
    try:
        return Version.parse(".".join([str(int(part)) for part in parts] + ["0"] * (4 - len(parts))))
    except (MapRefused, ValueError):
        return None
