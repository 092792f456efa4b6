"""What people look at: how far a run is, how its rows ended, and which were refused."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

from dualwrite.maps.values import Direction
from dualwrite.store.database import Store
from dualwrite.store.initial_syncs import InitialSyncRun, RunId, RunMap
from dualwrite.store.partitions import MapCount, Partition, RowCounts
from dualwrite.store.refusals import EVERY_REFUSAL, Refusal, RefusalField, RefusalFilter, RefusalGroup


@dataclass(frozen=True, slots=True)
class Advance:
    """How far a part of a run is. ``remaining_s`` is None as long as there is no rate, or while nothing goes on."""

    rows_planned: int
    rows_done: int
    partitions: int
    partitions_done: int
    partitions_running: int
    partitions_failed: int
    rows_per_s: float
    remaining_s: float | None
    counts: RowCounts


@dataclass(frozen=True, slots=True)
class MapProgress:
    """How far a map is, one way."""

    map: RunMap
    direction: Direction
    advance: Advance


@dataclass(frozen=True, slots=True)
class RunProgress:
    """How far a run is, in all and map by map (in the order of copying, the master's way first)."""

    run: InitialSyncRun
    total: Advance
    maps: tuple[MapProgress, ...]


@dataclass(frozen=True, slots=True)
class RunReport:
    """How a run went: counts by map, direction and legal entity."""

    run: InitialSyncRun
    maps: tuple[RunMap, ...]
    counts: tuple[MapCount, ...]

    @property
    def total(self) -> RowCounts:
        return sum((each.counts for each in self.counts), RowCounts())


class SyncReports:
    """The runs of one connection, read only."""

    def __init__(self, store: Store, connection: str) -> None:
        self._store = store
        self._connection = connection

    async def find(self, name: str = "") -> InitialSyncRun:
        """The run whose id begins with ``name``, the latest when it is empty. Raises: NotAllowed."""
        raise NotImplementedError

    async def history(self, *, limit_rows: int = 20) -> tuple[RunReport, ...]:
        """The runs, latest first; their counts by map and direction, legal entities together."""
        raise NotImplementedError

    async def report(self, run: RunId) -> RunReport:
        """How the run went so far. Raises: NotAllowed for an unknown run."""
        raise NotImplementedError

    async def progress(self, run: RunId) -> RunProgress:
        """How far the run is; cheap enough to be asked every second. Raises: NotAllowed for an unknown run."""
        raise NotImplementedError

    async def by_legal_entity(self, run: RunId, *, map: str | None = None) -> Mapping[str, Advance]:
        """How far the legal entities are, of one map when named. Partitions that several share count for each."""
        raise NotImplementedError

    async def partitions(self, run: RunId, *, map: str | None = None) -> tuple[Partition, ...]:
        """The partitions in order, of one map when named."""
        raise NotImplementedError

    async def refused(
        self,
        run: RunId | None = None,
        which: RefusalFilter = EVERY_REFUSAL,
        *,
        limit_rows: int | None = None,
        offset_rows: int = 0,
    ) -> tuple[Refusal, ...]:
        """The refused rows of a run in the order they were met; without a run those of all that are still open."""
        raise NotImplementedError

    def all_refused(
        self, run: RunId | None = None, which: RefusalFilter = EVERY_REFUSAL, *, batch_rows: int = 1000
    ) -> AsyncIterator[Sequence[Refusal]]:
        """The same, however many there are, in batches."""
        raise NotImplementedError

    async def refusal_groups(
        self,
        run: RunId | None = None,
        which: RefusalFilter = EVERY_REFUSAL,
        *,
        by: tuple[RefusalField, ...] = (
            RefusalField.MAP,
            RefusalField.DIRECTION,
            RefusalField.COLUMN,
            RefusalField.CAUSE,
        ),
    ) -> tuple[RefusalGroup, ...]:
        """The refused rows grouped, the largest group first."""
        raise NotImplementedError

    async def details(self, run: RunId) -> Mapping[str, object]:
        """The run as initial sync details: JSON; see :mod:`dualwrite.lifecycle.initial_sync.details`."""
        raise NotImplementedError
