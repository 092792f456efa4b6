"""The commands on paused maps, done in the house of the data folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dualwrite.cli.map_choices import WHO
from dualwrite.composition.house import CONNECTION, House
from dualwrite.environments.queue import QueueCount, QueuedRecord, QueueFilter
from dualwrite.lifecycle.related_maps import OfferedMap
from dualwrite.lifecycle.transitions import Action
from dualwrite.metadata.schema import Side
from dualwrite.store.catch_ups import CatchUp, CatchUpId, QueueOption
from dualwrite.store.maps import TableMap


@dataclass(frozen=True, slots=True)
class HouseQueueOffice:
    """Implements :class:`dualwrite.cli.queues.office.QueueOffice`. Whoever waits for a catch-up takes part in it."""

    house: House

    async def states(self) -> Sequence[TableMap]:
        return await self.house.store.maps.list(CONNECTION)

    async def offered(self, action: Action, names: Sequence[str]) -> Sequence[OfferedMap]:
        return await self.house.lifecycle.offered(action, names)

    async def pause(self, names: Sequence[str]) -> None:
        await self.house.lifecycle.pause(names)

    async def resume(self, names: Sequence[str], *, option: QueueOption) -> CatchUpId:
        return await self.house.catch_ups.start(names, option=option, who=WHO)

    async def history(self, *, map: str | None, limit_rows: int) -> Sequence[CatchUp]:
        return await self.house.catch_ups.history(map=map, limit_rows=limit_rows)

    async def find(self, name: str) -> CatchUp:
        return await self.house.catch_ups.find(name)

    async def get(self, run: CatchUpId) -> CatchUp:
        return await self.house.catch_ups.get(run)

    async def left(self, run: CatchUpId) -> int:
        connection = await self.house.store.connections.named(CONNECTION)
        return await self.house.queue(connection.primary_side).left((await self.get(run)).maps)

    async def ended(self, run: CatchUpId) -> CatchUp:
        return await self.house.catch_ups.ended(run)

    async def counts(self) -> Sequence[QueueCount]:
        return [*await self.house.finops.queue_counts(), *await self.house.dataverse.queue_counts()]

    async def queued(
        self, side: Side, which: QueueFilter, *, after: tuple[int, int], limit_rows: int
    ) -> Sequence[QueuedRecord]:
        environment = self.house.finops if side is Side.FINOPS else self.house.dataverse
        return await environment.queued(which, after=after, limit_rows=limit_rows)
