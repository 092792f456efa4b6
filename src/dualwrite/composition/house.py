"""The house: server, databases, store, environments, engine and who may enter, put together from the real parts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from uuid import uuid4

from dualwrite import __version__
from dualwrite.applications.company import OwnerTeam
from dualwrite.catalog import load_schema
from dualwrite.composition.tables import Tables
from dualwrite.composition.watching import Observatory
from dualwrite.database.server import Server, ensure_database, open_server
from dualwrite.environments.crash_points import CrashPoints, kill_at, nowhere
from dualwrite.environments.hosted.dataverse_rules import dataverse_rules
from dualwrite.environments.hosted.dataverse_seed import (
    ADMINISTRATOR_ID,
    ENGINE_USER_ID,
    seed_dataverse,
)
from dualwrite.environments.hosted.definitions import create_bookkeeping, take_over
from dualwrite.environments.hosted.environment import HostedEnvironment
from dualwrite.environments.hosted.finops_rules import finops_rules
from dualwrite.environments.hosted.settings import HostedSettings
from dualwrite.environments.port import EnvironmentName
from dualwrite.errors import EnvironmentUnavailable, NotFound
from dualwrite.lifecycle.catch_up.desk import CatchUps
from dualwrite.lifecycle.catch_up.queue import QueueOf
from dualwrite.lifecycle.catch_up.work import CatchUpWork
from dualwrite.lifecycle.errors.desk import SyncErrors
from dualwrite.lifecycle.initial_sync.work import SyncWork
from dualwrite.lifecycle.maps import MapLifecycle
from dualwrite.metadata.schema import Side
from dualwrite.monitoring.health.examination import Examination
from dualwrite.security.audiences import LOOPBACK_OF, bracketed
from dualwrite.security.clients import Clients
from dualwrite.security.clock import system_clock
from dualwrite.security.credentials import Credentials
from dualwrite.security.local_administrator import ensure_local_administrator
from dualwrite.security.passwords import Passwords
from dualwrite.settings import Settings
from dualwrite.store.catch_ups import CatchUpId
from dualwrite.store.database import Store
from dualwrite.store.environments import EnvironmentKind
from dualwrite.store.initial_syncs import RunId
from dualwrite.sync.catch_up.replay import Replay
from dualwrite.sync.link import Pair
from dualwrite.sync.live import LiveSync
from dualwrite.sync.pulse import Pulse, Rhythm, feeling_pulses
from dualwrite.sync.recovery import Recovery
from dualwrite.sync.retrying.retry import Retry
from dualwrite.sync.stored_failures import StoredFailures
from dualwrite.sync.stored_router import StoredRouter
from dualwrite.sync.tally import Tally
from dualwrite.workflows.conductor import DurableConductor
from dualwrite.workflows.limits import JOINED_ROWS, Limits
from dualwrite.workflows.work import Kind, Works
from dualwrite.workflows.workers import Workers

FINOPS = EnvironmentName("finops")
DATAVERSE = EnvironmentName("dataverse")
CONNECTION = "main"
DEFAULT_COMPANY = "usmf"


@dataclass(frozen=True)
class House:
    """Everything that runs, over one data folder or database server."""

    settings: Settings
    server: Server
    store: Store
    finops: HostedEnvironment
    dataverse: HostedEnvironment
    pair: Pair
    router: StoredRouter
    recovery: Recovery
    tally: Tally
    tables: Tables
    clients: Clients
    credentials: Credentials | None
    """The local administrator's; None in a house that serves nobody."""
    queue: QueueOf
    """What waits for paused maps."""
    workers: Workers
    """This process's part in the work on initial syncs and catch-ups."""
    observatory: Observatory
    """What watches the engine."""

    @property
    def instance(self) -> str:
        """Names this house for as long as it stands; the next start has another."""
        return self.observatory.instance

    @property
    def administrator(self) -> Credentials:
        """The local administrator's credentials, in a house that serves."""
        assert self.credentials is not None
        return self.credentials

    @property
    def lifecycle(self) -> MapLifecycle:
        return self.lifecycle_of("local administrator")

    def lifecycle_of(self, who: str) -> MapLifecycle:
        """What is done with the maps, in somebody's name."""
        return MapLifecycle(
            self.store, CONNECTION, self.router, conductor=self.conductor, catch_ups=self.catch_ups, who=who
        )

    @property
    def conductor(self) -> DurableConductor[RunId]:
        """Whoever has it wait for an initial sync takes part in the work on it."""
        return DurableConductor(self.workers, Kind.INITIAL_SYNC, is_at_rest=self._is_at_rest)

    async def _is_at_rest(self, run: RunId) -> bool:
        record = await self.store.initial_syncs.get(run)
        if record is None:
            raise NotFound(f"There is no initial sync {run}.", run=str(run))
        return record.state.is_at_rest

    @property
    def catch_ups(self) -> CatchUps:
        """What waits for paused maps, and how it was worked off."""
        conductor = DurableConductor(self.workers, Kind.CATCH_UP, is_at_rest=self._has_caught_up)
        return CatchUps(self.store, CONNECTION, self.router, self.queue, conductor=conductor)

    async def _has_caught_up(self, run: CatchUpId) -> bool:
        record = await self.store.catch_ups.get(run)
        if record is None:
            raise NotFound(f"There is no catch-up {run}.", run=str(run))
        return record.state.is_at_rest

    def errors_of(self, who: str) -> SyncErrors:
        """Changes that failed, and what is done with them in somebody's name."""
        retry = Retry(self.pair, self.router, self.tally)
        return SyncErrors(self.store, CONNECTION, self.router, retry, who=who)

    async def ensure_tables(self, finops: Iterable[str], dataverse: Iterable[str]) -> int:
        """Both environments have these tables of the catalog; tells how many steps that took. Raises: CatalogRefused.

        Running processes notice by themselves.
        """
        return sum(len(plan.steps) for plan in await self.tables.ensure(finops, dataverse))

    @property
    def examination(self) -> Examination:
        """The health check of maps."""
        return Examination(self.store, CONNECTION, self.pair, self.router, system_clock)

    def feeling_pulses(self) -> AbstractAsyncContextManager[None]:
        """Inside, saves that need an environment that is away or too slow are refused at once."""
        rhythm = Rhythm(answer_s=self.settings.answer_seconds)
        pulses = [Pulse(each, self.pair.availability(each), rhythm=rhythm) for each in (self.finops, self.dataverse)]
        return feeling_pulses(pulses, returned=self.recovery.run_after_absence)

    @property
    def urls(self) -> dict[str, str]:
        """Base addresses by service: admin, finops, dataverse."""
        return service_urls(self.settings)


