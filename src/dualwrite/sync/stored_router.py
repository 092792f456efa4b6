"""The routing as the store has it: running maps compiled against the environments, linked companies, and the epoch."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from dualwrite.environments.crash_points import CrashPoints, nowhere
from dualwrite.environments.port import Epoch
from dualwrite.errors import MapRefused
from dualwrite.maps.compile import compile_map
from dualwrite.maps.plan import Plan
from dualwrite.maps.text import parse_map
from dualwrite.store.database import Store
from dualwrite.sync.link import Companies, Pair, Routing
from dualwrite.sync.recovery import Recovery


class StoredRouter:
    """Implements ``link.Router`` for one connection; every process has its own, the epoch keeps them honest."""

    def __init__(self, store: Store, connection: str, pair: Pair, *, reached: CrashPoints = nowhere) -> None:
        self._store = store
        self._connection = connection
        self._pair = pair
        self._recovery = Recovery(pair, reached=reached)
        self._routing: Routing | None = None
        self._expired = True
        self._plans: dict[tuple[str, str, str], Plan] = {}
        self._loading = asyncio.Lock()

    def expire(self) -> None:
        self._expired = True

    async def current(self) -> Routing:
        routing = self._routing
        if routing is not None and not self._expired:
            return routing
        async with self._loading:
            if self._routing is None or self._expired:
                self._expired = False
                try:
                    self._routing = await self._load()
                except BaseException:
                    self._expired = True
                    raise
            return self._routing

    async def _load(self) -> Routing:
        """The epoch is read before the maps: a change of the maps in between raises it and is noticed at the commit."""
        epoch = await self._epoch()
        if self._routing is not None and self._routing.epoch == epoch:
            return self._routing
        running = await self._store.maps.running(self._connection)
        companies = await self._store.connections.companies(self._connection)
        plans = tuple(self.plan(each.name, each.version, each.document) for each in running)
        return Routing(epoch, plans, Companies(companies), await self._known_maps())

    async def _epoch(self) -> Epoch:
        finops, dataverse = await self._pair.finops.epoch(), await self._pair.dataverse.epoch()
        return finops if finops == dataverse else await self._recovery.level()

    async def _known_maps(self) -> Mapping[str, str]:
        known: dict[str, str] = {}
        for each in await self._store.maps.list(self._connection):
            version = await self._store.maps.version(self._connection, each.name)
            if version is not None:
                plan = self.plan(each.name, version.version, version.document)
                known.setdefault(plan.dataverse.name, each.name)
        return known

    def plan(self, name: str, version: str, document: str) -> Plan:
        """The compiled map. Raises: MapRefused with all findings."""
        key = (name, version, document)
        if key not in self._plans:
            compiled = compile_map(
                parse_map(document, file=name), finops=self._pair.finops.schema, dataverse=self._pair.dataverse.schema
            )
            if isinstance(compiled, tuple):
                lines = "\n".join(f"  {each.code} {each.path}: {each.message}" for each in compiled)
                raise MapRefused(f"{name} {version} cannot run:\n{lines}", map=name)
            self._plans[key] = compiled
        return self._plans[key]
