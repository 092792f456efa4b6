"""Running the three services in one process and one event loop, from bound ports to the last answered request.

Signals are left to whoever runs the program; leaving :func:`serving` finishes the requests under way, then closes the
ports.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager

import orjson
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from dualwrite.errors import SettingsRefused
from dualwrite.servers.connection import connection_of
from dualwrite.settings import PREFIX, Settings

PORT_SETTINGS: Mapping[str, str] = {
    "admin": "admin_port",
    "finops": "finops_port",
    "dataverse": "dataverse_port",
}
"""Which setting gives the port of each service."""

_KEEP_ALIVE_S = 75
_LAST_REQUESTS_S = 10
_BACKLOG = 2048


class BoundPorts:
    """The services' sockets: bound, so that nobody else takes the ports, and refusing callers until they are served."""

    def __init__(self, sockets: Mapping[str, socket.socket]) -> None:
        self.sockets = sockets

    def port(self, service: str) -> int:
        """The port of a service, also where the settings left the choice to the system."""
        return int(self.sockets[service].getsockname()[1])

    def within(self, settings: Settings) -> Settings:
        """The settings with the ports as they are."""
        return settings.model_copy(update={name: self.port(service) for service, name in PORT_SETTINGS.items()})

    def close(self) -> None:
        for bound in self.sockets.values():
            bound.close()


@contextmanager
def bound_ports(settings: Settings) -> Iterator[BoundPorts]:
    """The ports of all three services are ours. Raises: SettingsRefused, naming port and setting."""
    ports = BoundPorts({})
    try:
        ports = BoundPorts({service: _bind(settings, service) for service in PORT_SETTINGS})
        yield ports
    finally:
        ports.close()


def _bind(settings: Settings, service: str) -> socket.socket:
    port = getattr(settings, PORT_SETTINGS[service])
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(settings.host, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, kind, protocol)
    except OSError as error:
        raise SettingsRefused(f"{PREFIX}HOST: {settings.host!r} is no address of this machine: {error}") from error
    try:
        # A port whose last connections are still fading away may be taken again at once.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError as error:
        bound.close()
        raise _port_refused(settings, service, error) from error
    return bound


def _port_refused(settings: Settings, service: str, error: OSError) -> SettingsRefused:
    name = PORT_SETTINGS[service]
    option = "--" + name.replace("_", "-")
    return SettingsRefused(
        f"port {getattr(settings, name)} on {settings.host} cannot be used for the {service} service "
        f"({(error.strerror or str(error)).lower()}). Stop what uses it, or choose another with {option} "
        f"or {PREFIX}{name.upper()}; 0 takes a free one."
    )


class ReadinessGate:
    """An ASGI application whose ``/health`` says *starting* until the gate is opened; everything else passes.

    ``instance`` names this start of the program, so that callers know whom they have reached.
    """

    def __init__(self, app: ASGIApp, *, instance: str) -> None:
        self._app = app
        self._instance = instance
        self._open = False

    def open(self) -> None:
        self._open = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._open or scope["type"] != "http" or scope["path"] != "/health":
            await self._app(scope, receive, send)
            return
        body = orjson.dumps({"status": "starting", "instance": self._instance})
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"retry-after", b"1"),
        ]
        await send({"type": "http.response.start", "status": 503, "headers": headers})
        await send({"type": "http.response.body", "body": body})


class _Service(uvicorn.Server):
    """A server that tells when it listens and leaves signals alone."""

    def __init__(self, name: str, app: ASGIApp) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=connection_of(name),
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                backlog=_BACKLOG,
                timeout_keep_alive=_KEEP_ALIVE_S,
                timeout_graceful_shutdown=_LAST_REQUESTS_S,
            )
        )
        self._listening = asyncio.Event()

    async def listens(self) -> None:
        """The port is open to callers."""
        await self._listening.wait()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._listening.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serving(
    apps: Mapping[str, ASGIApp], ports: BoundPorts, settings: Settings
) -> AsyncIterator[asyncio.Future[None]]:
    """Every service answers on its port. The future given is done when a service has ended by itself.

    On leaving, requests under way get ten seconds to finish. Raises: SettingsRefused, for a port that was taken at the
    last moment.
    """
    servers = {name: _Service(name, app) for name, app in apps.items()}
    tasks = {name: asyncio.ensure_future(server.serve([ports.sockets[name]])) for name, server in servers.items()}
    ended = asyncio.ensure_future(_first_end(list(tasks.values())))
    try:
        for name, server in servers.items():
            await _listening(name, server, tasks[name], settings)
        yield ended
    finally:
        for server in servers.values():
            server.should_exit = True
        await asyncio.gather(ended, *tasks.values(), return_exceptions=True)


async def _first_end(tasks: list[asyncio.Future[None]]) -> None:
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()


async def _listening(name: str, server: _Service, task: asyncio.Future[None], settings: Settings) -> None:
    waiting = asyncio.ensure_future(server.listens())
    await asyncio.wait([waiting, task], return_when=asyncio.FIRST_COMPLETED)
    if waiting.done():
        return
    waiting.cancel()
    if isinstance(error := task.exception(), OSError):
        raise _port_refused(settings, name, error) from error
    task.result()
