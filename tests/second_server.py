"""A PostgreSQL of its own for one environment: it can be stopped, frozen, and heard over a bad line."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from psycopg import conninfo

from dualwrite.database.server import EmbeddedServer

_CHUNK_BYTES = 65536
_START_S = 30


class SecondServer:
    """An embedded server under a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._embedded = EmbeddedServer(folder)
        self.conninfo = self._embedded.conninfo
        with (folder / "dualwrite.conf").open("a") as settings:
            # Servers are killed in these tests, the computer is not.
            settings.write("fsync = off\n")

    @property
    def embedded(self) -> EmbeddedServer:
        return self._embedded

    @property
    def _postmaster(self) -> psutil.Process:
        return psutil.Process(int((self._embedded.folder / "postmaster.pid").read_text().splitlines()[0]))

    def kill(self) -> None:
        """The server is gone at once, as when its machine loses power."""
        postmaster = self._postmaster
        postmaster.send_signal(signal.SIGQUIT)
        postmaster.wait(_START_S)

    def start(self) -> None:
        """The server answers again."""
        self._embedded._server.start()

    def freeze(self) -> None:
        """Not one of the server's processes does anything; connections stay open."""
        for each in self._processes():
            each.suspend()

    def thaw(self) -> None:
        """The server goes on where it stood."""
        for each in reversed(self._processes()):
            with suppress(psutil.NoSuchProcess):
                each.resume()

    def _processes(self) -> list[psutil.Process]:
        postmaster = self._postmaster
        return [postmaster, *postmaster.children(recursive=True)]

    def stop(self) -> None:
        self._embedded.stop()


@dataclass
class Line:
    """A TCP line on the loopback address to a server's socket; what comes back takes ``delay_s`` longer."""

    socket: str
    delay_s: float = 0.0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either end hangs up."""
        back, forth = await asyncio.open_unix_connection(self.socket)
        for task in (self._carry(reader, forth, late=False), self._carry(back, writer, late=True)):
            running = asyncio.ensure_future(task)
            self._tasks.add(running)
            running.add_done_callback(self._tasks.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, late: bool) -> None:
        with suppress(ConnectionError, asyncio.CancelledError):
            while chunk := await reader.read(_CHUNK_BYTES):
                if late and self.delay_s:
                    await asyncio.sleep(self.delay_s)
                writer.write(chunk)
                await writer.drain()
        writer.close()

    def hang_up(self) -> None:
        for each in self._tasks:
            each.cancel()


@asynccontextmanager
async def line_to(target: str) -> AsyncIterator[tuple[Line, str]]:
    """A line to the server at the connection string ``target``, and the connection string over it."""
    given = conninfo.conninfo_to_dict(target)
    line = Line(f"{given['host']}/.s.PGSQL.{given.get('port') or 5432}")
    server = await asyncio.start_server(line.answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield line, conninfo.make_conninfo(target, host="127.0.0.1", port=port)
    finally:
        server.close()
        line.hang_up()
