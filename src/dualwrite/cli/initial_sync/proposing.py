"""What a run would be, found out before it begins: the maps as wished, checked, with the rows on both sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import typer

from dualwrite.cli.initial_sync.arrangement import Arrangement, Wishes, arranged
from dualwrite.cli.initial_sync.choices import desk_of
from dualwrite.cli.initial_sync.counted_rows import rows_on_both_sides, wanted_companies
from dualwrite.cli.initial_sync.proposal import Rows, proposal_document, proposal_shown
from dualwrite.cli.invocation import Invocation
from dualwrite.cli.map_choices import WHO
from dualwrite.cli.map_findings import findings_document, findings_shown
from dualwrite.cli.map_names import chosen_maps
from dualwrite.cli.output import Output
from dualwrite.composition.house import House
from dualwrite.errors import NotAllowed
from dualwrite.lifecycle.initial_sync.options import MapChoice, Proposal, RunOptions
from dualwrite.maps.plan import Plan
from dualwrite.sync.initial_sync.order import ordered


@dataclass(frozen=True, slots=True)
class Proposed:
    """The maps of a run, for which legal entities, and the rows of both sides."""

    arrangement: Arrangement
    plans: tuple[Plan, ...]
    companies: tuple[str, ...]
    rows: Rows

    def document(self) -> Sequence[object]:
        return proposal_document(self.arrangement, self.rows)

    def show(self, output: Output) -> None:
        """Printed for people; scripts ask with --dry-run."""
        for each in proposal_shown(self.arrangement, self.rows, companies=self.companies):
            output.console.print(each)


async def propose(call: Invocation, house: House, names: Sequence[str], wishes: Wishes) -> Proposed:
    """What a run over the maps that ``names`` stand for (all without names) would be.

    Raises: NotAllowed; typer.Exit, when a map cannot run and its findings have been shown.
    """
    companies = wanted_companies((await house.router.current()).companies, wishes.legal_entities)
    chosen = await chosen_maps(house, names)
    await plans_of(call, house, chosen)
    options = RunOptions(tuple(MapChoice(each) for each in chosen), who=WHO)
    known = await chosen_maps(house, ())
    proposal = await desk_of(house).plan(options)
    arrangement = arranged(proposal, wishes, known=known)
    if not arrangement.maps:
        raise NotAllowed("No map is left for a run: --without leaves out all of them.")
    plans = {each.map.name: each for each in await plans_of(call, house, [it.name for it in arrangement.choices])}
    # A map that is left out may have closed a circle, which is cut at another place without it.
    places = {each.map.name: place for place, each in enumerate(ordered(tuple(plans.values())))}
    in_order = sorted(proposal.maps, key=lambda each: places.get(each.choice.name, len(places)))
    arrangement = arranged(Proposal(tuple(in_order)), wishes, known=known)
    rows = await rows_on_both_sides(house, tuple(plans.values()), companies)
    return Proposed(
        arrangement, tuple(plans[each.name] for each in arrangement.choices), tuple(companies.by_legal_entity), rows
    )


async def plans_of(call: Invocation, house: House, names: Sequence[str]) -> Sequence[Plan]:
    """The plans of the maps. Raises: typer.Exit, when one cannot run and the findings have been shown."""
    checked = await house.lifecycle.check(names)
    refused = [each for each in checked if not each.can_run]
    if refused:
        call.output.show(findings_document(refused), *findings_shown(refused), "None of the maps was started.")
        raise typer.Exit(1)
    return [each.plan for each in checked if each.plan is not None]
