"""A run is cut into partitions, and these are packed into batches and waves."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Final

from dualwrite.environments.bulk import CopyParticipant, Extent
from dualwrite.maps.values import Direction
from dualwrite.metadata.schema import Side
from dualwrite.metadata.values import Value
from dualwrite.sync.initial_sync.job import ChosenMap, PlannedPartition
from dualwrite.sync.initial_sync.order import Way, open_tables, waves
from dualwrite.sync.link import COMPANY_TABLE, Pair, Routing

MOST_ROWS: Final = 50_000
"""Rows of one partition: what is in memory at a time, and what is written in one transaction."""
_BATCHES: Final = 8
"""So many batches of a wave and direction are enough to keep the workers of a small installation busy to the end."""
_PARTITIONS_TOGETHER: Final = 4
"""Full partitions of one batch at most."""
_MOST_PARTITIONS: Final = 50
"""Of one batch: partitions of no rows are some work, too."""


async def survey(
    pair: Pair,
    routing: Routing,
    maps: Sequence[ChosenMap],
    *,
    most_rows: int = MOST_ROWS,
    created_before: datetime | None = None,
) -> Sequence[PlannedPartition]:
    """The partitions of all ways of ``maps``, which are in the order of the run. Reads only.

    To be called when the maps have gone live, with that moment: what is created later is not among the rows.
    """
    found: dict[Way, Sequence[Extent]] = {}

    async def surveyed(side: Side) -> None:
        async with pair.side(side).copying() as session:
            await session.begin()
            extents = _Extents(session, routing, most_rows, created_before)
            for chosen in maps:
                for way in chosen.ways:
                    if way.source is side:
                        found[chosen.plan.map.name, way] = await extents.of(chosen, side)
            # No row has changed; what the environment has learnt about its tables on the way is kept.
            await session.commit()

    await asyncio.gather(*map(surveyed, Side))
    return pack(_partitions(maps, found), most_rows=most_rows)


def survey_again(
    maps: Sequence[ChosenMap],
    ids: Mapping[Way, Sequence[Value]],
    *,
    whole_ids: Mapping[Way, Sequence[Value]] = MappingProxyType({}),
    most_rows: int = MOST_ROWS,
) -> Sequence[PlannedPartition]:
    """The partitions in which the rows with these record ids are done again, in the same order as a whole run.

    Those of ``whole_ids`` get all columns: an earlier run has inserted them and could not complete them.
    """
    wave, unfinished = waves(maps), open_tables(maps)
    partitions = [
        PlannedPartition(0, wave[way], 0, *way, None, unfinished[way], tuple(rows[start:][:most_rows]), whole=whole)
        for way in _ways(maps)
        for whole, rows in ((False, ids.get(way, ())), (True, whole_ids.get(way, ())))
        for start in range(0, len(rows), most_rows)
    ]
    return pack(partitions, most_rows=most_rows)


def pack(partitions: Sequence[PlannedPartition], *, most_rows: int) -> Sequence[PlannedPartition]:
    """The partitions in the order of their waves, numbered from 0, small ones together in one batch.

    A batch is of one wave and writes to one environment; it has at most ``most_rows`` rows unless it is a single
    partition, or there is so much of its kind that everybody has several batches to do.
    """
    packed: list[PlannedPartition] = []
    batch, filled, kind = -1, 0, None
    share = _shares(partitions, most_rows=most_rows)
    for each in sorted(partitions, key=lambda it: (it.wave, it.direction.name)):
        weight = max(each.rows, -(-most_rows // _MOST_PARTITIONS))
        if kind != (each.wave, each.direction) or filled + weight > share[each.wave, each.direction]:
            batch, filled, kind = batch + 1, 0, (each.wave, each.direction)
        filled += weight
        packed.append(replace(each, number=len(packed), batch=batch))
    return packed


def _shares(partitions: Sequence[PlannedPartition], *, most_rows: int) -> Mapping[tuple[int, Direction], int]:
    """Rows of one batch of each wave and direction: taking a batch from the queue takes a moment, too."""
    rows: Counter[tuple[int, Direction]] = Counter()
    for each in partitions:
        rows[each.wave, each.direction] += each.rows
    most = most_rows * _PARTITIONS_TOGETHER
    return {kind: max(most_rows, min(most, count // _BATCHES)) for kind, count in rows.items()}


def _partitions(maps: Sequence[ChosenMap], extents: Mapping[Way, Sequence[Extent]]) -> list[PlannedPartition]:
    wave, unfinished = waves(maps), open_tables(maps)
    return [
        PlannedPartition(0, wave[way], 0, way[0], way[1], extent, unfinished[way])
        for way in _ways(maps)
        for extent in extents[way]
    ]


def _ways(maps: Sequence[ChosenMap]) -> Iterator[Way]:
    yield from ((each.plan.map.name, way) for each in maps for way in each.ways)


class _Extents:
    """Cuts the tables of one side."""

    def __init__(
        self, session: CopyParticipant, routing: Routing, most_rows: int, created_before: datetime | None
    ) -> None:
        self._session = session
        self._routing = routing
        self._most_rows = most_rows
        self._created_before = created_before

    async def of(self, chosen: ChosenMap, side: Side) -> Sequence[Extent]:
        """The extents of the map's table: of the linked companies, and of the others, whose rows are only counted."""
        plan = chosen.plan
        table = plan.finops if side is Side.FINOPS else plan.dataverse
        if not plan.company_specific or table.company_column is None or plan.dataverse.name == COMPANY_TABLE:
            return await self._survey(table.name, None)
        linked = self._linked(chosen, side)
        return await self._survey(table.name, linked, others=chosen.legal_entities is None)

    def _linked(self, chosen: ChosenMap, side: Side) -> Sequence[str]:
        """The linked companies that take part, in the words of ``side``."""
        wanted = None if chosen.legal_entities is None else {each.lower() for each in chosen.legal_entities}
        words = [
            str(link.legal_entity) if side is Side.FINOPS else str(link.company_code)
            for link in self._routing.companies.links
            if wanted is None or link.legal_entity.lower() in wanted
        ]
        return tuple({word.lower(): word for word in words}.values())

    async def _survey(self, table: str, companies: Sequence[str] | None, *, others: bool = False) -> Sequence[Extent]:
        return await self._session.survey(
            table,
            companies=companies,
            most_rows=self._most_rows,
            others=others,
            created_before=self._created_before,
        )
