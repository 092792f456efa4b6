"""The services of the link, put together: its maps' lifecycle, the changes that wait, and what the platforms are."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from dualwrite.composition.house import CONNECTION, House
from dualwrite.environments.hosted.dataverse_seed import ENGINE_USER_ID
from dualwrite.errors import NotAllowed
from dualwrite.lifecycle.initial_sync.conductor import Conductor
from dualwrite.lifecycle.initial_sync.desk import InitialSyncs
from dualwrite.lifecycle.initial_sync.options import MapChoice, RunOptions
from dualwrite.lifecycle.maps import MapLifecycle
from dualwrite.linking.desk import LinkDesk
from dualwrite.linking.ending import LinkEnding
from dualwrite.linking.legal_entities import LegalEntities
from dualwrite.linking.owning_teams import OwningTeamDesk
from dualwrite.linking.proposal import Platform
from dualwrite.linking.wizard import LinkWizard
from dualwrite.metadata.schema import Side
from dualwrite.solutions.application import EnsureTables
from dualwrite.solutions.starter import apply_starters
from dualwrite.store.database import Store
from dualwrite.store.initial_syncs import RunId, RunState
from dualwrite.store.sync_errors import ErrorState, SyncErrorFilter
from dualwrite.sync.catch_up.replay import Replay
from dualwrite.sync.link import Pair
from dualwrite.sync.stored_failures import StoredFailures
from dualwrite.sync.stored_router import StoredRouter
from dualwrite.sync.tally import Tally

DATAVERSE_VERSION = "9.2.0.0"
"""What the hosted Dataverse environment answers to."""


@dataclass(frozen=True, slots=True)
class LinkParts:
    """What the services of a link between two hosted environments are made of."""

    store: Store
    connection: str
    pair: Pair
    followed: Callable[[Side], bool]
    """Whether what is saved on that side passes through dual-write."""
    router: StoredRouter
    tally: Tally
    conductor: Conductor
    lifecycle_of: Callable[[str], MapLifecycle]
    """The actions on the maps in somebody's name."""
    ensure_tables: EnsureTables | None
    finops_application: str


def link_desk(house: House) -> LinkDesk:
    """The services of the connection of this house."""
    return build_link_desk(
        LinkParts(
            store=house.store,
            connection=CONNECTION,
            pair=house.pair,
            followed=lambda side: (house.finops if side is Side.FINOPS else house.dataverse).is_followed,
            router=house.router,
            tally=house.tally,
            conductor=house.conductor,
            lifecycle_of=house.lifecycle_of,
            ensure_tables=house.ensure_tables,
            finops_application=house.settings.finops_application,
        )
    )


def build_link_desk(parts: LinkParts) -> LinkDesk:
    """The services of one connection."""
    store, connection, pair, router = parts.store, parts.connection, parts.pair, parts.router
    maps, waiting = _Maps(parts), _Waiting(parts)

    async def apply_solutions(who: str) -> None:
        await apply_starters(store, connection, who=who, ensure_tables=parts.ensure_tables)

    return LinkDesk(
        connection,
        store,
        LinkWizard(store, connection, pair, platforms=_Platforms(parts), apply_solutions=apply_solutions),
        LegalEntities(store, connection, pair, router, maps=maps),
        OwningTeamDesk(store, connection, pair, router),
        LinkEnding(store, connection, pair, router, maps=maps, waiting=waiting),
    )


@dataclass(frozen=True, slots=True)
class _Maps:
    """Implements ``linked_maps.LinkedMaps``."""

    parts: LinkParts

    @property
    def _syncs(self) -> InitialSyncs:
        return InitialSyncs(self.parts.store, self.parts.connection, self.parts.router)

    async def stop(self, names: Sequence[str], *, who: str) -> None:
        await self.parts.lifecycle_of(who).stop(names)

    async def copy(self, names: Sequence[str], legal_entities: Sequence[str], *, who: str) -> RunId:
        choices = tuple(MapChoice(name, legal_entities=tuple(legal_entities)) for name in names)
        run = await self._syncs.start(RunOptions(choices, who=who))
        await self.parts.conductor.conduct(run)
        return run

    async def end_runs(self, *, who: str) -> int:
        cancelled = 0
        states = [each for each in RunState if not each.has_ended]
        for each in await self.parts.store.initial_syncs.in_states(self.parts.connection, states):
            try:
                await self._syncs.cancel(each.run, who=who)
                cancelled += 1
            except NotAllowed:
                # It has ended this moment, or is being cancelled by somebody else.
                pass
            await self.parts.conductor.conduct(each.run)
            await self.parts.conductor.ended(each.run)
        return cancelled


@dataclass(frozen=True, slots=True)
class _Waiting:
    """Implements ``linked_maps.WaitingChanges``."""

    parts: LinkParts

    async def give_up(self, maps: Collection[str]) -> int:
        return await (await self._replay()).give_up(maps)

    async def discard(self, maps: Collection[str]) -> int:
        return await (await self._replay()).discard(maps)

    async def open_errors(self) -> int:
        return await self.parts.store.sync_errors.count(self.parts.connection, SyncErrorFilter(state=ErrorState.OPEN))

    async def _replay(self) -> Replay:
        parts = self.parts
        link = await parts.store.connections.named(parts.connection)
        failures = StoredFailures(parts.store, parts.connection)
        return Replay(parts.pair, parts.router, link.primary_side, failures, parts.tally)


@dataclass(frozen=True, slots=True)
class _Platforms:
    """Implements ``proposal.Platforms`` for the hosted environments."""

    parts: LinkParts

    async def platform(self, side: Side) -> Platform:
        environment = self.parts.pair.side(side)
        clients = await self.parts.store.clients.list()
        tenants = [each.tenant for each in clients if each.enabled and each.environment in (None, environment.name)]
        return Platform(
            version=self.parts.finops_application if side is Side.FINOPS else DATAVERSE_VERSION,
            tenants=frozenset(map(str, tenants)),
            followed=self.parts.followed(side),
            user=ENGINE_USER_ID if side is Side.DATAVERSE else None,
        )
