"""Brings dual-write's own database to the schema that this program expects."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, func, select

from dualwrite.errors import SettingsRefused
from dualwrite.store.connector import OwnTransactions, create_engine

_ADVISORY_LOCK = 7_306_812_440_118_226_001
"""One upgrade at a time, also when several machines start together."""


def _configuration() -> Config:
    configuration = Config()
    configuration.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    return configuration


def _upgrade(connection: Connection) -> str:
    connection.execute(select(func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
    configuration = _configuration()
    scripts = ScriptDirectory.from_config(configuration)
    found = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in scripts.walk_revisions()}
    if found is not None and found not in known:
        raise SettingsRefused(
            f"The database of dual-write was written by a newer version of the program (schema {found}). "
            "Start that version, or restore a backup from before the upgrade.",
            revision=found,
        )
    configuration.attributes["connection"] = connection
    command.upgrade(configuration, "head")
    head = scripts.get_current_head()
    assert head is not None
    return head


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
