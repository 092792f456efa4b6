"""The one seam to the driver: engines, transactions, and the driver's errors in our words."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

import orjson
from psycopg import AsyncConnection as PsycopgConnection
from psycopg import Error as PsycopgError
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL, Identifier
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolExhausted
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from dualwrite.errors import Contention, DualwriteError, EnvironmentUnavailable, NotAllowed, SettingsRefused

_CONTENTION = frozenset({"40001", "40P01", "55P03"})
"""Serialization failure, deadlock, lock not available."""
_MISSING_PARENT = "23503"
"""Foreign key violation, in either direction."""


class Transactions(Protocol):
    """Where a repository gets its transaction: one of its own, or the one it takes part in."""

    def begin(self) -> AbstractAsyncContextManager[AsyncConnection]: ...


class OwnTransactions:
    """Each use is a transaction of its own on a pooled connection."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncConnection]:
        try:
            async with self._engine.begin() as connection:
                yield connection
        except DBAPIError as error:
            raise _translated(error) from error
        except PoolExhausted as error:
            raise EnvironmentUnavailable("All connections to dual-write's own database are busy; try again.") from error


class JoinedTransaction:
    """Every use is part of one transaction that somebody else ends."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncConnection]:
        yield self._connection


def create_engine(url: str, *, pool_size: int) -> AsyncEngine:
    """An engine over psycopg for ``url``; nothing is connected yet.

    ``url`` is any connection string that libpq understands (``postgresql://…`` or ``host=… dbname=…``).

    Raises: SettingsRefused.
    """
    try:
        parameters = conninfo_to_dict(url)
    except ProgrammingError:
        raise SettingsRefused("The database URL cannot be read; it looks like postgresql://user@host/name") from None
    options = f"{parameters.get('options') or ''} -c timezone=UTC".strip()
    return create_async_engine(
        "postgresql+psycopg://",
        pool_size=pool_size,
        max_overflow=0,
        pool_pre_ping=True,
        json_serializer=json_text,
        json_deserializer=orjson.loads,
        connect_args={"application_name": "dualwrite store", **parameters, "options": options},
    )


async def copy_rows(
    connection: AsyncConnection, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]
) -> None:
    """The rows are in the table, as part of the connection's transaction; many are there quickly."""
    raw = await connection.get_raw_connection()
    driver = raw.driver_connection
    assert isinstance(driver, PsycopgConnection)
    names = SQL(", ").join(map(Identifier, columns))
    statement = SQL("COPY {} ({}) FROM STDIN").format(Identifier(table), names)
    try:
        async with driver.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                await copy.write_row(row)
    except PsycopgError as error:
        raise _translated(DBAPIError("COPY", None, error)) from error


def storable(value: object) -> object:
    """``value`` without what cannot be written: NUL and lone surrogates become U+FFFD, integers beyond 64 bits text.

    Records are refused for such characters too, and their refusal must still be written down.
    """
    if isinstance(value, str):
        return storable_text(value)
    if isinstance(value, Mapping):
        return {storable_text(str(key)): storable(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [storable(entry) for entry in value]
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return str(value)
    return value


def storable_text(text: str) -> str:
    """``text`` as PostgreSQL can hold it; see :func:`storable`."""
    if text.isascii() and "\x00" not in text:
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\x00", "\ufffd")


def json_text(value: object) -> str:
    """JSON text; a Decimal becomes text, so that no digit is lost."""
    try:
        document = orjson.dumps(value, default=_scalar)
    except TypeError:
        document = b""
    # Most documents are storable as they are; only the others are taken to pieces.
    if not document or b"\\u0000" in document:
        document = orjson.dumps(storable(value), default=str, option=orjson.OPT_NON_STR_KEYS)
    return document.decode()


def _scalar(value: object) -> str:
    if isinstance(value, Mapping | set | frozenset):
        raise TypeError
    return str(value)


def _translated(error: DBAPIError) -> DualwriteError:
    state = getattr(error.orig, "sqlstate", None)
    if state in _CONTENTION:
        return Contention("dual-write's own database is busy with the same rows; try again.", sqlstate=state)
    if state == _MISSING_PARENT:
        return NotAllowed(f"What this belongs to is not known, or is still in use: {error.orig}", sqlstate=state)
    if error.connection_invalidated or isinstance(error, OperationalError):
        return EnvironmentUnavailable(f"dual-write's own database does not answer: {error.orig}", sqlstate=state)
    return DualwriteError(f"dual-write's own database refused a statement: {error.orig}", sqlstate=state)