def service_urls(settings: Settings) -> dict[str, str]:
    """Where the services are called from this machine, also when they listen on all its addresses."""
    ports = {"admin": settings.admin_port, "finops": settings.finops_port, "dataverse": settings.dataverse_port}
    host = bracketed(LOOPBACK_OF.get(settings.host, settings.host))
    return {service: f"http://{host}:{port}" for service, port in ports.items()}


@asynccontextmanager
async def open_house(
    settings: Settings, *, reached: CrashPoints | None = None, serves: bool = True
) -> AsyncIterator[House]:
    """The house stands: databases created and upgraded, environments open, what a dead process left behind settled.

    A house that serves nobody leaves alone who may enter and where the services are.

    ``reached`` is told of every named step of a transaction; without one, the setting ``crash_at`` decides.

    Raises: SettingsRefused, EnvironmentUnavailable.
    """
    settings.data_folder.mkdir(parents=True, exist_ok=True)
    if reached is None:
        reached = kill_at(settings.crash_at) if settings.crash_at else nowhere
    async with AsyncExitStack() as stack:
        server = await asyncio.to_thread(
            open_server, folder=settings.data_folder / "postgres", url=settings.database_url
        )
        stack.callback(server.stop)
        await asyncio.to_thread(_prepare_databases, server)
        store = await Store.connect(server.conninfo(_database("store")))
        stack.push_async_callback(store.close)
        finops = _finops(settings, server, reached)
        dataverse = _dataverse(settings, server, reached)
        for environment in (finops, dataverse):
            await environment.open()
            stack.push_async_callback(environment.close)
        observatory = Observatory.of(settings, instance=uuid4().hex)
        stack.push_async_callback(asyncio.to_thread, observatory.close)
        house = await _linked(settings, server, store, observatory, (finops, dataverse), reached)
        if serves:
            house = await _entered(house)
        stack.push_async_callback(house.workers.close, grace_s=settings.worker_grace_seconds)
        yield house


