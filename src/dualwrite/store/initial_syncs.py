"""The runs of the initial sync: what each covers, the partitions it is cut into, and how the rows of each ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import NewType
from uuid import UUID

from dualwrite.maps.values import Direction
from dualwrite.metadata.schema import Side
from dualwrite.metadata.values import Value

RunId = NewType("RunId", UUID)


class RunState(Enum):
    """Where a run stands."""

    PLANNED = "planned"
    """Its maps are live; nobody has begun to work on it."""
    RUNNING = "running"
    PAUSING = "pausing"
    """Partitions under way are brought to their end; no other is begun."""
    PAUSED = "paused"
    AWAITING_DECISION = "awaiting decision"
    """Everything has been carried out; somebody is to decide about the refused rows before the maps are running."""
    COMPLETED = "completed"
    WITH_REFUSALS = "with refusals"
    FAILED = "failed"
    """A partition could not be carried out; the run can be resumed."""
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"

    @property
    def has_ended(self) -> bool:
        """Whether nothing can follow any more."""
        return self in _ENDED

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing happens until somebody asks for it."""
        return self in _ENDED or self in (RunState.PAUSED, RunState.AWAITING_DECISION, RunState.FAILED)


_ENDED = frozenset({RunState.COMPLETED, RunState.WITH_REFUSALS, RunState.CANCELLED})


class OnRefusals(Enum):
    """What happens when a run is through and rows were refused."""

    GO_LIVE = "go live"
    WAIT = "wait"


class RerunKind(Enum):
    """Which rows of an earlier run a run does again."""

    FAILED = "failed"
    """The rows that were refused last, and no other."""
    ALL = "all"
    WITHOUT_FAILED = "without failed"


class RunMapState(Enum):
    """How far a run is with one of its maps."""

    COPYING = "copying"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    """Stopped meanwhile, or handed to a later run."""


class PartitionState(Enum):
    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class InitialSyncRun:
    """One run. ``created_before`` is the moment after its maps went live: younger rows are live sync's.

    ``root`` is the first run of the chain of reruns that this one belongs to, itself where it is no rerun.
    """

    run: RunId
    connection: str
    state: RunState
    on_refusals: OnRefusals
    started_by: str
    started_at: datetime
    created_before: datetime
    finished_at: datetime | None
    message: str
    parent: RunId | None
    root: RunId
    rerun: RerunKind | None


@dataclass(frozen=True, slots=True)
class RunMap:
    """A map of a run. ``legal_entities`` None: all that are linked. ``was_running`` is where a cancelled run leaves it."""

    map: str
    position: int
    master: Side
    legal_entities: tuple[str, ...] | None = None
    enabled: bool = True
    state: RunMapState = RunMapState.COPYING
    was_running: bool = False


@dataclass(frozen=True, slots=True)
class Partition:
    """Map x direction x companies x key range. ``companies`` in the source's words; ``ids`` instead of a range.

    Waves and batches are numbered from 0; the partitions of a batch are carried out one after the other by one worker.
    ``second_pass_of`` is the partition whose lookups this one fills.
    """

    number: int
    wave: int
    batch: int
    map: str
    direction: Direction
    companies: tuple[str, ...] | None
    first: Value
    last: Value
    ids: tuple[Value, ...] | None
    rows: int
    second_pass_of: int | None = None
    state: PartitionState = PartitionState.PENDING
    attempts: int = 0
    worker: str = ""
    message: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RowCounts:
    """How rows ended: read = inserted + updated + equal + filtered + refused. ``conflicts`` is beside the sum."""

    read: int = 0
    inserted: int = 0
    updated: int = 0
    equal: int = 0
    filtered: int = 0
    refused: int = 0
    conflicts: int = 0

    def __add__(self, other: RowCounts) -> RowCounts:
        return RowCounts(
            self.read + other.read,
            self.inserted + other.inserted,
            self.updated + other.updated,
            self.equal + other.equal,
            self.filtered + other.filtered,
            self.refused + other.refused,
            self.conflicts + other.conflicts,
        )


@dataclass(frozen=True, slots=True)
class MapCount:
    """How the rows of one map, direction and legal entity (empty: none) ended."""

    map: str
    direction: Direction
    legal_entity: str
    counts: RowCounts
