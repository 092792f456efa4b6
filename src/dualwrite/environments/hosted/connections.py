"""Pools of connections to an environment's database."""

from __future__ import annotations

import select
from dataclasses import dataclass
from typing import Any, NamedTuple

import psycopg
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from dualwrite.environments.hosted.finding import DictConnection
from dualwrite.environments.hosted.settings import HostedSettings

_WAIT_S = 10.0
_TRY_AGAIN_S = 3.0
"""How long a lost connection is tried to be had again. Whoever needs one later tries at once; were the attempts to go
on, further and further apart, nobody would get any for a while after the server has come back."""


class Limits(NamedTuple):
    """How long the statements of a connection wait for locks, and how long they run."""

    lock_wait_ms: int
    statement_s: float


@dataclass(frozen=True, slots=True)
class PoolUse:
    """How busy a pool of connections is."""

    pool: str
    used: int
    idle: int
    waiting: int
    """Requests that wait for a connection."""


def use_of(pool: AsyncConnectionPool[DictConnection], name: str) -> PoolUse:
    """How busy ``pool`` is at this moment."""
    stats = pool.get_stats()
    idle = stats.get("pool_available", 0)
    return PoolUse(name, stats.get("pool_size", 0) - idle, idle, stats.get("requests_waiting", 0))


def connection_pool(
    conninfo: str, settings: HostedSettings, *, lock_wait_ms: int
) -> AsyncConnectionPool[DictConnection]:
    """A pool, not open yet, whose statements wait for locks and run no longer than they may."""
    limits = Limits(lock_wait_ms, settings.transaction_seconds)
    return _pool(conninfo, limits, least=1, most=settings.pool_size)


def copying_pool(conninfo: str, settings: HostedSettings) -> AsyncConnectionPool[DictConnection]:
    """A pool, not open yet and empty while nobody copies, whose statements may take their time."""
    limits = Limits(settings.copy_lock_wait_ms, settings.copy_statement_seconds)
    return _pool(conninfo, limits, least=0, most=settings.copy_pool_size)


def _pool(conninfo: str, limits: Limits, *, least: int, most: int) -> AsyncConnectionPool[DictConnection]:
    options = {
        "timezone": "UTC",
        "datestyle": "ISO",
        "lock_timeout": limits.lock_wait_ms,
        "statement_timeout": int(limits.statement_s * 1000),
    }
    return AsyncConnectionPool(
        conninfo,
        connection_class=psycopg.AsyncConnection[dict[str, Any]],
        min_size=least,
        max_size=most,
        timeout=_WAIT_S,
        reconnect_timeout=_TRY_AGAIN_S,
        check=_check_alive,
        open=False,
        kwargs={
            "autocommit": True,
            "row_factory": dict_row,
            "options": " ".join(f"-c {name}={value}" for name, value in options.items()),
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
