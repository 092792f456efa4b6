"""Which processes are alive: each holds a lock for as long as it lives; whoever can take that lock knows it is dead.

The lock belongs to a database session of its own. The session ends with the process, with its machine's network, and
when the process has not been heard of for half a minute, be it stopped, swapped out or hanging.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
from psycopg.conninfo import make_conninfo

SILENCE_S = 30
"""A session that has said nothing for so long is ended by the server."""
_OPTIONS = (
    f"-c idle_session_timeout={SILENCE_S}s -c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 "
    "-c tcp_keepalives_count=3"
)


class Liveness:
    """The session that says: this executor is alive, and so is its version of the program.

    Not for concurrent use. Every method may raise psycopg.OperationalError, and must be called again then.
    """

    def __init__(self, conninfo: str, *, executor: str, version: str) -> None:
        self._conninfo = make_conninfo(conninfo, application_name=f"dualwrite {executor}"[:63])
        self._executor = executor
        self._version = version
        self._session: psycopg.AsyncConnection[tuple[object, ...]] | None = None

    async def beat(self) -> None:
        """The server has heard of this process, which holds its locks; after a lost connection it holds them again."""
        if self._session is not None and not self._session.closed:
            try:
                await self._session.execute("SELECT 1")
                return
            except psycopg.OperationalError:
                await self._session.close()
        await self._open()

    async def close(self) -> None:
        """This executor counts as dead."""
        if self._session is not None:
            await self._session.close()

    @asynccontextmanager
    async def if_dead(self, executor: str) -> AsyncIterator[bool]:
        """Whether the executor is dead; then nobody else finds so as long as the context lasts."""
        async with self._claim(_key("executor", executor)) as taken:
            yield taken

    @asynccontextmanager
    async def if_deserted(self, version: str) -> AsyncIterator[bool]:
        """Whether no process of that version of the program is alive; none of them counts as alive meanwhile."""
        async with self._claim(_key("version", version)) as taken:
            yield taken

    @asynccontextmanager
    async def _claim(self, key: int) -> AsyncIterator[bool]:
        await self.beat()
        assert self._session is not None
        async with self._session.transaction():
            cursor = await self._session.execute("SELECT pg_try_advisory_xact_lock(%s)", (key,))
            row = await cursor.fetchone()
            yield row == (True,)

    async def _open(self) -> None:
        options = f"{psycopg.conninfo.conninfo_to_dict(self._conninfo).get('options') or ''} {_OPTIONS}".strip()
        self._session = await psycopg.AsyncConnection.connect(
            make_conninfo(self._conninfo, options=options), autocommit=True
        )
        await self._session.execute("SELECT pg_advisory_lock(%s)", (_key("executor", self._executor),))
        await self._session.execute("SELECT pg_advisory_lock_shared(%s)", (_key("version", self._version),))


def _key(kind: str, name: str) -> int:
    digest = hashlib.sha256(f"dualwrite {kind} {name}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
