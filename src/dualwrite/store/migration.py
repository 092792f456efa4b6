"""Runs the migrations under ``migrations/``."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, func, select

from dualwrite.errors import SettingsRefused

_ADVISORY_LOCK = 7_306_812_440_118_226_001
"""One upgrade at a time, also when several machines start together."""


def configuration_of_migrations() -> Config:
    """Where the migrations are, for Alembic."""
    configuration = Config()
    configuration.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    return configuration


def migrate(connection: Connection) -> str:
    """The database has the newest schema; returns its revision. Raises: SettingsRefused for a newer database."""
    connection.execute(select(func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
    configuration = configuration_of_migrations()
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
