"""What people look at: how far a run is, how its rows ended, and which were refused."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from dualwrite.errors import NotFound
from dualwrite.lifecycle.initial_sync.details import ERRORS_SHOWN, details_of
from dualwrite.maps.values import Direction
from dualwrite.metadata.schema import Side
from dualwrite.store.database import Store
from dualwrite.store.initial_syncs import InitialSyncRun, RunId, RunMap
from dualwrite.store.partitions import MapCount, Partition, RowCounts
from dualwrite.store.refusals import EVERY_REFUSAL, Refusal, RefusalField, RefusalFilter, RefusalGroup
from dualwrite.store.sync_progress import Standing

BY_CAUSE = (RefusalField.MAP, RefusalField.DIRECTION, RefusalField.COLUMN, RefusalField.CAUSE)
_NEVER = "There has been no initial sync yet. Start one: dualwrite initial-sync run"


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
        """The run whose id begins with ``name``, the latest when it is empty. Raises: NotFound."""
        runs = await self._store.initial_syncs.list(self._connection, limit_rows=None)
        found = [each for each in runs if str(each.run).startswith(name.lower())]
        if not found or (name and len(found) > 1):
            known = ", ".join(str(each.run)[:8] for each in (found or runs)[:5]) or "none"
            problem = "Several initial syncs begin" if found else "No initial sync begins"
            message = f"{problem} with {name!r}. There are: {known}." if name else _NEVER
            raise NotFound(message, run=name)
        return found[0]

    async def run(self, run: RunId) -> InitialSyncRun:
        """The run. Raises: NotFound for an unknown one."""
        record = await self._store.initial_syncs.get(run)
        if record is None or record.connection != self._connection:
            raise NotFound(f"There is no initial sync {run}.", run=str(run))
        return record

    async def runs(self, *, started_until: datetime | None = None, limit_rows: int) -> tuple[InitialSyncRun, ...]:
        """The runs that were started by that moment, latest first."""
        return await self._store.initial_syncs.list(
            self._connection, started_until=started_until, limit_rows=limit_rows
        )

    async def history(self, *, limit_rows: int = 20) -> tuple[RunReport, ...]:
        """The runs, latest first; their counts by map and direction, legal entities together."""
        runs = await self._store.initial_syncs.list(self._connection, limit_rows=limit_rows)
        ids = [each.run for each in runs]
        maps = await self._store.initial_syncs.maps_of(ids)
        counts = await self._store.sync_progress.counts_by_map(ids)
        return tuple(RunReport(each, maps.get(each.run, ()), counts.get(each.run, ())) for each in runs)

    async def report(self, run: RunId) -> RunReport:
        """How the run went so far. Raises: NotFound for an unknown run."""
        record = await self.run(run)
        maps = await self._store.initial_syncs.maps(run)
        return RunReport(record, maps, await self._store.partitions.counts(run))

    # --- how far it is ------------------------------------------------------------------------------------------------

    async def progress(self, run: RunId) -> RunProgress:
        """How far the run is; cheap enough to be asked every second. Raises: NotFound for an unknown run."""
        record = await self.run(run)
        maps = {each.map: each for each in await self._store.initial_syncs.maps(run)}
        counts = {
            (each.map, each.direction): each.counts
            for each in (await self._store.sync_progress.counts_by_map([run])).get(run, ())
        }
        standings = sorted(await self._store.sync_progress.by_map(run), key=lambda each: _place(each, maps[each.map]))
        active = not record.state.is_at_rest
        return RunProgress(
            record,
            _advance(_together(standings), sum(counts.values(), RowCounts()), active=active),
            tuple(
                MapProgress(
                    maps[each.map],
                    each.direction,
                    _advance(each, counts.get((each.map, each.direction), RowCounts()), active=active),
                )
                for each in standings
            ),
        )

    async def by_legal_entity(self, run: RunId, *, map: str | None = None) -> Mapping[str, Advance]:
        """How far the legal entities (empty: none) are, of one map when named.

        A partition that several share counts for each of them, with its rows divided evenly. Raises: NotFound.
        """
        record = await self.run(run)
        links = await self._store.connections.companies(self._connection)
        entities = {str(each.company_code).lower(): str(each.legal_entity) for each in links}
        known = {str(each.legal_entity).lower(): str(each.legal_entity) for each in links}
        standings: dict[str, list[Standing]] = {}
        for (way, company), each in (await self._store.sync_progress.by_company(run, map=map)).items():
            names = known if way.source is Side.FINOPS else entities
            standings.setdefault(names.get(company.lower(), company), []).append(each)
        counts = await self._store.sync_progress.counts_by_legal_entity(run, map=map)
        active = not record.state.is_at_rest
        return {
            entity: _advance(_together(each), counts.get(entity, RowCounts()), active=active)
            for entity, each in sorted(standings.items())
        }

    async def partitions(self, run: RunId, *, map: str | None = None) -> tuple[Partition, ...]:
        """The partitions in order, of one map when named."""
        return await self._store.partitions.list(run, map=map)

    # --- what was refused ---------------------------------------------------------------------------------------------

    async def refused(
        self,
        run: RunId | None = None,
        which: RefusalFilter = EVERY_REFUSAL,
        *,
        after: int | None = None,
        limit_rows: int | None = None,
        offset_rows: int = 0,
    ) -> tuple[Refusal, ...]:
        """The refused rows of a run in the order they were met; without a run those of all that are still open."""
        return await self._store.refusals.list(
            self._connection, run, which, after=after, limit_rows=limit_rows, offset_rows=offset_rows
        )

    def all_refused(
        self, run: RunId | None = None, which: RefusalFilter = EVERY_REFUSAL, *, batch_rows: int = 1000
    ) -> AsyncIterator[Sequence[Refusal]]:
        """The same, however many there are, in batches."""
        return self._store.refusals.all(self._connection, run, which, batch_rows=batch_rows)

    async def refusal_groups(
        self, run: RunId | None = None, which: RefusalFilter = EVERY_REFUSAL, *, by: tuple[RefusalField, ...] = BY_CAUSE
    ) -> tuple[RefusalGroup, ...]:
        """The refused rows grouped, the largest group first."""
        return await self._store.refusals.groups(self._connection, run, which, by=by)

    async def details(self, run: RunId) -> Mapping[str, object]:
        """The run as initial sync details: JSON; see :mod:`dualwrite.lifecycle.initial_sync.details`."""
        report = await self.report(run)
        refused = await self._store.refusals.first_of_each(run, rows=ERRORS_SHOWN)
        return details_of(report.run, report.maps, report.counts, await self.partitions(run), refused)


def _place(each: Standing, of: RunMap) -> tuple[int, bool]:
    """Maps in the order of copying, the master's way first."""
    return of.position, each.direction.source is not of.master


def _together(standings: Sequence[Standing]) -> Standing:
    return Standing(
        map="",
        direction=Direction.TO_DATAVERSE,
        rows=sum(each.rows for each in standings),
        rows_done=sum(each.rows_done for each in standings),
        partitions=sum(each.partitions for each in standings),
        done=sum(each.done for each in standings),
        running=sum(each.running for each in standings),
        failed=sum(each.failed for each in standings),
        rows_lately=sum(each.rows_lately for each in standings),
        since_s=max((each.since_s for each in standings), default=0.0),
    )


def _advance(standing: Standing, counts: RowCounts, *, active: bool) -> Advance:
    rate = standing.rows_per_s if active else 0.0
    return Advance(
        rows_planned=standing.rows,
        rows_done=standing.rows_done,
        partitions=standing.partitions,
        partitions_done=standing.done,
        partitions_running=standing.running,
        partitions_failed=standing.failed,
        rows_per_s=rate,
        remaining_s=(standing.rows - standing.rows_done) / rate if rate else None,
        counts=counts,
    )
