"""Runs of the initial sync as documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from dualwrite.lifecycle.initial_sync.options import MapChoice, ProposedMap, RunOptions
from dualwrite.lifecycle.initial_sync.reports import Advance, MapProgress, RunProgress, RunReport
from dualwrite.maps.values import Direction
from dualwrite.metadata.schema import Side
from dualwrite.servers.admin.maps.models import EXAMPLE
from dualwrite.servers.admin.model import NOT_A_TEXT, Asked, Flag, Name, Told
from dualwrite.store.initial_syncs import InitialSyncRun, OnRefusals, RerunKind, RunMap, RunMapState, RunState
from dualwrite.store.partitions import MapCount, Partition, PartitionState
from dualwrite.store.refusals import Refusal, RefusalGroup
from dualwrite.sync.initial_sync.job import Conflict, PreviewedWay, RefusedRow


class Counts(Told):
    """How rows ended: ``read`` is the sum of the next five; ``conflicts`` is beside the sum."""

    read: int
    inserted: int
    updated: int
    equal: int
    filtered: int
    refused: int
    conflicts: int


class CountsOfMap(Counts):
    """The counts of one map, way and legal entity (null: none)."""

    map: str
    direction: Direction
    legal_entity: str | None

    @classmethod
    def of_map(cls, each: MapCount) -> CountsOfMap:
        return cls(
            map=each.map, direction=each.direction, legal_entity=each.legal_entity or None, **asdict(each.counts)
        )


class Run(Told):
    """One run, and where it stands."""

    run: UUID
    state: RunState
    on_refusals: OnRefusals
    started_by: str
    started_at: datetime
    created_before: datetime
    """Younger rows, by the clock of Dataverse, are live sync's."""
    finished_at: datetime | None
    message: str
    rerun_of: UUID | None
    root: UUID
    """The first run of the chain of reruns that this one belongs to."""
    rerun: RerunKind | None

    @classmethod
    def of(cls, each: InitialSyncRun) -> Run:
        return cls(**_run_facts(each))


def _run_facts(each: InitialSyncRun) -> dict[str, Any]:
    return {
        "run": each.run,
        "state": each.state,
        "on_refusals": each.on_refusals,
        "started_by": each.started_by,
        "started_at": each.started_at,
        "created_before": each.created_before,
        "finished_at": each.finished_at,
        "message": each.message,
        "rerun_of": each.parent,
        "root": each.root,
        "rerun": each.rerun,
    }


class MapOfRun(Told):
    """A map of a run. ``legal_entities`` null: all that are linked."""

    map: str
    position: int
    master: Side
    legal_entities: Sequence[str] | None
    enabled: bool
    state: RunMapState
    was_running: bool


class RunShown(Run):
    """A run with its maps, and how their rows ended."""

    maps: Sequence[MapOfRun]
    total: Counts
    counts: Sequence[CountsOfMap]

    @classmethod
    def of_report(cls, report: RunReport) -> RunShown:
        return cls(
            **_run_facts(report.run),
            maps=[_map_of_run(each) for each in report.maps],
            total=Counts.model_validate(report.total),
            counts=[CountsOfMap.of_map(each) for each in report.counts],
        )


def _map_of_run(each: RunMap) -> MapOfRun:
    return MapOfRun.model_validate(each)


class AdvanceShown(Told):
    """How far a part of a run is. ``remaining_s`` is null as long as there is no rate."""

    rows_planned: int
    rows_done: int
    partitions: int
    partitions_done: int
    partitions_running: int
    partitions_failed: int
    rows_per_s: float
    remaining_s: float | None
    counts: Counts

    @classmethod
    def of(cls, each: Advance) -> AdvanceShown:
        return cls.model_validate(each)


class ProgressOfMap(Told):
    """How far a map is, one way."""

    map: MapOfRun
    direction: Direction
    advance: AdvanceShown

    @classmethod
    def of(cls, each: MapProgress) -> ProgressOfMap:
        return cls(map=_map_of_run(each.map), direction=each.direction, advance=AdvanceShown.of(each.advance))


class Progress(Told):
    """How far a run is, in all and map by map."""

    run: Run
    total: AdvanceShown
    maps: Sequence[ProgressOfMap]

    @classmethod
    def of(cls, each: RunProgress) -> Progress:
        maps = [ProgressOfMap.of(one) for one in each.maps]
        return cls(run=Run.of(each.run), total=AdvanceShown.of(each.total), maps=maps)


class PartitionShown(Told):
    """Rows of one map and way that are carried out in one transaction."""

    number: int
    map: str
    direction: Direction
    legal_entities: Sequence[str] | None
    rows: int
    second_pass_of: int | None
    state: PartitionState
    attempts: int
    worker: str
    message: str
    started_at: datetime | None
    finished_at: datetime | None

    @classmethod
    def of(cls, each: Partition) -> PartitionShown:
        return cls(
            number=each.number,
            map=each.map,
            direction=each.direction,
            legal_entities=each.extent.companies if each.extent is not None else None,
            rows=each.rows,
            second_pass_of=each.second_pass_of,
            state=each.state,
            attempts=each.attempts,
            worker=each.worker,
            message=each.message,
            started_at=each.started_at,
            finished_at=each.finished_at,
        )


