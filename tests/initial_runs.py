"""Initial syncs without the store and without workers: partition after partition, wave after wave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID, uuid4

from dualwrite.environments.hosted.environment import HostedEnvironment
from dualwrite.environments.port import Command
from dualwrite.maps.plan import Plan
from dualwrite.metadata.schema import Side
from dualwrite.metadata.values import Value
from dualwrite.sync.initial_sync.job import (
    ChosenMap,
    Count,
    PartitionJob,
    PartitionOutcome,
    PlannedPartition,
    RefusedRow,
    total,
)
from dualwrite.sync.initial_sync.order import Way, ordered
from dualwrite.sync.initial_sync.partition import Reached, carry_out, nothing_more
from dualwrite.sync.initial_sync.survey import survey, survey_again
from dualwrite.sync.link import Pair, Routing
from linked_pair import FixedRouter, LinkedPair, demonstration_plans, tables_of


@dataclass
class InitialRun:
    """A run over all ways of some maps, and what came of it."""

    pair: Pair
    routing: Routing
    maps: Sequence[ChosenMap]
    most_rows: int = 50_000
    created_before: datetime | None = None
    reached: Reached = nothing_more
    run: UUID = field(default_factory=uuid4)
    outcomes: dict[int, tuple[PlannedPartition, PartitionOutcome]] = field(default_factory=dict)
    refused_of: dict[int, Sequence[RefusedRow]] = field(default_factory=dict)

    async def carry_out(self, ids: Mapping[Way, Sequence[Value]] | None = None) -> InitialRun:
        """All partitions are done, those of the second pass included."""
        if ids is None:
            planned = await survey(
                self.pair, self.routing, self.maps, most_rows=self.most_rows, created_before=self.created_before
            )
        else:
            planned = survey_again(self.maps, ids, most_rows=self.most_rows)
        for each in planned:
            await self.do(each)
        for number, (each, outcome) in list(self.outcomes.items()):
            if outcome.open_ids:
                again = replace(
                    each,
                    number=number + len(planned),
                    extent=None,
                    ids=outcome.open_ids,
                    open_tables=frozenset(),
                    second_pass_of=number,
                )
                await self.do(again)
        return self

    async def do(self, each: PlannedPartition) -> PartitionOutcome:
        """One partition is done."""
        (chosen,) = [it for it in self.maps if it.plan.map.name == each.map_name]
        job = each.job(self.run, chosen, created_before=self.created_before)
        outcome = await carry_out(self.pair, self.routing, job, keep_refused=self._keep_refused, reached=self.reached)
        self.outcomes[each.number] = each, outcome
        return outcome

    async def _keep_refused(self, job: PartitionJob, refused: Sequence[RefusedRow]) -> None:
        self.refused_of[job.number] = refused

    @property
    def refused(self) -> list[RefusedRow]:
        return [each for number in sorted(self.refused_of) for each in self.refused_of[number]]

    @property
    def counts(self) -> dict[tuple[str, str, str], Count]:
        """By map, direction and legal entity."""
        found: dict[tuple[str, str, str], Count] = {}
        for each, outcome in self.outcomes.values():
            for entity, count in outcome.counts.items():
                key = each.map_name, each.direction.name, entity
                found[key] = found.get(key, Count()) + count
        return found

    @property
    def total(self) -> Count:
        return total(self.counts.values())

    def of(self, map_name: str, direction: str = "TO_DATAVERSE") -> Count:
        """All legal entities together."""
        return total(count for key, count in self.counts.items() if key[:2] == (map_name, direction))


async def routing_of(linked: LinkedPair, plans: Sequence[Plan] | None = None) -> Routing:
    """What the two environments are linked by; all tables are open to be copied."""
    plans = demonstration_plans() if plans is None else plans
    return await FixedRouter(linked.pair, plans, copying=tables_of(plans)).current()


async def initial_run(
    linked: LinkedPair,
    plans: Sequence[Plan] | None = None,
    *,
    master: Side = Side.FINOPS,
    most_rows: int = 50_000,
    reached: Reached = nothing_more,
) -> InitialRun:
    """A run that is ready to be carried out."""
    plans = demonstration_plans() if plans is None else plans
    maps = [ChosenMap(plan, master) for plan in ordered(plans)]
    return InitialRun(linked.pair, await routing_of(linked, plans), maps, most_rows, reached=reached)


async def synced(
    linked: LinkedPair, plans: Sequence[Plan] | None = None, *, master: Side = Side.FINOPS, most_rows: int = 50_000
) -> InitialRun:
    """A whole run."""
    return await (await initial_run(linked, plans, master=master, most_rows=most_rows)).carry_out()


async def unlinked(environment: HostedEnvironment, commands: Sequence[Command]) -> None:
    """The rows are in this environment and nobody has told the other."""
    async with environment.participate() as engine:
        await engine.begin()
        await engine.execute(commands)
        await engine.commit()
