"""The tables of a hosted environment as its own database defines them, and the one way to change them.

A change is one transaction: statements, definitions and the log entry whose number is the new generation. Whoever is
killed in the middle leaves nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from importlib import resources
from typing import Any, TypeVar

import orjson
import psycopg
from psycopg import errors as pg

from dualwrite.environments.crash_points import CrashPoints, nowhere
from dualwrite.environments.hosted import ddl
from dualwrite.environments.hosted.failures import in_short
from dualwrite.environments.hosted.migration import DropEmpty, Insistence, MigrationPlan, plan_migration
from dualwrite.errors import CatalogRefused, Contention, EnvironmentUnavailable
from dualwrite.metadata.document import TableDocument, read_table, table_document
from dualwrite.metadata.schema import EnvironmentSchema, Side, Table

Connection = psycopg.Connection[tuple[Any, ...]]
T = TypeVar("T")

READ_GENERATION = "SELECT coalesce(max(generation), 0) AS generation FROM dualwrite.schema_change"
READ_DEFINITIONS = """\
SELECT (SELECT coalesce(max(generation), 0) FROM dualwrite.schema_change) AS generation,
       array(SELECT document::text FROM dualwrite.table_definition ORDER BY name COLLATE "C") AS documents"""

_CONNECT_S = 10
_ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(7236872)"
_LOCK_WAIT = "SET LOCAL lock_timeout = '2s'"
"""Changes wait for rows that are being written, and writers behind them: better to step back than to hold all up."""
_BUSY = (pg.LockNotAvailable, pg.DeadlockDetected)
_PATIENCE_S = 60.0
_PAUSE_S = 0.1


class Origin(Enum):
    """Who has defined a table."""

    CATALOG = "catalog"
    USER = "user"


@dataclass(frozen=True, slots=True)
class Defined:
    """The tables of an environment at one generation, and which of them users have made."""

    schema: EnvironmentSchema
    user_tables: frozenset[str]
    user_columns: Mapping[str, frozenset[str]]

    def has_users_part(self, table: str) -> bool:
        """Whether a user has made the table or any column of it."""
        return table in self.user_tables or bool(self.user_columns.get(table))

    def is_users(self, table: str, column: str | None = None) -> bool:
        """Whether a user has made the table, or that column of it."""
        return table in self.user_tables or (column is not None and column in self.user_columns.get(table, ()))


@dataclass(frozen=True, slots=True)
class SchemaChange:
    """One change of the tables: when, by whom, what."""

    generation: int
    changed_at: datetime
    changed_by: str
    steps: tuple[str, ...]


def read_schema(side: Side, documents: Sequence[str]) -> EnvironmentSchema:
    """The schema whose tables are spelled as JSON texts."""
    return EnvironmentSchema(side, tuple(_table(side, document) for document in documents))


def _table(side: Side, text: str) -> Table:
    document: TableDocument = orjson.loads(text)
    return read_table(document, side)


def create_bookkeeping(conninfo: str) -> None:
    """The database has what the engine keeps in every environment. Touches no table of the environment itself.

    Raises: EnvironmentUnavailable.
    """
    bookkeeping = resources.files(__package__).joinpath("bookkeeping.sql").read_text(encoding="utf-8")
    try:
        connection = psycopg.connect(conninfo, connect_timeout=_CONNECT_S)
    except psycopg.OperationalError as error:
        raise EnvironmentUnavailable(in_short(error)) from error
    with connection:
        connection.execute(_ONE_AT_A_TIME)
        connection.execute(bookkeeping)


def read_defined(conninfo: str, side: Side) -> Defined:
    """What the environment's database defines."""
    with psycopg.connect(conninfo) as connection:
        return _defined(connection, side)


def read_changes(conninfo: str) -> tuple[SchemaChange, ...]:
    """What has been done to the environment's tables, the latest first."""
    query = "SELECT generation, changed_at, changed_by, steps FROM dualwrite.schema_change ORDER BY generation DESC"
    with psycopg.connect(conninfo) as connection:
        rows = connection.execute(query).fetchall()
    return tuple(SchemaChange(number, when, who, tuple(steps)) for number, when, who, steps in rows)


