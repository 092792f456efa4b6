"""Two real environments that are linked, a real store with the starter maps, and the services of the link."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from dualwrite.composition.linking import LinkParts, build_link_desk
from dualwrite.environments.port import Command
from dualwrite.errors import DualwriteError
from dualwrite.lifecycle.catch_up.desk import CatchUps
from dualwrite.lifecycle.catch_up.queue import Queue
from dualwrite.lifecycle.catch_up.work import CatchUpWork
from dualwrite.lifecycle.initial_sync.desk import InitialSyncs
from dualwrite.lifecycle.initial_sync.reports import RunReport, SyncReports
from dualwrite.lifecycle.initial_sync.work import SyncWork
from dualwrite.lifecycle.maps import MapLifecycle
from dualwrite.linking.desk import LinkDesk
from dualwrite.metadata.schema import Side
from dualwrite.security.clock import system_clock
from dualwrite.store import Store
from dualwrite.store.activity import Activity
from dualwrite.store.catch_ups import CatchUpId
from dualwrite.store.initial_syncs import RunId
from dualwrite.store.maps import MapState
from dualwrite.sync.catch_up.replay import Replay
from dualwrite.sync.live import LiveSync
from dualwrite.sync.stored_failures import StoredFailures
from dualwrite.sync.stored_router import StoredRouter
from inline_conductor import InlineConductor
from linked_pair import CALLER, LinkedPair

COMPANIES = "Legal entities (cdm_companies)"
CURRENCIES = "Currencies (transactioncurrencies)"
GROUPS = "Customer groups (msdyn_customergroups)"


@dataclass
class LinkRoom:
    """The connection ``main`` of usmf and demf, whose maps do not run; usrt is there and not linked."""

    store: Store
    linked: LinkedPair
    router: StoredRouter
    conductor: InlineConductor = field(init=False)

    def __post_init__(self) -> None:
        pair = self.linked
        self.conductor = InlineConductor(SyncWork(self.store, "main", pair.pair, self.router))
        for source, target in ((pair.finops, pair.dataverse), (pair.dataverse, pair.finops)):
            source.follow_pipeline(
                LiveSync(source=source, target=target, pair=pair.pair, router=self.router, tally=pair.tally)
            )

    @property
    def desk(self) -> LinkDesk:
        hosted = {Side.FINOPS: self.linked.finops, Side.DATAVERSE: self.linked.dataverse}
        return build_link_desk(
            LinkParts(
                store=self.store,
                connection="main",
                pair=self.linked.pair,
                followed=lambda side: hosted[side].is_followed,
                router=self.router,
                tally=self.linked.tally,
                conductor=self.conductor,
                lifecycle_of=self.lifecycle_of,
                ensure_tables=None,
                finops_application="10.0.2177.0",
            )
        )

    @property
    def syncs(self) -> InitialSyncs:
        return InitialSyncs(self.store, "main", self.router)

    @property
    def lifecycle(self) -> MapLifecycle:
        return self.lifecycle_of("tests")

    def lifecycle_of(self, who: str) -> MapLifecycle:
        replayer = _InlineReplayer(CatchUpWork(self.store, "main", self.router, self._queue, now=system_clock))
        catch_ups = CatchUps(self.store, "main", self.router, self._queue, conductor=replayer)
        return MapLifecycle(self.store, "main", self.router, conductor=self.conductor, catch_ups=catch_ups, who=who)

    def _queue(self, primary: Side) -> Queue:
        failures = StoredFailures(self.store, "main")
        return Replay(self.linked.pair, self.router, primary, failures, self.linked.tally)

    async def finops(self, *commands: Command) -> None:
        """Somebody saves these in finance and operations."""
        await self.linked.finops.transact(list(commands), caller=CALLER)

    async def dataverse(self, *commands: Command) -> None:
        """Somebody saves these in Dataverse."""
        await self.linked.dataverse.transact(list(commands), caller=CALLER)

    async def report(self, run: RunId | None) -> RunReport:
        """What became of a run's rows."""
        assert run is not None
        return await SyncReports(self.store, "main").report(run)

    async def runs(self) -> int:
        """How many initial syncs the history knows."""
        return len(await self.store.initial_syncs.list("main", limit_rows=None))

    async def state(self, name: str) -> MapState:
        found = await self.store.maps.get("main", name)
        assert found is not None
        return found.state

    async def legal_entities(self) -> Sequence[str]:
        """Those that are linked."""
        return [str(each.legal_entity) for each in await self.store.connections.companies("main")]

    async def groups(self, company: str) -> set[str]:
        """The customer groups that Dataverse has of a company."""
        known = {
            row["cdm_companycode"]: row["cdm_companyid"] for row in await self.linked.rows("dataverse", "cdm_company")
        }
        rows = await self.linked.rows("dataverse", "msdyn_customergroup")
        return {str(row["msdyn_groupid"]) for row in rows if row["msdyn_company"] == known.get(company, "none")}

    async def activities(self, what: str) -> Sequence[Activity]:
        """The entries of the activity log about one thing, earliest first."""
        return [each for each in reversed(await self.store.activity.list()) if each.what == what]


@dataclass(frozen=True)
class _InlineReplayer:
    """A conductor that brings a catch-up to its end at once."""

    work: CatchUpWork

    async def conduct(self, run: CatchUpId) -> None:
        try:
            while (window := await self.work.plan(run)) is not None and window.groups:
                for group in window.groups:
                    await self.work.carry_out(run, group)
            while window is not None and not (await self.work.hand_over(run)).is_at_rest:
                pass
        except DualwriteError as error:
            await self.work.fail(run, error.message)

    async def ended(self, run: CatchUpId) -> None:
        """It is at rest when it has been conducted."""
