"""Pools of connections to an environment's database."""

from __future__ import annotations

import select
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from dualwrite.environments.hosted.finding import DictConnection
from dualwrite.environments.hosted.settings import HostedSettings

_WAIT_S = 10.0


def connection_pool(
    conninfo: str, settings: HostedSettings, *, lock_wait_ms: int
) -> AsyncConnectionPool[DictConnection]:
    """A pool, not open yet, whose statements wait for locks and run no longer than they may."""
    limits = {
        "timezone": "UTC",
        "lock_timeout": lock_wait_ms,
        "statement_timeout": int(settings.transaction_seconds * 1000),
    }
    return AsyncConnectionPool(
        conninfo,
        connection_class=psycopg.AsyncConnection[dict[str, Any]],
        min_size=1,
        max_size=settings.pool_size,
        timeout=_WAIT_S,
        check=_check_alive,
        open=False,
        kwargs={
            "autocommit": True,
            "row_factory": dict_row,
            "options": " ".join(f"-c {name}={value}" for name, value in limits.items()),
        },
    )


async def _check_alive(connection: DictConnection) -> None:
    """Raises OperationalError where the server has hung up on an idle connection. Costs no round trip: a server that
    says something unasked says good-bye.
    """
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    if poll.poll(0):
        await connection.close()
        raise psycopg.OperationalError("the server has closed the connection")