def migrate(
    conninfo: str,
    side: Side,
    wanted: Iterable[Table],
    *,
    who: str,
    origin: Origin = Origin.CATALOG,
    insistence: Insistence = Insistence.KEEP_WIDER,
    reached: CrashPoints = nowhere,
) -> MigrationPlan:
    """The environment has all ``wanted`` tables with their columns, keys and choices; gives what was done for that.

    Atomicity: one transaction. Idempotency: by comparison with the definitions; again, it does nothing. Ordering:
    callers wait for each other. After failure: nothing has changed.

    Raises: CatalogRefused, when something cannot be done to what is there; Contention, EnvironmentUnavailable.
    """
    asked = tuple(wanted)

    def change(connection: Connection) -> MigrationPlan:
        defined = _defined(connection, side)
        plan = plan_migration(defined.schema, asked, insistence=insistence)
        if plan.conflicts and origin is Origin.CATALOG:
            plan = _without_empty(connection, defined, plan, asked, insistence)
        if plan.conflicts and insistence is not Insistence.LEAVE_CONFLICTS:
            raise CatalogRefused("; ".join(map(str, plan.conflicts)))
        if plan.steps:
            _carry_out(connection, plan)
            _save(connection, defined, plan.tables, origin)
            _log(connection, who, [str(step) for step in plan.steps], plan.statements())
            reached("migration.applied")
        return plan

    return _changing(conninfo, change)


def take_over(conninfo: str, catalog: EnvironmentSchema, *, who: str) -> None:
    """A database that was made before definitions were kept has them: those of the catalog, for what is there.

    A table whose key is another one by now goes when it is empty; with its rows it is set aside, in the schema
    ``former``.
    """

    def change(connection: Connection) -> None:
        if connection.execute("SELECT 1 FROM dualwrite.schema_change LIMIT 1").fetchone() is not None:
            return
        columns, indexes = _present_columns(connection), _present_keys(connection)
        there = [table for table in catalog if table.name in columns]
        if not there:
            return
        fitting = [table for table in there if _has_key(table, columns[table.name], indexes)]
        steps = [_set_aside(connection, table) for table in there if table not in fitting]
        tables = [_restricted(table, columns[table.name], indexes) for table in fitting]
        known = {ddl.index_name(table, key) for table in tables for key in (table.key, *table.alternate_keys)}
        for index in indexes - known:
            connection.execute(f"DROP INDEX IF EXISTS data.{_unescaped(ddl.quoted(index))}")
        nothing = Defined(EnvironmentSchema(catalog.side, ()), frozenset(), {})
        _save(connection, nothing, tables, Origin.CATALOG)
        _log(connection, who, [*steps, *(f"take over table {table.name}" for table in tables)], [])

    _changing(conninfo, change)


def remove_column(conninfo: str, side: Side, table: str, column: str, *, who: str) -> None:
    """The user's column is gone with what it held, and with the keys over it. Raises: CatalogRefused, Contention."""

    def change(connection: Connection) -> None:
        defined = _defined(connection, side)
        there = defined.schema.table(table)
        gone = there.column(column)
        _check_removable(defined, there, gone.name)
        if gone.name in (there.primary_name, there.company_column, *there.key):
            raise CatalogRefused(f"{there.name}.{gone.name}: the table cannot be without this column")
        kept = [number for number, key in enumerate(there.alternate_keys) if gone.name not in key]
        left = _with_keys(replace(there, columns=tuple(c for c in there.columns if c is not gone)), there, kept)
        statements = list(ddl.drop_column_statements(there, gone))
        _redefine(connection, defined, left, who, f"remove column {there.name}.{gone.name}", statements)

    _changing(conninfo, change)


def remove_key(conninfo: str, side: Side, table: str, columns: tuple[str, ...], *, who: str) -> None:
    """The alternate key is gone, the columns stay. Raises: CatalogRefused, Contention."""

    def change(connection: Connection) -> None:
        defined = _defined(connection, side)
        there = defined.schema.table(table)
        if columns not in there.alternate_keys:
            raise CatalogRefused(f"{there.name} has no key ({', '.join(columns)})")
        kept = [number for number, key in enumerate(there.alternate_keys) if key != columns]
        statements = [ddl.drop_key_statement(there, columns)]
        what = f"remove key {there.name} ({', '.join(columns)})"
        _redefine(connection, defined, _with_keys(there, there, kept), who, what, statements)

    _changing(conninfo, change)


