"""The commands on paused maps, done by a program over its API."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter

from dualwrite.cli.api import Api, Document
from dualwrite.cli.maps.over_api import ApiMapOffice
from dualwrite.environments.queue import QueueCount, QueuedRecord, QueueFilter
from dualwrite.errors import NotFound
from dualwrite.lifecycle.related_maps import OfferedMap
from dualwrite.lifecycle.transitions import Action
from dualwrite.metadata.schema import Side
from dualwrite.store.catch_ups import CatchUp, CatchUpId, QueueOption
from dualwrite.store.maps import MapState, TableMap

_CATCH_UP = TypeAdapter(CatchUp)
_COUNT = TypeAdapter(QueueCount)
_RECORD = TypeAdapter(QueuedRecord)
_ID: TypeAdapter[CatchUpId] = TypeAdapter(CatchUpId)


@dataclass(frozen=True, slots=True)
class ApiQueueOffice:
    """Implements :class:`dualwrite.cli.queues.office.QueueOffice`."""

    api: Api

    async def states(self) -> Sequence[TableMap]:
        return await ApiMapOffice(self.api).states()

    async def offered(self, action: Action, names: Sequence[str]) -> Sequence[OfferedMap]:
        told = await self.api.get("/maps/order", {"map": list(names), "action": action.value})
        return [
            OfferedMap(each["name"], MapState(each["state"]), each["relation"] == "related", each["allowed"])
            for each in told
        ]

    async def pause(self, names: Sequence[str]) -> None:
        await self.api.post("/maps/actions/pause", {"maps": list(names)})

    async def resume(self, names: Sequence[str], *, option: QueueOption) -> CatchUpId:
        operation = await self.api.post("/maps/actions/resume", {"maps": list(names), "queue": option.value})
        return _ID.validate_python(operation["id"].partition(".")[2])

    async def history(self, *, map: str | None, limit_rows: int) -> Sequence[CatchUp]:
        page = await self.api.get("/catch-ups", {"map": map, "limit": min(limit_rows, 1000)})
        return [_CATCH_UP.validate_python(each) for each in page["items"]]

    async def find(self, name: str) -> CatchUp:
        known = await self.history(map=None, limit_rows=1000)
        found = [each for each in known if str(each.run).startswith(name)]
        if not known or (name and len(found) != 1):
            raise NotFound(f"{name!r} names no catch-up, or several. See: dualwrite catch-ups list", run=name)
        return found[0]

    async def get(self, run: CatchUpId) -> CatchUp:
        return _CATCH_UP.validate_python(await self.api.get(f"/catch-ups/{run}"))

    async def left(self, run: CatchUpId) -> int:
        maps = (await self.get(run)).maps
        return sum(each.transactions for each in await self.counts() if each.map in maps)

    async def ended(self, run: CatchUpId) -> CatchUp:
        async for operation in self.api.events(f"/operations/catch-up.{run}/events"):
            if operation["state"] != "running":
                break
        return await self.get(run)

    async def counts(self) -> Sequence[QueueCount]:
        return [_COUNT.validate_python(each) for each in await self.api.get("/queue/counts")]

    async def queued(
        self, side: Side, which: QueueFilter, *, after: tuple[int, int], limit_rows: int
    ) -> Sequence[QueuedRecord]:
        query = {
            "map": sorted(which.maps) if which.maps else None,
            "key": which.key,
            "legal_entity": which.legal_entity,
            "operation": None if which.operation is None else which.operation.value,
            "behind": f"{after[0]}.{after[1]}",
            "limit": min(limit_rows, 1000),
        }
        found: list[QueuedRecord] = []
        async for page in self.api.pages(f"/queue/{side.value}", query):
            found += [_record(each) for each in page]
            if len(found) >= limit_rows:
                break
        return found[:limit_rows]


def _record(told: Document) -> QueuedRecord:
    return _RECORD.validate_python({**told, "mark": told["key"], "whole": False, "lost": False, "payload": {}})
