"""Table maps as documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Annotated, Any

from pydantic import Field

from dualwrite.lifecycle.checks import CheckedMap, document_of
from dualwrite.lifecycle.keys import key_columns, key_origin
from dualwrite.lifecycle.transitions import is_live
from dualwrite.lifecycle.versions import SavedVersion
from dualwrite.maps.plan import Plan
from dualwrite.maps.values import ColumnMapping
from dualwrite.metadata.schema import Side
from dualwrite.servers.admin.model import Asked, Flag, Name, Told
from dualwrite.store.catch_ups import QueueOption
from dualwrite.store.maps import MapState, MapVersion, TableMap

EXAMPLE = "Customer groups (msdyn_customergroups)"
Maps = Annotated[tuple[Name, ...], Field(min_length=1, max_length=2000, examples=[[EXAMPLE]])]


class MapStanding(Told):
    """Where a map stands."""

    name: str
    version: str
    """The active version."""
    state: MapState

    @classmethod
    def of(cls, each: TableMap) -> MapStanding:
        return cls(name=each.name, version=each.active_version, state=each.state)


class MapListed(MapStanding):
    """A map in the order of starting."""

    running_version: str | None
    newest_version: str
    versions: int
    publisher: str
    managed: bool
    solution: str | None
    finops_entity: str
    dataverse_table: str
    columns: int
    changed_at: datetime


def listed(each: TableMap, saved: SavedVersion, *, newest: str, versions: int) -> MapListed:
    """The map with its active version and the numbers of all its versions."""
    says, stored = saved.says, saved.stored
    return MapListed(
        name=each.name,
        version=each.active_version,
        state=each.state,
        running_version=each.active_version if is_live(each.state) else None,
        newest_version=newest,
        versions=versions,
        publisher=says.publisher,
        managed=stored.managed,
        solution=stored.solution,
        finops_entity=says.finops_entity,
        dataverse_table=says.dataverse_table,
        columns=len(says.columns),
        changed_at=each.changed_at,
    )


class ColumnShown(Told):
    """A line of a map. ``map_type`` is one of the public symbols: ``=``, ``><``, ``>``, ``>>``, ``<``, ``<<``."""

    finops: str | None
    map_type: str
    dataverse: str | None
    default: str | None
    value_map: Mapping[str, str] | None
    transforms: Sequence[Mapping[str, Any]]

    @classmethod
    def of(cls, each: ColumnMapping) -> ColumnShown:
        return cls(
            finops=each.finops,
            map_type=each.map_type,
            dataverse=each.dataverse,
            default=None if each.default is None else str(each.default.value),
            value_map={str(one): str(other) for one, other in each.value_map.pairs} if each.value_map else None,
            transforms=[dict(transform.published()) for transform in each.transforms],
        )


class MapShown(Told):
    """What a version of a map says."""

    name: str
    version: str
    publisher: str
    managed: bool
    solution: str | None
    active: bool
    state: MapState
    description: str
    finops_entity: str
    dataverse_table: str
    source_filter: str
    reversed_source_filter: str
    integration_key: Sequence[str] | None
    used_key: Sequence[str] | None
    """The key that it goes by, its own or the table's; null when it cannot run."""
    owning_team: str | None
    key_origin: str
    """The key that it goes by, in words, and who says so."""
    can_run: bool
    columns: Sequence[ColumnShown]
    document: str
    """The version as a map file spells it."""
    created_by: str
    created_at: datetime


def shown(known: TableMap, saved: SavedVersion, plan: Plan | None) -> MapShown:
    """The version, with the state of its map; ``plan`` is None when it cannot run."""
    says, stored = saved.says, saved.stored
    return MapShown(
        name=says.name,
        version=str(says.version),
        publisher=says.publisher,
        managed=stored.managed,
        solution=stored.solution,
        active=stored.version == known.active_version,
        state=known.state,
        description=says.description,
        finops_entity=says.finops_entity,
        dataverse_table=says.dataverse_table,
        source_filter=says.source_filter,
        reversed_source_filter=says.reversed_source_filter,
        integration_key=says.integration_key,
        used_key=None if plan is None else key_columns(plan),
        owning_team=says.owning_team,
        key_origin=key_origin(says, plan),
        can_run=plan is not None,
        columns=[ColumnShown.of(each) for each in says.columns],
        document=stored.document,
        created_by=stored.created_by,
        created_at=stored.created_at,
    )


class VersionListed(Told):
    """A version of a map."""

    name: str
    version: str
    publisher: str
    managed: bool
    solution: str | None
    created_at: datetime
    created_by: str
    active: bool
    running: bool

    @classmethod
    def of(cls, each: MapVersion, known: TableMap) -> VersionListed:
        active = each.version == known.active_version
        return cls(
            name=each.name,
            version=each.version,
            publisher=each.publisher,
            managed=each.managed,
            solution=each.solution,
            created_at=each.created_at,
            created_by=each.created_by,
            active=active,
            running=active and is_live(known.state),
        )


class FindingShown(Told):
    """Something about a map that stands in its way, or should be known."""

    code: str
    severity: str
    line: int
    path: str
    position: int | None
    message: str
    remedy: str


class MapChecked(Told):
    """All findings about a version of a map."""

    map: str
    version: str
    can_run: bool
    findings: Sequence[FindingShown]

    @classmethod
    def of(cls, each: CheckedMap) -> MapChecked:
        return cls.model_validate({key: value for key, value in document_of(each).items() if key != "file"})


class Activation(Asked):
    """Which version is to be active."""

    version: Annotated[str, Field(pattern=r"^\d{1,9}\.\d{1,9}\.\d{1,9}\.\d{1,9}$", examples=["1.0.0.1"])]


class MapsNamed(Asked):
    """The maps of an action: all of them, or none."""

    maps: Maps


class RunMaps(MapsNamed):
    """Maps that are to run."""

    master: Side = Side.FINOPS
    """Whose values win where both sides differ."""
    legal_entities: Annotated[tuple[Name, ...], Field(min_length=1, max_length=10_000)] | None = None
    """Rows of these only; null: all that are linked."""
    include_related: Flag = False
    """Also the maps whose rows these look up, unless they run."""


class ResumeMaps(MapsNamed):
    """Maps that are to run again."""

    queue: QueueOption = QueueOption.REPLAY
    """What happens to the changes that waited: carried in their order, kept as catch-up errors, or forgotten."""


class Relation(Enum):
    """How a map comes into the order."""

    CHOSEN = "chosen"
    RELATED = "related"


class MapOrdered(Told):
    """A map in the order in which an action is best done; ``allowed`` tells whether its state allows it."""

    name: str
    state: MapState
    relation: Relation
    allowed: bool


class MapAction(Enum):
    """What is done with several maps in an order."""

    RUN = "run"
    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"


class MapsStanding(Told):
    """Where the maps of an action stand afterwards."""

    maps: Sequence[MapStanding]