def remove_table(conninfo: str, side: Side, table: str, *, who: str) -> None:
    """The user's table is gone with all its rows. Raises: CatalogRefused, Contention."""

    def change(connection: Connection) -> None:
        defined = _defined(connection, side)
        there = defined.schema.table(table)
        _check_removable(defined, there, None)
        referring = [f"{t.name}.{c.name}" for t, c in defined.schema.referencing(there) if t is not there]
        if referring:
            raise CatalogRefused(f"{there.name}: lookups point to it: {', '.join(referring)}")
        statement = ddl.drop_table_statement(there)
        connection.execute(statement)
        connection.execute("DELETE FROM dualwrite.table_definition WHERE name = %s", [there.name])
        _log(connection, who, [f"remove table {there.name}"], [statement])

    _changing(conninfo, change)


def _check_removable(defined: Defined, table: Table, column: str | None) -> None:
    if not defined.is_users(table.name, column):
        place = table.name if column is None else f"{table.name}.{column}"
        raise CatalogRefused(f"{place} comes from the catalog and cannot be removed")


def _with_keys(table: Table, before: Table, kept: Sequence[int]) -> Table:
    names = [*before.key_names, *[""] * len(before.alternate_keys)]
    chosen = tuple(names[number] for number in kept)
    keys = tuple(before.alternate_keys[number] for number in kept)
    return replace(table, alternate_keys=keys, key_names=chosen if any(chosen) else ())


def _redefine(
    connection: Connection, defined: Defined, table: Table, who: str, what: str, statements: Sequence[str]
) -> None:
    for statement in statements:
        connection.execute(_unescaped(statement))
    _save(connection, defined, [table], Origin.USER)
    _log(connection, who, [what], statements)


# --- inside the transaction -------------------------------------------------------------------------------------------


