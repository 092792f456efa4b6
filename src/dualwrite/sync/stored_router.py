"""The routing as the store has it: running maps compiled against the environments, linked companies, and the epoch."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from dualwrite.environments.crash_points import CrashPoints, nowhere
from dualwrite.environments.port import EnvironmentName, Epoch
from dualwrite.errors import EnvironmentUnavailable
from dualwrite.maps.plan import Plan
from dualwrite.store.database import Store
from dualwrite.store.maps import MapState
from dualwrite.sync.compiled_maps import Basis, CompiledMaps
from dualwrite.sync.link import Companies, Pair, Routing
from dualwrite.sync.owning_teams import owning_teams
from dualwrite.sync.recovery import Recovery

_QUEUEING: Final = frozenset({MapState.PAUSED, MapState.RESUMING})
_LOOK_AGAIN_S: Final = 0.5
"""So often is looked whether an environment that was away is back."""


class StoredRouter:
    """Implements ``link.Router`` for one connection; every process has its own, the epoch keeps them honest."""

    def __init__(self, store: Store, connection: str, pair: Pair, *, reached: CrashPoints = nowhere) -> None:
        self._store = store
        self._connection = connection
        self._pair = pair
        self._recovery = Recovery(pair, reached=reached)
        self._routing: Routing | None = None
        self._basis: Basis | None = None
        self._expired = True
        self._loaded_at = 0.0
        self._loading = asyncio.Lock()
        self.compiled = CompiledMaps(store, connection, pair)
        """The plans of stored map versions, whether they run or not."""

    def expire(self) -> None:
        self._expired = True

    async def renew(self) -> None:
        """A change of maps, keys or companies holds from now on: what was routed before it is routed again.

        Also while one of the environments is away. Raises: EnvironmentUnavailable, when both are.
        """
        self.expire()
        await self._recovery.level()

    async def current(self) -> Routing:
        routing = self._routing
        if routing is not None and not self._is_old:
            return routing
        async with self._loading:
            if self._routing is None or self._is_old:
                self._expired = False
                try:
                    self._routing = await self._load()
                except BaseException:
                    self._expired = True
                    raise
                self._loaded_at = time.monotonic()
            return self._routing

    @property
    def _is_old(self) -> bool:
        """Whether the routing is to be read again; also to see whether an environment that was away is back."""
        if self._expired or not self._is_based_on_what_is:
            return True
        away = self._routing is not None and bool(self._routing.away)
        return away and time.monotonic() - self._loaded_at > _LOOK_AGAIN_S

    @property
    def _is_based_on_what_is(self) -> bool:
        """Whether the routing's plans hold for the schemas and keys of this moment, as far as they are known here."""
        return self._basis is self.compiled.basis and self.compiled.is_current

    async def _load(self) -> Routing:
        """The epoch is read before the maps: a change of the maps in between raises it and is noticed at the commit."""
        epoch, away = await self._epoch()
        known = self._routing
        if known is not None and (known.epoch, known.away) == (epoch, away) and self._is_based_on_what_is:
            return known
        await self.compiled.refresh(away=away)
        self._basis = self.compiled.basis
        running = await self._store.maps.running(self._connection)
        companies = await self._store.connections.companies(self._connection)
        jobs = await self._store.integration_jobs.active_maps(self._connection)
        plans = tuple(self.compiled.plan(each.document, name=each.name) for each in running)
        copying = frozenset(
            table.name
            for plan, each in zip(plans, running, strict=True)
            if each.state is MapState.INITIALIZING
            for table in (plan.finops, plan.dataverse)
        )
        return Routing(
            epoch,
            plans,
            Companies(companies),
            await self._known_maps(plans),
            copying,
            queueing=frozenset(each.name for each in running if each.state in _QUEUEING or each.name in jobs),
            held=frozenset(each.name for each in running if each.held),
            blocked={each.name: each.blocked for each in running if each.blocked},
            asynchronous={each.name: jobs[each.name] for each in running if each.name in jobs},
            away=away,
            owning_teams=await self._owning_teams(plans, away),
        )

    async def _owning_teams(self, plans: Sequence[Plan], away: frozenset[EnvironmentName]) -> Mapping[str, UUID]:
        """Who owns what is created in Dataverse; nothing is as long as it is away."""
        if self._pair.dataverse.name in away:
            return {}
        return await owning_teams(self._store, self._connection, self._pair.dataverse, plans)

    async def _epoch(self) -> tuple[Epoch, frozenset[EnvironmentName]]:
        """The epoch, and which environment is away. Raises: EnvironmentUnavailable, when both are."""
        epochs: set[Epoch] = set()
        missing: list[EnvironmentUnavailable] = []
        away: set[EnvironmentName] = set()
        for environment in (self._pair.finops, self._pair.dataverse):
            try:
                epochs.add(await self._pair.availability(environment).ask(environment.epoch()))
            except EnvironmentUnavailable as error:
                away.add(environment.name)
                missing.append(error)
        if not epochs:
            raise missing[0]
        return epochs.pop() if len(epochs) == 1 else await self._recovery.level(), frozenset(away)

    async def _known_maps(self, running: tuple[Plan, ...]) -> Mapping[str, str]:
        """Running maps are named first. The others are not compiled: one that cannot run is no reason to stop."""
        known: dict[str, str] = {}
        for plan in running:
            known.setdefault(plan.dataverse.name, plan.map.name)
        for each in await self._store.maps.active_versions(self._connection):
            known.setdefault(self.compiled.head(each.document).dataverse_table, each.name)
        return known
