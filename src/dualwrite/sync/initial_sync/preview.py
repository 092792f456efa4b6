"""What a run would do, told before anything is written: every partition is read and judged, none is carried out.

What only shows when rows are written (a number that is taken in the target, by a key that the map does not know) is
told by the run.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final, TypeAlias, TypeVar
from uuid import UUID

from dualwrite.environments.bulk import CopyParticipant
from dualwrite.maps.plan import Path
from dualwrite.maps.values import Direction
from dualwrite.metadata.values import Value
from dualwrite.sync.initial_sync.desk import Desk, Preview, route_there, whole_rows
from dualwrite.sync.initial_sync.endings import Endings
from dualwrite.sync.initial_sync.job import (
    ChosenMap,
    Conflict,
    Count,
    PartitionJob,
    PartitionOutcome,
    PlannedPartition,
    PreviewedWay,
    RefusedRow,
    together,
)
from dualwrite.sync.initial_sync.judging import judge
from dualwrite.sync.initial_sync.partition import parts
from dualwrite.sync.initial_sync.reading import ENTITY, Glance, read_rows
from dualwrite.sync.initial_sync.row_path import write_one_by_one
from dualwrite.sync.initial_sync.survey import MOST_ROWS, survey
from dualwrite.sync.initial_sync.trial import try_new_rows
from dualwrite.sync.initial_sync.written import Written
from dualwrite.sync.link import COMPANY_CODE, COMPANY_TABLE, Pair, Routing

Previewed: TypeAlias = Callable[[PlannedPartition], Awaitable[None]]
"""Is told each partition that has been looked at."""

Unfinished: TypeAlias = Mapping[str, Mapping[Direction, Collection[Value]]]
"""By map and direction, the record ids of rows that runs have inserted and could not complete."""

_NO_RUN: Final = UUID(int=0)
_Group: TypeAlias = tuple[str, Direction, str]
_Sample = TypeVar("_Sample")


async def unwatched(each: PlannedPartition) -> None:
    """Nobody follows the preview."""


async def preview(
    pair: Pair,
    routing: Routing,
    maps: Sequence[ChosenMap],
    *,
    most_rows: int = MOST_ROWS,
    samples: int = 5,
    unfinished: Unfinished = MappingProxyType({}),
    previewed: Previewed = unwatched,
) -> Sequence[PreviewedWay]:
    """What a run over ``maps``, in this order, would do with the rows of each map, direction and legal entity.

    Nothing is written on either side. Rows that earlier maps would bring count as there. ``samples`` is how many
    conflicts and refusals are told of each. ``unfinished`` as in ``PartitionJob``, by map and direction. ``routing``
    holds the companies and the plans of ``maps``, which need not run.
    """
    planned = await survey(pair, routing, maps, most_rows=most_rows)
    view = _View(pair, routing, Preview(_watched(maps), samples))
    left_open: list[tuple[PlannedPartition, PartitionOutcome]] = []
    for each in planned:
        outcome = await view.look(_job(each, maps, unfinished), None)
        if outcome.open_ids:
            left_open.append((each, outcome))
        await previewed(each)
    for each, first in left_open:
        again = replace(each, extent=None, ids=first.open_ids, open_tables=frozenset(), second_pass_of=each.number)
        await view.look(_job(again, maps, unfinished), first)
    return view.told()


def _job(each: PlannedPartition, maps: Sequence[ChosenMap], unfinished: Unfinished) -> PartitionJob:
    chosen = next(it for it in maps if it.plan.map.name == each.map_name)
    return each.job(_NO_RUN, chosen, created_before=None, unfinished=unfinished.get(each.map_name, {}))


def _watched(maps: Sequence[ChosenMap]) -> Mapping[str, frozenset[Path]]:
    """Per table of Dataverse, the paths by which its rows are looked for."""
    found: dict[str, set[Path]] = {COMPANY_TABLE: {(COMPANY_CODE,)}}
    for chosen in maps:
        route = chosen.plan.to_dataverse
        for column in route.columns if route is not None else ():
            for alternative in column.lookup.alternatives if column.lookup is not None else ():
                paths = {each.target_path for each in alternative.conditions}
                found.setdefault(alternative.table, set()).update(paths)
    return {table: frozenset(paths) for table, paths in found.items()}


@dataclass(slots=True)
class _Seen:
    """What has been seen of one map, direction and legal entity."""

    count: Count = field(default_factory=Count)
    conflicts: list[Conflict] = field(default_factory=list)
    refused: list[RefusedRow] = field(default_factory=list)


@dataclass(slots=True)
class _View:
    """What has been seen so far."""

    pair: Pair
    routing: Routing
    preview: Preview
    seen: dict[_Group, _Seen] = field(default_factory=dict)

    async def look(self, job: PartitionJob, first: PartitionOutcome | None) -> PartitionOutcome:
        """The partition is among what is told. ``first`` is the outcome of the pass that left its rows open."""
        source, target = self.pair.side(job.route.source.side), self.pair.side(job.route.target.side)
        # Rows that are tried one by one are taken back: neither transaction is committed.
        async with source.copying() as reading, target.copying() as writing:
            await reading.begin()
            await writing.begin()
            return together([await self._part(part, first, reading, writing) for part in parts(job, first)])

    async def _part(
        self, job: PartitionJob, first: PartitionOutcome | None, reading: CopyParticipant, writing: CopyParticipant
    ) -> PartitionOutcome:
        rows = await read_rows(reading, self.routing, job, glance=Glance(route_there(job)))
        endings = Endings(job, rows)
        desk = Desk(reading, writing, self.routing, job, rows.frame, endings, preview=self.preview)
        self.preview.conflicts.clear()
        judged = await judge(desk, rows.frame)
        await try_new_rows(desk, judged.inserts)
        await write_one_by_one(desk, await whole_rows(desk, judged.one_by_one), Written())
        outcome = endings.outcome() if first is None else endings.correction(first)
        for entity, count in outcome.counts.items():
            self._of(job, entity).count += count
        for row in endings.refused:
            self._sample(self._of(job, row.company).refused, [row])
        entities = rows.frame[ENTITY]
        for position, found in self.preview.conflicts.items():
            self._sample(self._of(job, entities[position]).conflicts, found)
        return outcome

    def _of(self, job: PartitionJob, entity: str) -> _Seen:
        return self.seen.setdefault((job.plan.map.name, job.direction, entity), _Seen())

    def _sample(self, kept: list[_Sample], found: Sequence[_Sample]) -> None:
        kept += found[: max(0, self.preview.samples - len(kept))]

    def told(self) -> Sequence[PreviewedWay]:
        return [
            PreviewedWay(*group, each.count, tuple(each.conflicts), tuple(each.refused))
            for group, each in self.seen.items()
        ]