def _changing(conninfo: str, change: Callable[[Connection], T]) -> T:
    """``change`` in a transaction of its own, one at a time, started over while others hold what it needs."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            with psycopg.connect(conninfo) as connection:
                connection.execute(_ONE_AT_A_TIME)
                connection.execute(_LOCK_WAIT)
                return change(connection)
        except _BUSY as busy:
            if time.monotonic() > deadline:
                raise Contention("the tables are in use and cannot be changed now; please try again") from busy
        except psycopg.OperationalError as error:
            raise EnvironmentUnavailable(f"the environment's database does not answer: {error}") from error
        time.sleep(_PAUSE_S)


def _without_empty(
    connection: Connection, defined: Defined, plan: MigrationPlan, wanted: Sequence[Table], insistence: Insistence
) -> MigrationPlan:
    """The plan when tables of the catalog that are in conflict and hold nothing make room for their successors."""
    names = dict.fromkeys(conflict.table for conflict in plan.conflicts)
    tables = [defined.schema.by_name[name] for name in names if name in defined.schema.by_name]
    empty = [table for table in tables if not defined.has_users_part(table.name) and _is_empty(connection, table)]
    if not empty:
        return plan
    left = tuple(table for table in defined.schema if table not in empty)
    again = plan_migration(EnvironmentSchema(defined.schema.side, left), wanted, insistence=insistence)
    return replace(again, steps=(*map(DropEmpty, empty), *again.steps))


def _is_empty(connection: Connection, table: Table) -> bool:
    relation = _unescaped(ddl.relation(table))
    connection.execute(f"LOCK TABLE {relation} IN ACCESS EXCLUSIVE MODE")
    return connection.execute(f"SELECT 1 FROM {relation} LIMIT 1").fetchone() is None


def _carry_out(connection: Connection, plan: MigrationPlan) -> None:
    with _told():
        # One round trip for what may be two thousand statements.
        connection.execute(";\n".join(_unescaped(statement) for statement in plan.statements()) or "SELECT 1")


@contextmanager
def _told() -> Iterator[None]:
    """What the rows themselves refuse, in words."""
    try:
        yield
    except pg.UniqueViolation as error:
        raise CatalogRefused(
            f"{error.diag.table_name}: the key cannot be made, rows have the same values for it: "
            f"{error.diag.message_detail}"
        ) from error
    except pg.ForeignKeyViolation as error:
        raise CatalogRefused(
            f"{error.diag.table_name}: the lookup cannot be made, rows point to what is not there: "
            f"{error.diag.message_detail}"
        ) from error
    except pg.ProgramLimitExceeded as error:
        raise CatalogRefused(f"the tables cannot be made: {error.diag.message_primary}") from error


def _unescaped(statement: str) -> str:
    """``quoted`` makes percent signs safe for queries with parameters; these have none."""
    return statement.replace("%%", "%")


def _defined(connection: Connection, side: Side) -> Defined:
    rows = connection.execute(
        'SELECT document::text, origin, user_columns, name FROM dualwrite.table_definition ORDER BY name COLLATE "C"'
    ).fetchall()
    return Defined(
        read_schema(side, [document for document, *_ in rows]),
        frozenset(name for _, origin, _, name in rows if origin == Origin.USER.value),
        {name: frozenset(columns) for _, _, columns, name in rows if columns},
    )


def _save(connection: Connection, defined: Defined, tables: Iterable[Table], origin: Origin) -> None:
    """The definitions of ``tables`` hold. What a user adds to a table of the catalog is kept in mind."""
    rows = []
    for table in tables:
        before = defined.schema.by_name.get(table.name)
        users = defined.user_columns.get(table.name, frozenset()) & table.by_name.keys()
        if before is not None and origin is Origin.USER:
            users |= table.by_name.keys() - before.by_name.keys()
        document = orjson.dumps(table_document(table)).decode()
        rows.append((table.name, document, origin.value, sorted(users)))
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO dualwrite.table_definition (name, document, origin, user_columns) VALUES (%s, %s, %s, %s) "
            "ON CONFLICT (name) DO UPDATE SET document = excluded.document, user_columns = excluded.user_columns",
            rows,
        )


def _log(connection: Connection, who: str, steps: Sequence[str], statements: Sequence[str]) -> None:
    connection.execute(
        "INSERT INTO dualwrite.schema_change (generation, changed_by, steps, statements) "
        "SELECT coalesce(max(generation), 0) + 1, %s, %s, %s FROM dualwrite.schema_change",
        [who, list(steps), [_unescaped(statement) for statement in statements]],
    )


def _present_columns(connection: Connection) -> Mapping[str, frozenset[str]]:
    rows = connection.execute(
        "SELECT table_name, array_agg(column_name::text) FROM information_schema.columns "
        "WHERE table_schema = 'data' GROUP BY table_name"
    )
    return {table: frozenset(columns) for table, columns in rows}


def _present_keys(connection: Connection) -> frozenset[str]:
    """The unique indexes that are no primary keys."""
    rows = connection.execute(
        "SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
        "JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = 'data' AND i.indisunique AND NOT i.indisprimary"
    )
    return frozenset(name for (name,) in rows)


def _has_key(table: Table, columns: frozenset[str], indexes: frozenset[str]) -> bool:
    """Whether the database knows the rows of ``table`` by the key it has now."""
    return set(table.key) <= columns and (table.side is Side.DATAVERSE or ddl.index_name(table, table.key) in indexes)


def _set_aside(connection: Connection, table: Table) -> str:
    relation = _unescaped(ddl.relation(table))
    if _is_empty(connection, table):
        connection.execute(f"DROP TABLE {relation} CASCADE")
        return f"drop table {table.name}, which is empty and has another key by now"
    connection.execute("CREATE SCHEMA IF NOT EXISTS former")
    connection.execute(f"ALTER TABLE {relation} SET SCHEMA former")
    return f"set aside table {table.name} as former.{table.name}: it has another key by now"


def _restricted(table: Table, columns: frozenset[str], indexes: frozenset[str]) -> Table:
    """``table`` with the columns and the alternate keys that the database has."""
    return replace(
        table,
        columns=tuple(column for column in table.columns if column.name in columns),
        alternate_keys=tuple(key for key in table.alternate_keys if ddl.index_name(table, key) in indexes),
        company_column=table.company_column if table.company_column in columns else None,
    )
