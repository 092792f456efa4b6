"""A run as *initial sync details*, the structure that tools around dual-write read.

===============================================  ====================================================================
``projectName``                                  the run's map; of several maps, how many they are
``projectExecutionResponses``                    one for each map and legal entity, maps in the order of copying
``displayName``, ``projectName``                 the map
``legalEntityName``, ``legalEntityId``           the legal entity; empty for a map that is not company-specific
``submittedOn``                                  when the run was started
``executionStatus``                              how far the run is with the map; see ``ExecutionStatus``
``lastExecutionStatusChangeOn``                  when the last partition of the map, or the run, came to its end
``initialSyncRequestId``                         the run
``upsertCount``, ``errorCount``                  rows inserted and updated, rows refused, both ways together
``taskExecutionStatuses``                        one: the map
``legs``                                         one for each way, the master's first
``exportRecordCount``                            rows read, without those that the map's filter leaves out
``exportRecordErrorCount``, ``exportErrors``     0 and none: a row that can be read is refused on its way in, if at all
``exportNewVersionToken``, ``exportRangeInfo``   the moment up to which rows were read; younger ones are live sync's
``importRecordsInsertedCount`` and the others    rows inserted, updated and refused
``importErrors``                                 the first of the refused rows; all of them are in the refusal report
``importErrorUri``                               null: there is no file in a blob store
===============================================  ====================================================================
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from dualwrite.maps.values import Direction
from dualwrite.store.initial_syncs import InitialSyncRun, RunMap, RunMapState, RunState
from dualwrite.store.partitions import MapCount, Partition, PartitionState, RowCounts
from dualwrite.store.refusals import Refusal

ERRORS_SHOWN = 5
"""So many refused rows of each map, way and legal entity are listed."""

Json = Mapping[str, object]


class ExecutionStatus(Enum):
    """What a map or a way through it has come to."""

    NOT_STARTED = "NotStarted"
    RUNNING = "InProgress"
    PAUSED = "Paused"
    COMPLETED = "Completed"
    WITH_ERRORS = "CompletedWithErrors"
    FAILED = "Failed"
    CANCELLED = "Cancelled"


@dataclass(frozen=True, slots=True)
class _Way:
    """One way through a map, for one legal entity."""

    direction: Direction
    partitions: tuple[Partition, ...]
    counts: RowCounts
    refused: tuple[Refusal, ...]


def details_of(
    run: InitialSyncRun,
    maps: Sequence[RunMap],
    counts: Sequence[MapCount],
    partitions: Sequence[Partition],
    refused: Sequence[Refusal],
) -> Json:
    """The details, as JSON. ``refused`` are the rows to be listed."""
    shown = [each for each in maps if each.enabled]
    return {
        "projectName": shown[0].map if len(shown) == 1 else f"{len(shown)} maps",
        "projectExecutionResponses": [
            _response(run, each, entity, ways)
            for each in shown
            for entity, ways in _ways(each, counts, partitions, refused).items()
        ],
    }


def _ways(
    each: RunMap, counts: Sequence[MapCount], partitions: Sequence[Partition], refused: Sequence[Refusal]
) -> Mapping[str, Sequence[_Way]]:
    """By legal entity, the ways that the map goes."""
    own = [it for it in partitions if it.map == each.map]
    directions = sorted({it.direction for it in own}, key=lambda way: way.source is not each.master)
    by_entity: dict[str, dict[Direction, RowCounts]] = {}
    for count in counts:
        if count.map == each.map:
            by_entity.setdefault(count.legal_entity, {})[count.direction] = count.counts
    return {
        entity: [
            _Way(
                way,
                tuple(it for it in own if it.direction is way),
                found.get(way, RowCounts()),
                tuple(it for it in refused if (it.map, it.direction, it.legal_entity) == (each.map, way, entity)),
            )
            for way in directions
        ]
        for entity, found in sorted((by_entity or {"": {}}).items())
    }


def _response(run: InitialSyncRun, each: RunMap, entity: str, ways: Sequence[_Way]) -> Json:
    total = sum((way.counts for way in ways), RowCounts())
    finished = [it.finished_at for way in ways for it in way.partitions if it.finished_at is not None]
    status = _map_status(run, each, ways, total)
    return {
        "displayName": each.map,
        "projectName": each.map,
        "legalEntityName": entity,
        "legalEntityId": entity,
        "submittedOn": _moment(run.started_at),
        "executionStatus": status.value,
        "lastExecutionStatusChangeOn": _moment(max(finished, default=run.finished_at or run.started_at)),
        "initialSyncRequestId": str(run.run),
        "upsertCount": total.inserted + total.updated,
        "errorCount": total.refused,
        "taskExecutionStatuses": [
            {
                "name": each.map,
                "status": status.value,
                "isRunning": status is ExecutionStatus.RUNNING,
                "legs": [_leg(run, each, way) for way in ways],
            }
        ],
    }


def _leg(run: InitialSyncRun, each: RunMap, way: _Way) -> Json:
    status = _status(run, each, way.partitions, way.counts)
    counts = way.counts
    started = min((it.started_at for it in way.partitions if it.started_at is not None), default=None)
    is_through = all(it.state is PartitionState.DONE for it in way.partitions)
    finished = max((it.finished_at for it in way.partitions if it.finished_at is not None), default=None)
    times = _moment(started), _moment(finished) if is_through else None
    return {
        "displayName": way.direction.value,
        "status": status.value,
        "details": next((it.message for it in way.partitions if it.message), ""),
        "exportStatus": status.value,
        "exportStarted": times[0],
        "exportFinished": times[1],
        "exportRecordCount": counts.read - counts.filtered,
        "exportRecordErrorCount": 0,
        "exportNewVersionToken": _moment(run.created_before),
        "exportRangeInfo": {"start": None, "end": _moment(run.created_before)},
        "importStatus": status.value,
        "importStarted": times[0],
        "importFinished": times[1],
        "importRecordsInsertedCount": counts.inserted,
        "importRecordsUpdatedCount": counts.updated,
        "importRecordsErrorCount": counts.refused,
        "exportErrors": [],
        "importErrors": [
            {"recordId": it.record, "sourceField": it.column, "errorMessage": it.reason} for it in way.refused
        ],
        "importErrorUri": None,
    }


def _map_status(run: InitialSyncRun, each: RunMap, ways: Sequence[_Way], total: RowCounts) -> ExecutionStatus:
    return _status(run, each, [it for way in ways for it in way.partitions], total)


def _status(run: InitialSyncRun, each: RunMap, partitions: Sequence[Partition], counts: RowCounts) -> ExecutionStatus:
    if each.state is RunMapState.CANCELLED:
        return ExecutionStatus.CANCELLED
    if any(it.state is PartitionState.FAILED for it in partitions):
        return ExecutionStatus.FAILED
    if all(it.state is PartitionState.DONE for it in partitions) and run.state is not RunState.PLANNED:
        return ExecutionStatus.WITH_ERRORS if counts.refused else ExecutionStatus.COMPLETED
    if run.state is RunState.PAUSED:
        return ExecutionStatus.PAUSED
    begun = any(it.state is not PartitionState.PENDING for it in partitions)
    return ExecutionStatus.RUNNING if begun else ExecutionStatus.NOT_STARTED


def _moment(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