async def _linked(
    settings: Settings,
    server: Server,
    store: Store,
    observatory: Observatory,
    environments: tuple[HostedEnvironment, HostedEnvironment],
    reached: CrashPoints,
) -> House:
    finops, dataverse = environments
    pair, tally = Pair(finops, dataverse, watching=observatory.watching), Tally()
    router = StoredRouter(store, CONNECTION, pair, reached=reached)
    for source, target in ((finops, dataverse), (dataverse, finops)):
        source.follow_pipeline(
            LiveSync(
                source=source,
                target=target,
                pair=pair,
                router=router,
                tally=tally,
                failures=StoredFailures(store, CONNECTION),
                reached=reached,
            )
        )
    recovery = Recovery(pair, reached=reached)
    if await recovery.is_due():
        await recovery.run()
    tables = Tables({side: server.conninfo(_database(side.value)) for side in Side}, store, CONNECTION, pair, router)
    await tables.prepare()
    await asyncio.to_thread(seed_dataverse, server.conninfo(_database(DATAVERSE)))
    for environment in environments:
        await environment.current_schema()
    queue = _queue(store, pair, router, tally, reached)
    return House(
        settings=settings,
        server=server,
        store=store,
        finops=finops,
        dataverse=dataverse,
        pair=pair,
        router=router,
        recovery=recovery,
        tally=tally,
        tables=tables,
        clients=Clients(store.clients, Passwords()),
        credentials=None,
        queue=queue,
        workers=_workers(
            settings,
            server,
            Works(
                SyncWork(store, CONNECTION, pair, router, partition_rows=settings.partition_rows),
                CatchUpWork(store, CONNECTION, router, queue, now=system_clock),
            ),
        ),
        observatory=observatory,
    )


async def _entered(house: House) -> House:
    """The local administrator may enter, and the store knows where the services are."""
    for name, side in ((FINOPS, Side.FINOPS), (DATAVERSE, Side.DATAVERSE)):
        await house.store.environments.save(
            name, side=side, kind=EnvironmentKind.HOSTED, url=house.urls[name], database=_database(name)
        )
    credentials = await ensure_local_administrator(
        house.clients, house.settings.data_folder, default_company=DEFAULT_COMPANY, user_id=ADMINISTRATOR_ID
    )
    return replace(house, credentials=credentials)


def _database(purpose: str) -> str:
    return f"dualwrite_{purpose}"


def _prepare_databases(server: Server) -> None:
    """The three databases exist, with what the engine needs in order to recover."""
    for purpose in ("store", FINOPS, DATAVERSE):
        ensure_database(server, _database(purpose))
    for purpose, side in ((FINOPS, Side.FINOPS), (DATAVERSE, Side.DATAVERSE)):
        conninfo = server.conninfo(_database(purpose))
        try:
            create_bookkeeping(conninfo)
        except EnvironmentUnavailable as error:
            raise EnvironmentUnavailable(
                f"environment {purpose} does not answer: {error.message}. While it is away, have the running program "
                "do what is to be done, over its API: dualwrite --url http://localhost:8000 …"
            ) from error
        take_over(conninfo, load_schema(side), who="start")


def _queue(store: Store, pair: Pair, router: StoredRouter, tally: Tally, reached: CrashPoints) -> QueueOf:
    def queue(primary: Side) -> Replay:
        failures = StoredFailures(store, CONNECTION)
        return Replay(pair, router, primary=primary, failures=failures, tally=tally, reached=reached)

    return queue


def _workers(settings: Settings, server: Server, works: Works) -> Workers:
    limits = Limits(
        worker_concurrency=settings.worker_concurrency,
        environment_concurrency=settings.environment_concurrency,
        partitions_per_minute=settings.environment_partitions_per_minute,
        joined_rows=min(settings.partition_rows, JOINED_ROWS),
    )
    return Workers(
        server.conninfo(_database("store")),
        works,
        limits,
        version=__version__,
        environments={Side.FINOPS: FINOPS, Side.DATAVERSE: DATAVERSE},
        now=system_clock,
    )


def _hosted_settings(settings: Settings) -> HostedSettings:
    return HostedSettings(
        # A partition takes a connection on either side; files and previews want some, too.
        copy_pool_size=max(8, settings.worker_concurrency + 2),
        transaction_records=settings.transaction_records,
        transaction_seconds=settings.transaction_seconds,
        source_lock_wait_ms=settings.source_lock_wait_ms,
        target_lock_wait_ms=settings.target_lock_wait_ms,
        retry_seconds=settings.contention_seconds,
    )


def _finops(settings: Settings, server: Server, reached: CrashPoints) -> HostedEnvironment:
    return HostedEnvironment(
        FINOPS,
        Side.FINOPS,
        server.conninfo(_database(FINOPS)),
        rules=finops_rules(),
        settings=_hosted_settings(settings),
        reached=reached,
    )


def _dataverse(settings: Settings, server: Server, reached: CrashPoints) -> HostedEnvironment:
    return HostedEnvironment(
        DATAVERSE,
        Side.DATAVERSE,
        server.conninfo(_database(DATAVERSE)),
        settings=_hosted_settings(settings),
        rules=(*dataverse_rules(), OwnerTeam()),
        engine_user=ENGINE_USER_ID,
        reached=reached,
    )