class RefusalShown(Told):
    """A row that could not be copied: ``column`` (empty: the whole record), reason and cause, and the row itself.

    ``settled_by`` is the run that did the row again; null: this is the last word.
    """

    run: UUID
    map: str
    direction: Direction
    legal_entity: str
    record: str
    record_id: str
    column: str
    code: str
    reason: str
    cause: str
    row: Mapping[str, Any]
    whole: bool
    """Whether a run has inserted the row and could not complete it: done again, it gets all columns."""
    partition: int
    id: int
    at: datetime
    settled_by: UUID | None

    @classmethod
    def of(cls, each: Refusal) -> RefusalShown:
        return cls.model_validate(each)


class RefusalGroupShown(Told):
    """Refused rows that have these fields in common; ``records`` names a few of them, ``reason`` is of one."""

    fields: Mapping[str, str]
    rows: int
    reason: str
    records: Sequence[str]

    @classmethod
    def of(cls, each: RefusalGroup) -> RefusalGroupShown:
        fields = {field.value.replace(" ", "_"): value for field, value in each.fields.items()}
        return cls(fields=fields, rows=each.rows, reason=each.reason, records=each.records)


# --- what is asked ----------------------------------------------------------------------------------------------------


class MapAsked(Asked):
    """A map of a run: whose values win, and for which legal entities (null: all that are linked)."""

    map: Annotated[Name, Field(examples=[EXAMPLE])]
    master: Side = Side.FINOPS
    legal_entities: Annotated[tuple[Name, ...], Field(min_length=1, max_length=10_000)] | None = None
    enabled: Flag = True
    """False leaves the map out, and notes it beside the run."""


class RunAsked(Asked):
    """What a run is to cover."""

    maps: Annotated[tuple[MapAsked, ...], Field(min_length=1, max_length=2000)]
    include_related: Flag = False
    """Also the maps whose rows the chosen ones look up, unless they run."""
    in_order: Flag = False
    """The maps are copied in the order given; otherwise in that of their dependencies."""
    on_refusals: OnRefusals = OnRefusals.GO_LIVE
    """Whether the run waits for a decision before its maps are running, once rows were refused."""

    def options(self, who: str) -> RunOptions:
        choices = tuple(MapChoice(each.map, each.master, each.legal_entities, each.enabled) for each in self.maps)
        return RunOptions(
            choices,
            who=who,
            include_related=self.include_related,
            in_order=self.in_order,
            on_refusals=self.on_refusals,
        )


class PreviewAsked(RunAsked):
    """A run that is only looked at."""

    samples: Annotated[int, Field(ge=0, le=100), NOT_A_TEXT] = 3
    """Conflicts and refusals that are told of each map, way and legal entity."""


class RerunAsked(Asked):
    """Which rows of the run are done again."""

    rows: RerunKind = RerunKind.FAILED


class MapProposed(Told):
    """A map in the order in which it would be copied."""

    map: str
    position: int
    master: Side
    legal_entities: Sequence[str] | None
    related: bool
    """Not chosen; the chosen ones look up its rows."""
    needed_by: Sequence[str]
    included: bool
    running: bool
    rows: Mapping[Side, int]
    """How many rows each side has in the legal entities of the run; none are counted for a map that cannot run."""

    @classmethod
    def of(cls, each: ProposedMap, rows: Mapping[Side, int]) -> MapProposed:
        return cls(
            map=each.choice.name,
            position=each.position,
            master=each.choice.master,
            legal_entities=each.choice.legal_entities,
            related=each.related,
            needed_by=each.needed_by,
            included=each.is_included,
            running=each.is_running,
            rows=rows,
        )


class ConflictShown(Told):
    """A column in which a record differs: ``value`` is the master's, and would replace ``held``."""

    record: str
    column: str
    value: Any
    held: Any


class RefusedSample(Told):
    """A row that would be refused."""

    record: str
    column: str
    code: str
    reason: str
    cause: str
    row: Mapping[str, Any]


class WayPreviewed(Counts):
    """What a run would do with the rows of one map, way and legal entity."""

    map: str
    direction: Direction
    legal_entity: str | None
    conflict_samples: Sequence[ConflictShown]
    refused_samples: Sequence[RefusedSample]

    @classmethod
    def of(cls, each: PreviewedWay) -> WayPreviewed:
        return cls(
            map=each.map_name,
            direction=each.direction,
            legal_entity=each.legal_entity or None,
            conflict_samples=[_conflict(one) for one in each.conflicts],
            refused_samples=[_sample(one) for one in each.refused],
            **asdict(each.count),
        )


def _conflict(each: Conflict) -> ConflictShown:
    return ConflictShown.model_validate(each)


def _sample(each: RefusedRow) -> RefusedSample:
    return RefusedSample.model_validate(each)


class Previewed(Told):
    """What a run would do; nothing has been written, and no map was started."""

    maps: Sequence[MapProposed]
    ways: Sequence[WayPreviewed]
