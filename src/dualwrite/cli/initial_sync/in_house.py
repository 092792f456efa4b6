"""The commands on runs, done in the house of the data folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dualwrite.cli.initial_sync.arrangement import Wishes, arranged
from dualwrite.cli.initial_sync.choices import desk_of, reports_of
from dualwrite.cli.initial_sync.office import Proposed, Runs, Seen
from dualwrite.cli.map_choices import WHO
from dualwrite.cli.map_names import chosen_maps
from dualwrite.composition.house import CONNECTION, House
from dualwrite.errors import NotAllowed
from dualwrite.lifecycle.initial_sync.counted_rows import rows_on_both_sides, wanted_companies
from dualwrite.lifecycle.initial_sync.options import MapChoice, Proposal, RunOptions
from dualwrite.lifecycle.initial_sync.previewing import preview_run
from dualwrite.store.initial_syncs import OnRefusals, RerunKind, RunId
from dualwrite.sync.initial_sync.job import PlannedPartition, PreviewedWay
from dualwrite.sync.initial_sync.order import ordered


@dataclass(frozen=True, slots=True)
class HouseSyncOffice:
    """Implements :class:`dualwrite.cli.initial_sync.office.SyncOffice`. Whoever waits for a run takes part in it."""

    house: House

    @property
    def reports(self) -> Runs:
        return reports_of(self.house)

    async def map_names(self) -> Sequence[str]:
        return await chosen_maps(self.house, ())

    async def propose(self, names: Sequence[str], wishes: Wishes) -> Proposed:
        house = self.house
        companies = wanted_companies((await house.router.current()).companies, wishes.legal_entities)
        chosen = await chosen_maps(house, names)
        known = await self.map_names()
        proposal = await desk_of(house).plan(RunOptions(tuple(MapChoice(each) for each in chosen), who=WHO))
        arrangement = arranged(proposal, wishes, known=known)
        if not arrangement.maps:
            raise NotAllowed("No map is left for a run: --without leaves out all of them.")
        plans = await house.lifecycle.plans([each.name for each in arrangement.choices])
        # A map that is left out may have closed a circle, which is cut at another place without it.
        places = {each.map.name: place for place, each in enumerate(ordered(tuple(plans)))}
        in_order = sorted(proposal.maps, key=lambda each: places.get(each.choice.name, len(places)))
        arrangement = arranged(Proposal(tuple(in_order)), wishes, known=known)
        rows = await rows_on_both_sides(house.pair, plans, companies)
        return Proposed(arrangement, tuple(companies.by_legal_entity), rows)

    async def preview(self, proposed: Proposed, *, samples: int, seen: Seen) -> Sequence[PreviewedWay]:
        async def previewed(each: PlannedPartition) -> None:
            seen(each.rows)

        house, choices = self.house, proposed.arrangement.choices
        plans = await house.lifecycle.plans([each.name for each in choices])
        chosen = dict(zip(choices, plans, strict=True))
        return await preview_run(
            house.store, CONNECTION, house.pair, house.router, chosen, samples=samples, previewed=previewed
        )

    async def start(self, choices: Sequence[MapChoice], *, in_order: bool, on_refusals: OnRefusals) -> RunId:
        options = RunOptions(tuple(choices), who=WHO, in_order=in_order, on_refusals=on_refusals)
        return await self._conducted(await desk_of(self.house).start(options))

    async def rerun(self, run: RunId, kind: RerunKind) -> RunId:
        return await self._conducted(await desk_of(self.house).rerun(run, kind, who=WHO))

    async def resume(self, run: RunId) -> None:
        await desk_of(self.house).resume(run, who=WHO)
        await self._conducted(run)

    async def pause(self, run: RunId) -> None:
        await desk_of(self.house).pause(run, who=WHO)
        await self._conducted(run)

    async def cancel(self, run: RunId) -> None:
        await desk_of(self.house).cancel(run, who=WHO)
        await self._conducted(run)

    async def go_live(self, run: RunId) -> None:
        await desk_of(self.house).go_live(run, who=WHO)
        await self._conducted(run)

    async def ended(self, run: RunId) -> None:
        await self.house.conductor.conduct(run)
        await self.house.conductor.ended(run)

    async def _conducted(self, run: RunId) -> RunId:
        await self.house.conductor.conduct(run)
        return run
