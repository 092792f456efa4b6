"""How a run is cut into partitions: what the survey says, or the rows that are to be done again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from dualwrite.lifecycle.initial_sync.ending import copied_maps
from dualwrite.metadata.values import Value
from dualwrite.store.database import Store
from dualwrite.store.initial_syncs import InitialSyncRun, RerunKind
from dualwrite.store.partitions import Partition
from dualwrite.sync.initial_sync.job import ChosenMap, PlannedPartition
from dualwrite.sync.link import Pair, Routing

Ids: TypeAlias = Mapping[int, tuple[Value, ...]]
"""The record ids of partitions whose rows are named one by one, by number."""


async def cut(
    store: Store, pair: Pair, routing: Routing, run: InitialSyncRun, *, most_rows: int
) -> tuple[Sequence[Partition], Ids]:
    """The partitions of the run, of at most so many rows. Maps that have been stopped meanwhile have none."""
    plans = {each.map.name: each for each in routing.plans}
    maps = [
        ChosenMap(plans[each.map], each.master, _names(each.legal_entities))
        for each in await copied_maps(store, run)
        if each.map in plans
    ]
    # Polars is loaded where there is something to carry out, and not by every command.
    from dualwrite.sync.initial_sync.survey import survey, survey_again

    if run.rerun is RerunKind.FAILED:
        ids, whole = [await store.refusals.open_ids(run.connection, run.root, whole=each) for each in (False, True)]
        planned = survey_again(maps, ids, whole_ids=whole, most_rows=most_rows)
    else:
        planned = await survey(pair, routing, maps, most_rows=most_rows, created_before=run.created_before)
    named = {each.number: each.ids for each in planned if each.ids is not None}
    return [_kept(each) for each in planned], named


def _kept(each: PlannedPartition) -> Partition:
    return Partition(
        number=each.number,
        wave=each.wave,
        batch=each.batch,
        map=each.map_name,
        direction=each.direction,
        extent=each.extent,
        rows=each.rows,
        open_tables=each.open_tables,
        second_pass_of=each.second_pass_of,
        whole=each.whole,
    )


def _names(entities: tuple[str, ...] | None) -> frozenset[str] | None:
    return None if entities is None else frozenset(entities)
