"""The services of the link, put together: its maps' lifecycle, the changes that wait, and what the platforms are."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from dualwrite.composition.house import CONNECTION, House
from dualwrite.environments.hosted.dataverse_seed import ENGINE_USER_ID
from dualwrite.errors import NotAllowed
from dualwrite.lifecycle.initial_sync.desk import InitialSyncs
from dualwrite.lifecycle.initial_sync.options import MapChoice, RunOptions
from dualwrite.linking.desk import LinkDesk
from dualwrite.linking.ending import LinkEnding
from dualwrite.linking.legal_entities import LegalEntities
from dualwrite.linking.owning_teams import OwningTeamDesk
from dualwrite.linking.proposal import Platform
from dualwrite.linking.wizard import LinkWizard
from dualwrite.metadata.schema import Side
from dualwrite.solutions.starter import apply_starters
from dualwrite.store.initial_syncs import RunId, RunState
from dualwrite.store.sync_errors import ErrorState, SyncErrorFilter
from dualwrite.sync.catch_up.replay import Replay
from dualwrite.sync.stored_failures import StoredFailures

DATAVERSE_VERSION = "9.2.0.0"
"""What the hosted Dataverse environment answers to."""


def link_desk(house: House) -> LinkDesk:
    """The services of the connection of this house."""
    maps, waiting = _Maps(house), _Waiting(house)

    async def apply_solutions(who: str) -> None:
        await apply_starters(house.store, CONNECTION, who=who, ensure_tables=house.ensure_tables)

    parts = (house.store, CONNECTION, house.pair)
    return LinkDesk(
        CONNECTION,
        house.store,
        LinkWizard(*parts, platforms=_Platforms(house), apply_solutions=apply_solutions),
        LegalEntities(*parts, house.router, maps=maps),
        OwningTeamDesk(*parts, house.router),
        LinkEnding(*parts, house.router, maps=maps, waiting=waiting),
    )


@dataclass(frozen=True, slots=True)
class _Maps:
    """Implements ``linked_maps.LinkedMaps``."""

    house: House

    @property
    def _syncs(self) -> InitialSyncs:
        return InitialSyncs(self.house.store, CONNECTION, self.house.router)

    async def stop(self, names: Sequence[str], *, who: str) -> None:
        await self.house.lifecycle_of(who).stop(names)

    async def copy(self, names: Sequence[str], legal_entities: Sequence[str], *, who: str) -> RunId:
        choices = tuple(MapChoice(name, legal_entities=tuple(legal_entities)) for name in names)
        run = await self._syncs.start(RunOptions(choices, who=who))
        await self.house.conductor.conduct(run)
        return run

    async def end_runs(self, *, who: str) -> int:
        cancelled = 0
        states = [each for each in RunState if not each.has_ended]
        for each in await self.house.store.initial_syncs.in_states(CONNECTION, states):
            try:
                await self._syncs.cancel(each.run, who=who)
                cancelled += 1
            except NotAllowed:
                # It has ended this moment, or is being cancelled by somebody else.
                pass
            await self.house.conductor.conduct(each.run)
            await self.house.conductor.ended(each.run)
        return cancelled


@dataclass(frozen=True, slots=True)
class _Waiting:
    """Implements ``linked_maps.WaitingChanges``."""

    house: House

    async def give_up(self, maps: Collection[str]) -> int:
        return await (await self._replay()).give_up(maps)

    async def discard(self, maps: Collection[str]) -> int:
        return await (await self._replay()).discard(maps)

    async def open_errors(self) -> int:
        return await self.house.store.sync_errors.count(CONNECTION, SyncErrorFilter(state=ErrorState.OPEN))

    async def _replay(self) -> Replay:
        house = self.house
        link = await house.store.connections.named(CONNECTION)
        failures = StoredFailures(house.store, CONNECTION)
        return Replay(house.pair, house.router, link.primary_side, failures, house.tally)


@dataclass(frozen=True, slots=True)
class _Platforms:
    """Implements ``proposal.Platforms`` for the hosted environments."""

    house: House

    async def platform(self, side: Side) -> Platform:
        environment = self.house.finops if side is Side.FINOPS else self.house.dataverse
        clients = await self.house.store.clients.list()
        tenants = [each.tenant for each in clients if each.enabled and each.environment in (None, environment.name)]
        return Platform(
            version=self.house.settings.finops_application if side is Side.FINOPS else DATAVERSE_VERSION,
            tenants=frozenset(map(str, tenants)),
            followed=environment.is_followed,
            user=ENGINE_USER_ID if side is Side.DATAVERSE else None,
        )
