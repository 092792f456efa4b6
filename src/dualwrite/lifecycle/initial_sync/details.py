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
class _Standing:
    """The partitions of one way through a map, summed up."""

    direction: Direction
    states: frozenset[PartitionState]
    started_at: datetime | None
    finished_at: datetime | None
    message: str


@dataclass(frozen=True, slots=True)
class _Way:
    """One way through a map, for one legal entity."""

    standing: _Standing
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
    ways = _ways(shown, counts, partitions, refused)
    return {
        "projectName": shown[0].map if len(shown) == 1 else f"{len(shown)} maps",
        "projectExecutionResponses": [
            _response(run, each, entity, found) for each in shown for entity, found in sorted(ways[each.map].items())
        ],
    }


def _ways(
    maps: Sequence[RunMap], counts: Sequence[MapCount], partitions: Sequence[Partition], refused: Sequence[Refusal]
) -> Mapping[str, Mapping[str, Sequence[_Way]]]:
    """By map and legal entity, the ways that the map goes, the master's first."""
    by_map: dict[str, list[Partition]] = {}
    for partition in partitions:
        by_map.setdefault(partition.map, []).append(partition)
    standings = {each.map: _standings(each, by_map.get(each.map, ())) for each in maps}
    counted = {(each.map, each.legal_entity, each.direction): each.counts for each in counts}
    listed: dict[tuple[str, str, Direction], list[Refusal]] = {}
    for refusal in refused:
        listed.setdefault((refusal.map, refusal.legal_entity, refusal.direction), []).append(refusal)
    entities: dict[str, set[str]] = {}
    for name, entity, _ in counted:
        entities.setdefault(name, set()).add(entity)
    return {
        each.map: {
            entity: [
                _Way(
                    standing,
                    counted.get((each.map, entity, standing.direction), RowCounts()),
                    tuple(listed.get((each.map, entity, standing.direction), ())),
                )
                for standing in standings[each.map]
            ]
            for entity in entities.get(each.map, {""})
        }
        for each in maps
    }


def _standings(each: RunMap, partitions: Sequence[Partition]) -> Sequence[_Standing]:
    own: dict[Direction, list[Partition]] = {}
    for it in partitions:
        own.setdefault(it.direction, []).append(it)
    return [
        _Standing(
            way,
            frozenset(it.state for it in own[way]),
            min((it.started_at for it in own[way] if it.started_at is not None), default=None),
            max((it.finished_at for it in own[way] if it.finished_at is not None), default=None),
            next((it.message for it in own[way] if it.message), ""),
        )
        for way in sorted(own, key=lambda way: way.source is not each.master)
    ]


def _response(run: InitialSyncRun, each: RunMap, entity: str, ways: Sequence[_Way]) -> Json:
    total = sum((way.counts for way in ways), RowCounts())
    finished = [way.standing.finished_at for way in ways if way.standing.finished_at is not None]
    states = frozenset[PartitionState]().union(*(way.standing.states for way in ways))
    status = _status(run, each, states, total).value
    return {
        "displayName": each.map,
        "projectName": each.map,
        "legalEntityName": entity,
        "legalEntityId": entity,
        "submittedOn": _moment(run.started_at),
        "executionStatus": status,
        "lastExecutionStatusChangeOn": _moment(max(finished, default=run.finished_at or run.started_at)),
        "initialSyncRequestId": str(run.run),
        "upsertCount": total.inserted + total.updated,
        "errorCount": total.refused,
        "taskExecutionStatuses": [
            {
                "name": each.map,
                "status": status,
                "isRunning": status == ExecutionStatus.RUNNING.value,
                "legs": [_leg(run, each, way) for way in ways],
            }
        ],
    }


def _leg(run: InitialSyncRun, each: RunMap, way: _Way) -> Json:
    counts, standing = way.counts, way.standing
    status = _status(run, each, standing.states, counts).value
    started = _moment(standing.started_at)
    finished = _moment(standing.finished_at) if standing.states == {PartitionState.DONE} else None
    return {
        "displayName": standing.direction.value,
        "status": status,
        "details": standing.message,
        "exportStatus": status,
        "exportStarted": started,
        "exportFinished": finished,
        "exportRecordCount": counts.read - counts.filtered,
        "exportRecordErrorCount": 0,
        "exportNewVersionToken": _moment(run.created_before),
        "exportRangeInfo": {"start": None, "end": _moment(run.created_before)},
        "importStatus": status,
        "importStarted": started,
        "importFinished": finished,
        "importRecordsInsertedCount": counts.inserted,
        "importRecordsUpdatedCount": counts.updated,
        "importRecordsErrorCount": counts.refused,
        "exportErrors": [],
        "importErrors": [
            {"recordId": it.record, "sourceField": it.column, "errorMessage": it.reason} for it in way.refused
        ],
        "importErrorUri": None,
    }


def _status(run: InitialSyncRun, each: RunMap, states: frozenset[PartitionState], counts: RowCounts) -> ExecutionStatus:
    if each.state is RunMapState.CANCELLED:
        return ExecutionStatus.CANCELLED
    if PartitionState.FAILED in states:
        return ExecutionStatus.FAILED
    if states <= {PartitionState.DONE} and run.state is not RunState.PLANNED:
        return ExecutionStatus.WITH_ERRORS if counts.refused else ExecutionStatus.COMPLETED
    if run.state is RunState.PAUSED:
        return ExecutionStatus.PAUSED
    return ExecutionStatus.NOT_STARTED if states <= {PartitionState.PENDING} else ExecutionStatus.RUNNING


def _moment(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
