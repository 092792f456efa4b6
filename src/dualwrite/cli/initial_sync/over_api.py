"""The commands on runs, done by a program over its API."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from pydantic import TypeAdapter

from dualwrite.cli.api import Api, Document, Query
from dualwrite.cli.initial_sync.arrangement import Wishes, arranged
from dualwrite.cli.initial_sync.office import Proposed, Runs, Seen
from dualwrite.cli.map_names import find_map
from dualwrite.environments.bulk import Extent, Span
from dualwrite.errors import NotAllowed, NotFound
from dualwrite.lifecycle.initial_sync.options import MapChoice, Proposal, ProposedMap
from dualwrite.lifecycle.initial_sync.reports import Advance, MapProgress, RunProgress, RunReport
from dualwrite.maps.values import Direction
from dualwrite.metadata.schema import Side
from dualwrite.store.initial_syncs import InitialSyncRun, OnRefusals, RerunKind, RunId, RunMap
from dualwrite.store.partitions import MapCount, Partition, RowCounts
from dualwrite.store.refusals import EVERY_REFUSAL, Refusal, RefusalField, RefusalFilter, RefusalGroup
from dualwrite.sync.initial_sync.job import Conflict, Count, PreviewedWay, RefusedRow

_RUN = TypeAdapter(InitialSyncRun)
_RUN_MAP = TypeAdapter(RunMap)
_ADVANCE = TypeAdapter(Advance)
_REFUSAL = TypeAdapter(Refusal)
_PARTITION = TypeAdapter(Partition)
_ID: TypeAdapter[RunId] = TypeAdapter(RunId)
_COUNTS = ("read", "inserted", "updated", "equal", "filtered", "refused", "conflicts")


@dataclass(frozen=True, slots=True)
class ApiSyncOffice:
    """Implements :class:`dualwrite.cli.initial_sync.office.SyncOffice`."""

    api: Api

    @property
    def reports(self) -> Runs:
        return ApiRuns(self.api)

    async def map_names(self) -> Sequence[str]:
        return [str(each["name"]) for each in await self.api.items("/maps")]

    async def propose(self, names: Sequence[str], wishes: Wishes) -> Proposed:
        known = await self.map_names()
        wanted = {find_map(known, each) for each in names}
        chosen = [each for each in known if not wanted or each in wanted]
        asked = [_choice_document(MapChoice(each, legal_entities=wishes.legal_entities)) for each in chosen]
        told = await self.api.post("/initial-syncs/proposal", {"maps": asked})
        arrangement = arranged(Proposal(tuple(_proposed(each) for each in told)), wishes, known=known)
        if not arrangement.maps:
            raise NotAllowed("No map is left for a run: --without leaves out all of them.")
        companies = wishes.legal_entities
        if companies is None:
            linked = (await self.api.get("/connection"))["companies"]
            companies = tuple(str(each["legal_entity"]) for each in linked)
        taken = {each.name for each in arrangement.choices}
        rows = {
            each["map"]: {Side(side): int(number) for side, number in each["rows"].items()}
            for each in told
            if each["map"] in taken
        }
        return Proposed(arrangement, companies, rows)

    async def preview(self, proposed: Proposed, *, samples: int, seen: Seen) -> Sequence[PreviewedWay]:
        maps = [_choice_document(each) for each in proposed.arrangement.choices]
        told = await self.api.post("/initial-syncs/preview", {"maps": maps, "in_order": True, "samples": samples})
        return [_previewed(each) for each in told["ways"]]

    async def start(self, choices: Sequence[MapChoice], *, in_order: bool, on_refusals: OnRefusals) -> RunId:
        maps = [_choice_document(each) for each in choices]
        body = {"maps": maps, "in_order": in_order, "on_refusals": on_refusals.value}
        return _started(await self.api.post("/initial-syncs", body))

    async def rerun(self, run: RunId, kind: RerunKind) -> RunId:
        return _started(await self.api.post(f"/initial-syncs/{run}/rerun", {"rows": kind.value}))

    async def resume(self, run: RunId) -> None:
        await self.api.post(f"/initial-syncs/{run}/resume")

    async def pause(self, run: RunId) -> None:
        await self.api.post(f"/initial-syncs/{run}/pause")

    async def cancel(self, run: RunId) -> None:
        await self.api.post(f"/initial-syncs/{run}/cancel")

    async def go_live(self, run: RunId) -> None:
        await self.api.post(f"/initial-syncs/{run}/go-live")

    async def ended(self, run: RunId) -> None:
        async for operation in self.api.events(f"/operations/initial-sync.{run}/events"):
            if operation["state"] != "running":
                return


@dataclass(frozen=True, slots=True)
class ApiRuns:
    """Implements :class:`dualwrite.cli.initial_sync.office.Runs`."""

    api: Api

    async def find(self, name: str = "") -> InitialSyncRun:
        known = [_run(each) for each in await self.api.items("/initial-syncs")]
        found = [each for each in known if str(each.run).startswith(name)]
        if not found or (name and len(found) > 1):
            some = ", ".join(str(each.run)[:8] for each in (found or known)[:5]) or "none"
            problem = "Several initial syncs begin" if found else "No initial sync begins"
            raise NotFound(f"{problem} with {name!r}. There are: {some}.", run=name)
        return found[0]

    async def history(self, *, limit_rows: int = 20) -> Sequence[RunReport]:
        page = await self.api.get("/initial-syncs", {"limit": min(limit_rows, 1000)})
        return [await self.report(RunId(_run(each).run)) for each in page["items"]]

    async def report(self, run: RunId) -> RunReport:
        told = await self.api.get(f"/initial-syncs/{run}")
        maps = tuple(_RUN_MAP.validate_python(each) for each in told["maps"])
        return RunReport(_run(told), maps, tuple(_map_count(each) for each in told["counts"]))

    async def progress(self, run: RunId) -> RunProgress:
        told = await self.api.get(f"/initial-syncs/{run}/progress")
        maps = tuple(
            MapProgress(
                _RUN_MAP.validate_python(each["map"]),
                Direction(each["direction"]),
                _ADVANCE.validate_python(each["advance"]),
            )
            for each in told["maps"]
        )
        return RunProgress(_run(told["run"]), _ADVANCE.validate_python(told["total"]), maps)

    async def partitions(self, run: RunId, *, map: str | None = None) -> Sequence[Partition]:
        path = f"/initial-syncs/{run}/partitions"
        return [_partition(each) for each in await self.api.items(path, {"map": map, "limit": 1000})]

    async def details(self, run: RunId) -> Mapping[str, object]:
        told: Mapping[str, object] = await self.api.get(f"/initial-syncs/{run}/details")
        return told

    async def refused(
        self,
        run: RunId | None = None,
        which: RefusalFilter = EVERY_REFUSAL,
        *,
        limit_rows: int | None = None,
        offset_rows: int = 0,
    ) -> Sequence[Refusal]:
        found: list[Refusal] = []
        last = None if limit_rows is None else offset_rows + limit_rows
        async for some in self.all_refused(run, which):
            found += some
            if last is not None and len(found) >= last:
                break
        return list(islice(found, offset_rows, last))

    async def all_refused(
        self, run: RunId | None = None, which: RefusalFilter = EVERY_REFUSAL
    ) -> AsyncIterator[Sequence[Refusal]]:
        async for page in self.api.pages(_refusals_path(run), {**_refusal_query(which), "limit": 1000}):
            yield [_REFUSAL.validate_python(each) for each in page]

    async def refusal_groups(
        self, run: RunId | None = None, which: RefusalFilter = EVERY_REFUSAL
    ) -> Sequence[RefusalGroup]:
        told = await self.api.get(f"{_refusals_path(run)}/groups", _refusal_query(which))
        return [
            RefusalGroup(
                {RefusalField(name.replace("_", " ")): str(value) for name, value in each["fields"].items()},
                int(each["rows"]),
                str(each["reason"]),
                tuple(each["records"]),
            )
            for each in told
        ]


def _run(told: Document) -> InitialSyncRun:
    return _RUN.validate_python({**told, "connection": "", "parent": told["rerun_of"]})


def _started(operation: Document) -> RunId:
    return _ID.validate_python(operation["id"].partition(".")[2])


def _map_count(told: Document) -> MapCount:
    counts = RowCounts(*(int(told[name]) for name in _COUNTS))
    return MapCount(told["map"], Direction(told["direction"]), told["legal_entity"] or "", counts)


def _partition(told: Document) -> Partition:
    entities = told["legal_entities"]
    extent = Extent(None if entities is None else tuple(entities), Span(), told["rows"])
    facts = {name: value for name, value in told.items() if name != "legal_entities"}
    return _PARTITION.validate_python({**facts, "wave": 0, "batch": 0, "extent": extent})


def _choice_document(choice: MapChoice) -> Document:
    return {
        "map": choice.name,
        "master": choice.master.value,
        "legal_entities": None if choice.legal_entities is None else list(choice.legal_entities),
        "enabled": choice.enabled,
    }


def _proposed(told: Document) -> ProposedMap:
    entities = told["legal_entities"]
    choice = MapChoice(told["map"], Side(told["master"]), None if entities is None else tuple(entities))
    return ProposedMap(
        choice, told["position"], told["related"], tuple(told["needed_by"]), told["included"], told["running"]
    )


def _previewed(told: Document) -> PreviewedWay:
    way, entity = Direction(told["direction"]), told["legal_entity"] or ""
    conflicts = tuple(Conflict(**each) for each in told["conflict_samples"])
    refused = tuple(
        RefusedRow(map_name=told["map"], direction=way, company=entity, record_id="", **each)
        for each in told["refused_samples"]
    )
    return PreviewedWay(told["map"], way, entity, Count(*(int(told[name]) for name in _COUNTS)), conflicts, refused)


def _refusals_path(run: RunId | None) -> str:
    return "/initial-syncs/refusals" if run is None else f"/initial-syncs/{run}/refusals"


def _refusal_query(which: RefusalFilter) -> Query:
    return {
        "map": which.map,
        "legal_entity": which.legal_entity,
        "direction": None if which.direction is None else which.direction.value,
        "column": which.column,
        "code": which.code,
        "cause": which.cause,
        "open_only": which.open_only or None,
    }
