"""The API over a real store and two real environments, with runs that end at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import uvicorn
from fastapi import APIRouter

from dualwrite.composition.linking import LinkParts, build_link_desk
from dualwrite.environments.port import Caller, Command
from dualwrite.errors import DualwriteError, NotAuthenticated
from dualwrite.lifecycle.catch_up.desk import CatchUps
from dualwrite.lifecycle.catch_up.queue import Queue
from dualwrite.lifecycle.catch_up.work import CatchUpWork
from dualwrite.lifecycle.errors.desk import SyncErrors
from dualwrite.lifecycle.initial_sync.work import SyncWork
from dualwrite.lifecycle.maps import MapLifecycle
from dualwrite.linking.desk import LinkDesk
from dualwrite.metadata.schema import Side
from dualwrite.monitoring.alerts.desk import AlertDesk
from dualwrite.monitoring.health.examination import Examination
from dualwrite.monitoring.notify.channel import Begin, Notice, Notifier, Outcome, Told
from dualwrite.security.clock import system_clock
from dualwrite.security.roles import Role
from dualwrite.servers.admin.app import build_admin_app
from dualwrite.servers.admin.desk import Desk
from dualwrite.store import Store
from dualwrite.store.alerts import Channel
from dualwrite.store.catch_ups import CatchUpId
from dualwrite.sync.catch_up.replay import Replay
from dualwrite.sync.live import LiveSync
from dualwrite.sync.retrying.retry import Retry
from dualwrite.sync.stored_failures import StoredFailures
from dualwrite.sync.stored_router import StoredRouter
from inline_conductor import InlineConductor
from linked_pair import CALLER, LinkedPair

GROUPS = "Customer groups (msdyn_customergroups)"
CUSTOMERS = "Customers V3 (accounts)"

_ROLES: Mapping[str, Role] = {
    "administrator": Role.SYSTEM_ADMINISTRATOR,
    "customizer": Role.SYSTEM_CUSTOMIZER,
    "reader": Role.READER,
    "runtime": Role.DUAL_WRITE_RUNTIME_USER,
}


async def authenticate(authorization: str | None) -> Caller:
    """``Bearer reader`` is a reader, and so on."""
    _, _, name = (authorization or "").partition(" ")
    if name not in _ROLES:
        raise NotAuthenticated("Who are you?")
    return replace(CALLER, name=name, roles=frozenset({_ROLES[name].value}))


@dataclass
class AdminRoom:
    """The connection ``main``, whose starter maps do not run, and callers of the API over it."""

    store: Store
    linked: LinkedPair
    router: StoredRouter
    notifiers: Mapping[Channel, Notifier] = field(default_factory=lambda: dict.fromkeys(Channel, Recorder()))
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    conductor: InlineConductor = field(init=False)
    replayer: InlineReplayer = field(init=False)

    def __post_init__(self) -> None:
        pair = self.linked
        self.conductor = InlineConductor(SyncWork(self.store, "main", pair.pair, self.router))
        self.replayer = InlineReplayer(CatchUpWork(self.store, "main", self.router, self._queue, now=system_clock))
        for source, target in ((pair.finops, pair.dataverse), (pair.dataverse, pair.finops)):
            source.follow_pipeline(
                LiveSync(source=source, target=target, pair=pair.pair, router=self.router, tally=pair.tally)
            )

    @property
    def desk(self) -> Desk:
        return Desk(
            store=self.store,
            connection="main",
            pair=self.linked.pair,
            router=self.router,
            tally=self.linked.tally,
            conductor=self.conductor,
            lifecycle_of=self.lifecycle,
            ensure_tables=_tables_are_there,
            catch_ups=self.catch_ups,
            alerts=AlertDesk(self.store, "main", seal=OpenSeal(), notifiers=self.notifiers, now=system_clock),
            link=self.link,
            errors_of=self.errors_of,
            examination=Examination(self.store, "main", self.linked.pair, self.router, system_clock),
        )

    @property
    def link(self) -> LinkDesk:
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
                lifecycle_of=self.lifecycle,
                ensure_tables=None,
                finops_application="10.0.2177.0",
            )
        )

    @property
    def catch_ups(self) -> CatchUps:
        return CatchUps(self.store, "main", self.router, self._queue, conductor=self.replayer)

    def errors_of(self, who: str) -> SyncErrors:
        retry = Retry(self.linked.pair, self.router, self.linked.tally)
        return SyncErrors(self.store, "main", self.router, retry, who=who)

    def lifecycle(self, who: str) -> MapLifecycle:
        return MapLifecycle(
            self.store, "main", self.router, conductor=self.conductor, catch_ups=self.catch_ups, who=who
        )

    def _queue(self, primary: Side) -> Queue:
        failures = StoredFailures(self.store, "main")
        return Replay(self.linked.pair, self.router, primary, failures, self.linked.tally)

    @asynccontextmanager
    async def served(self) -> AsyncIterator[str]:
        """The API answers on a port of this machine; gives its base address."""
        app = build_admin_app(
            desk=self.desk,
            identity=APIRouter(),
            metrics=APIRouter(),
            authenticate=authenticate,
            instance="tests",
            closing=self.closing,
        )
        config = uvicorn.Config(app, port=0, lifespan="off", log_config=None, access_log=False, ws="none")
        server = _Server(config)
        serving = asyncio.ensure_future(server.serve())
        await server.listens.wait()
        port = server.servers[0].sockets[0].getsockname()[1]
        try:
            yield f"http://127.0.0.1:{port}/api/v1"
        finally:
            self.closing.set()
            server.should_exit = True
            await serving

    async def finops(self, *commands: Command) -> None:
        """Somebody saves these in finance and operations."""
        await self.linked.finops.transact(list(commands), caller=CALLER)


class OpenSeal:
    """Encrypts nothing."""

    def encrypt(self, content: bytes) -> bytes:
        return content

    def decrypt(self, encrypted: bytes) -> bytes:
        return encrypted


@dataclass
class Recorder:
    """Remembers whom it was to tell."""

    told: list[str] = field(default_factory=list)

    async def send(self, destination: str, notice: Notice, begin: Begin) -> Told:
        self.told.append(destination)
        return Told(Outcome.SENT)


@dataclass(frozen=True)
class InlineReplayer:
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


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listens = asyncio.Event()

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        self.listens.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _tables_are_there(finops: object, dataverse: object) -> int:
    return 0


@dataclass
class Client:
    """A caller of the API with one role."""

    http: httpx.AsyncClient
    role: str = "administrator"

    async def call(
        self, method: str, path: str, body: object = None, *, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        sent = {"Authorization": f"Bearer {self.role}", **(headers or {})}
        return await self.http.request(method, path, json=body, headers=sent)

    async def get(self, path: str, code: int = 200) -> Any:
        answer = await self.call("GET", path)
        assert answer.status_code == code, answer.text
        return answer.json()

    async def post(self, path: str, body: object = None, code: int = 200, **headers: str) -> Any:
        answer = await self.call("POST", path, body, headers=headers)
        assert answer.status_code == code, answer.text
        return answer.json()
