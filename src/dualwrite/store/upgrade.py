"""Brings dual-write's own database to the schema that this program expects."""

from __future__ import annotations

from sqlalchemy import Connection, text

from dualwrite.store.connector import OwnTransactions, create_engine

HEAD = "0012"
"""The newest revision under ``migrations/``."""

_VERSIONED = text("SELECT to_regclass('alembic_version') IS NOT NULL")
_REVISION = text("SELECT version_num FROM alembic_version")


def _upgrade(connection: Connection) -> str:
    if connection.scalar(_VERSIONED) and connection.scalar(_REVISION) == HEAD:
        return HEAD
    # Only a database that is behind pays for loading the migrations' machinery.
    from dualwrite.store.migration import migrate

    return migrate(connection)


async def upgrade(url: str) -> str:
    """The database at ``url`` has the current schema; returns its revision.

    Atomicity: all pending migrations or none. Idempotency: a current database stays as it is. Ordering: concurrent
    calls wait for each other.

    Raises: EnvironmentUnavailable; SettingsRefused when the database is newer than the program.
    """
    engine = create_engine(url, pool_size=1)
    try:
        async with OwnTransactions(engine).begin() as connection:
            return await connection.run_sync(_upgrade)
    finally:
        await engine.dispose()
