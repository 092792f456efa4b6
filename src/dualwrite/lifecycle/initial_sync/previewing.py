"""A run that is only looked at: both sides are read and judged, nothing is written, and no map starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from dualwrite.lifecycle.initial_sync.options import MapChoice
from dualwrite.maps.plan import Plan
from dualwrite.store.database import Store
from dualwrite.sync.initial_sync.job import ChosenMap, PreviewedWay
from dualwrite.sync.initial_sync.preview import Previewed, preview, unwatched
from dualwrite.sync.link import Pair
from dualwrite.sync.stored_router import StoredRouter


async def preview_run(
    store: Store,
    connection: str,
    pair: Pair,
    router: StoredRouter,
    chosen: Mapping[MapChoice, Plan],
    *,
    samples: int,
    previewed: Previewed = unwatched,
) -> Sequence[PreviewedWay]:
    """What a run over the maps, in this order, would do; they need not run. ``samples`` of each map, way and company.

    ``previewed`` is told each partition that has been looked at.
    """
    maps = [
        ChosenMap(plan, choice.master, frozenset(choice.legal_entities) if choice.legal_entities else None)
        for choice, plan in chosen.items()
    ]
    routing = await router.current()
    names = {plan.map.name for plan in chosen.values()}
    others = [plan for plan in routing.plans if plan.map.name not in names]
    routing = replace(routing, plans=(*others, *chosen.values()))
    unfinished = await store.refusals.unfinished(connection)
    return await preview(pair, routing, maps, samples=samples, unfinished=unfinished, previewed=previewed)
