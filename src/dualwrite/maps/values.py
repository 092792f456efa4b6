"""Table maps as values: what a map version says, before anything is known about the tables it names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from dualwrite.errors import MapRefused
from dualwrite.maps.transforms import CaseRule, Default, InTimeZone, Transform, Truncate, Unmapped, ValueMap
from dualwrite.metadata.schema import Side

__all__ = [
    "MAP_TYPES",
    "CaseRule",
    "ColumnMapping",
    "Default",
    "Direction",
    "FilterExit",
    "InTimeZone",
    "MapVersion",
    "SyncDirection",
    "Transform",
    "Truncate",
    "Unmapped",
    "ValueMap",
    "Version",
]

_VERSION = re.compile(r"(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """A four-part version; versions are ordered part by part."""

    major: int
    minor: int = 0
    build: int = 0
    revision: int = 0

    @classmethod
    def parse(cls, text: str) -> Version:
        """The version that ``text`` (``1.0.0.5``) spells. Raises: MapRefused."""
        found = _VERSION.fullmatch(text)
        if found is None:
            raise MapRefused(f"{text!r} is not a version of four numbers, such as 1.0.0.0")
        return cls(*(int(part) for part in found.groups()))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.build}.{self.revision}"


class Direction(Enum):
    """Which way one change travels."""

    TO_DATAVERSE = "to Dataverse"
    TO_FINOPS = "to finance and operations"

    @property
    def source(self) -> Side:
        return Side.FINOPS if self is Direction.TO_DATAVERSE else Side.DATAVERSE

    @property
    def target(self) -> Side:
        return self.source.partner

    @property
    def opposite(self) -> Direction:
        return Direction.TO_FINOPS if self is Direction.TO_DATAVERSE else Direction.TO_DATAVERSE


class SyncDirection(Enum):
    """Which ways a column mapping is used."""

    BOTH = "both ways"
    TO_DATAVERSE = "finance and operations to Dataverse"
    TO_FINOPS = "Dataverse to finance and operations"

    def includes(self, direction: Direction) -> bool:
        return self is SyncDirection.BOTH or self.name == direction.name


class FilterExit(Enum):
    """What happens to the other side's row when a row leaves the map's filter."""

    KEEP = "keep"
    DELETE = "delete"


_SYMBOLS = {
    (SyncDirection.BOTH, False): "=",
    (SyncDirection.BOTH, True): "><",
    (SyncDirection.TO_DATAVERSE, False): ">",
    (SyncDirection.TO_DATAVERSE, True): ">>",
    (SyncDirection.TO_FINOPS, False): "<",
    (SyncDirection.TO_FINOPS, True): "<<",
}
MAP_TYPES: dict[str, tuple[SyncDirection, bool]] = {symbol: meaning for meaning, symbol in _SYMBOLS.items()}
"""What each public map-type symbol says: the sync direction, and whether there are transforms."""


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """One line of a map. ``dataverse`` is the dotted text as published; None on one side means a constant."""

    finops: str | None
    dataverse: str | None
    sync_direction: SyncDirection = SyncDirection.BOTH
    transforms: tuple[Transform, ...] = ()

    @property
    def map_type(self) -> str:
        """The public symbol: ``= >< > >> < <<``."""
        return _SYMBOLS[self.sync_direction, bool(self.transforms)]

    @property
    def is_constant(self) -> bool:
        return self.finops is None or self.dataverse is None

    @property
    def value_map(self) -> ValueMap | None:
        return next((each for each in self.transforms if isinstance(each, ValueMap)), None)

    @property
    def default(self) -> Default | None:
        return next((each for each in self.transforms if isinstance(each, Default)), None)

    def __str__(self) -> str:
        return f"{self.finops or 'none'} {self.map_type} {self.dataverse or 'none'}"


@dataclass(frozen=True, slots=True)
class MapVersion:
    """One immutable version of a table map.

    ``finops_entity`` is the entity's name, ``dataverse_table`` the logical name. ``integration_key`` lists Dataverse
    paths; None takes the table's alternate key. The company is never listed: it is part of every key of a
    company-specific map.
    """

    name: str
    version: Version
    publisher: str
    finops_entity: str
    dataverse_table: str
    source_filter: str = ""
    reversed_source_filter: str = ""
    columns: tuple[ColumnMapping, ...] = ()
    integration_key: tuple[str, ...] | None = None
    on_filter_exit: FilterExit = FilterExit.KEEP
    owning_team: str | None = None
    description: str = ""
    notes: str = ""
