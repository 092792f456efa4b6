"""Two real environments, a real store with the starter maps, and everything that is done with initial syncs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from dualwrite.environments.port import Command
from dualwrite.lifecycle.catch_up.desk import CatchUps
from dualwrite.lifecycle.catch_up.queue import QueueOf
from dualwrite.lifecycle.catch_up.work import CatchUpWork
from dualwrite.lifecycle.initial_sync.desk import InitialSyncs
from dualwrite.lifecycle.initial_sync.options import MapChoice, RunOptions
from dualwrite.lifecycle.initial_sync.reports import RunReport, SyncReports
from dualwrite.lifecycle.initial_sync.work import SyncWork
from dualwrite.lifecycle.maps import MapLifecycle
from dualwrite.store import Store
from dualwrite.store.initial_syncs import InitialSyncRun, OnRefusals, RerunKind, RunId
from dualwrite.store.maps import MapState
from dualwrite.store.partitions import RowCounts
from dualwrite.sync.live import LiveSync
from dualwrite.sync.stored_router import StoredRouter
from inline_conductor import InlineConductor
from inline_replayer import InlineReplayer, queue_of
from linked_pair import CALLER, LinkedPair

GROUPS = "Customer groups (msdyn_customergroups)"
CUSTOMERS = "Customers V3 (accounts)"
CONTACTS = "CDS Contacts V2 (contacts of customers)"


@dataclass
class SyncRoom:
    """The connection ``main``. Its maps do not run; what is written before they do stays on its side."""

    store: Store
    linked: LinkedPair
    router: StoredRouter
    later: timedelta = timedelta()
    """How far the clock of catch-ups is ahead."""
    conductor: InlineConductor = field(init=False)
    replayer: InlineReplayer = field(init=False)

    def __post_init__(self) -> None:
        self.conductor = InlineConductor(self.work)
        self.replayer = InlineReplayer(self.catch_up_work)
        pair = self.linked
        for source, target in ((pair.finops, pair.dataverse), (pair.dataverse, pair.finops)):
            source.follow_pipeline(
                LiveSync(source=source, target=target, pair=pair.pair, router=self.router, tally=pair.tally)
            )

    @property
    def syncs(self) -> InitialSyncs:
        return InitialSyncs(self.store, "main", self.router)

    @property
    def work(self) -> SyncWork:
        return SyncWork(self.store, "main", self.linked.pair, self.router)

    @property
    def reports(self) -> SyncReports:
        return SyncReports(self.store, "main")

    @property
    def lifecycle(self) -> MapLifecycle:
        return MapLifecycle(
            self.store, "main", self.router, conductor=self.conductor, catch_ups=self.catch_ups, who="tests"
        )

    @property
    def queue(self) -> QueueOf:
        pair = self.linked
        return queue_of(self.store, pair.pair, self.router, pair.tally)

    @property
    def catch_up_work(self) -> CatchUpWork:
        return CatchUpWork(self.store, "main", self.router, self.queue, now=self.now)

    @property
    def catch_ups(self) -> CatchUps:
        return CatchUps(self.store, "main", self.router, self.queue, conductor=self.replayer)

    def now(self) -> datetime:
        """The moment, as far as catch-ups know it."""
        return datetime.now(UTC) + self.later

    async def finops(self, *commands: Command) -> None:
        """Somebody saves these in finance and operations."""
        await self.linked.finops.transact(list(commands), caller=CALLER)

    async def dataverse(self, *commands: Command) -> None:
        """Somebody saves these in Dataverse."""
        await self.linked.dataverse.transact(list(commands), caller=CALLER)

    async def start(
        self, *names: str, on_refusals: OnRefusals = OnRefusals.GO_LIVE, legal_entities: Sequence[str] | None = None
    ) -> RunId:
        """A run is planned over these maps."""
        entities = None if legal_entities is None else tuple(legal_entities)
        choices = tuple(MapChoice(name, legal_entities=entities) for name in names)
        return await self.syncs.start(RunOptions(choices, who="tests", on_refusals=on_refusals))

    async def run(self, *names: str, on_refusals: OnRefusals = OnRefusals.GO_LIVE) -> InitialSyncRun:
        """A run over these maps has been conducted."""
        return await self.conduct(await self.start(*names, on_refusals=on_refusals))

    async def rerun(self, run: RunId, kind: RerunKind) -> InitialSyncRun:
        """Another run has done rows of this one again."""
        return await self.conduct(await self.syncs.rerun(run, kind, who="tests"))

    async def conduct(self, run: RunId) -> InitialSyncRun:
        """The run is at rest."""
        await self.conductor.conduct(run)
        return await self.reports.run(run)

    async def states(self, *names: str) -> list[MapState]:
        """Where these maps stand."""
        known = {each.name: each.state for each in await self.store.maps.list("main")}
        return [known[name] for name in names]

    async def accounts(self) -> set[str]:
        """The account numbers in Dataverse."""
        return {str(row["accountnumber"]) for row in await self.linked.rows("dataverse", "account")}

    async def refused(self, run: RunId | None = None) -> list[str]:
        """The records that are still refused, in order."""
        return [each.record for each in await self.reports.refused(run) if each.settled_by is None]

    async def what_happened(self) -> list[tuple[str, str | None, str]]:
        """The activity log, earliest first: what, which map, with what result."""
        return [(each.what, each.map, each.result) for each in reversed(await self.store.activity.list())]


def counts(report: RunReport, map: str, legal_entity: str = "usmf") -> RowCounts:
    """What became of the rows of a map and legal entity on the way to Dataverse."""
    (found,) = [
        each.counts
        for each in report.counts
        if (each.map, each.legal_entity, each.direction.name) == (map, legal_entity, "TO_DATAVERSE")
    ]
    return found


def is_sound(report: RunReport) -> bool:
    """Whether every line of the report adds up."""
    return all(
        each.counts.read
        == each.counts.inserted + each.counts.updated + each.counts.equal + each.counts.filtered + each.counts.refused
        and min(each.counts.read, each.counts.inserted, each.counts.updated, each.counts.equal) >= 0
        for each in report.counts
    )
