"""The floor: ``COPY … TO STDOUT | COPY … FROM STDIN`` of the same columns into a table like the target.

What the pipe writes is what the map would: lookups are ids that exist (chosen by arithmetic instead of being looked
up), enums are numbers. The table has all indexes of the target, and its foreign keys where that is asked for.
"""

from __future__ import annotations

import queue
import shutil
import subprocess
import threading
import time
from dataclasses import dataclass

import psycopg
from psycopg import sql

from benchmarks.initial_sync.customers import ENTITY
from dualwrite.environments.hosted.ddl import quoted
from dualwrite.maps.plan import ColumnPlan, Plan
from dualwrite.metadata.schema import ColumnType

TABLE = "bench_account"
_WAITING_CHUNKS = 64


@dataclass(frozen=True, slots=True)
class Pipe:
    """The two halves of the pipe."""

    copy_out: str
    copy_in: str


def make_table(conninfo: str, *, foreign_keys: bool) -> None:
    """An empty table like ``account``, under another name."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(f"DROP TABLE IF EXISTS data.{TABLE}")
        connection.execute(f"CREATE TABLE data.{TABLE} (LIKE data.account INCLUDING ALL)")
        if not foreign_keys:
            return
        keys = connection.execute(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint "
            "WHERE conrelid = 'data.account'::regclass AND contype = 'f'"
        ).fetchall()
        for name, definition in keys:
            own = definition.replace("REFERENCES data.account(", f"REFERENCES data.{TABLE}(")
            connection.execute(f"ALTER TABLE data.{TABLE} ADD CONSTRAINT {quoted(name)} {own}")


def drop_table(conninfo: str) -> None:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(f"DROP TABLE IF EXISTS data.{TABLE}")


def pipe_of(plan: Plan, conninfo: str) -> Pipe:
    """The pipe that writes what ``plan`` writes: its columns, the id and the company."""
    route = plan.to_dataverse
    assert route is not None and plan.dataverse.company_column is not None
    with psycopg.connect(conninfo, autocommit=True) as connection:
        columns = {plan.dataverse.key[0]: "gen_random_uuid()"}
        columns[plan.dataverse.company_column] = _one_of(connection, "cdm_company", "cdm_companyid")
        for column in route.columns:
            columns[column.target_column] = _expression(connection, plan, column)
    names = ", ".join(quoted(name) for name in columns)
    values = ", ".join(columns.values())
    return Pipe(
        f"COPY (SELECT {values} FROM data.{quoted(ENTITY)}) TO STDOUT", f"COPY data.{TABLE} ({names}) FROM STDIN"
    )


def _expression(connection: psycopg.Connection[tuple[object, ...]], plan: Plan, column: ColumnPlan) -> str:
    target = plan.dataverse.column(column.target_column)
    if column.lookup is not None:
        name = next(iter(column.lookup.source_columns))
        first = column.lookup.alternatives[0]
        return f"CASE WHEN {quoted(name)} <> '' THEN {_one_of(connection, first.table, first.record_id)} END"
    if column.source_path is None:
        return f"'{column.convert(None)}'"
    source = plan.finops.column(column.source_path[0])
    if source.type is not ColumnType.ENUM or target.type.is_text:
        return quoted(source.name)
    if target.type is ColumnType.BOOLEAN:
        return '("RecId" % 2 = 0)'
    assert target.enumeration is not None, target
    return f'({target.enumeration.members[0][1]} + "RecId" % {len(target.enumeration.members)})'


def _one_of(connection: psycopg.Connection[tuple[object, ...]], table: str, record_id: str) -> str:
    """Some row of the table, another one from row to row."""
    query = sql.SQL("SELECT {}::text FROM data.{} ORDER BY 1 LIMIT 100").format(
        sql.Identifier(record_id), sql.Identifier(table)
    )
    ids = [str(row[0]) for row in connection.execute(query)]
    if not ids:
        return "NULL::uuid"
    array = ", ".join(f"'{each}'" for each in ids)
    return f'(ARRAY[{array}]::uuid[])[1 + "RecId" % {len(ids)}]'


def run_pipe(pipe: Pipe, source: str, target: str) -> float:
    """All rows have gone through; the seconds that took. With ``psql`` if there is one, else with two threads."""
    started = time.perf_counter()
    if shutil.which("psql"):
        _through_psql(pipe, source, target)
    else:
        _through_threads(pipe, source, target)
    return time.perf_counter() - started


def _through_psql(pipe: Pipe, source: str, target: str) -> None:
    def command(conninfo: str, text: str) -> list[str]:
        return ["psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--dbname", conninfo, "--command", text]

    with subprocess.Popen(command(source, pipe.copy_out), stdout=subprocess.PIPE) as reading:
        subprocess.run(command(target, pipe.copy_in), stdin=reading.stdout, check=True)
    assert reading.returncode == 0, reading.returncode


def _through_threads(pipe: Pipe, source: str, target: str) -> None:
    waiting: queue.Queue[bytes | None] = queue.Queue(_WAITING_CHUNKS)

    def read() -> None:
        try:
            with psycopg.connect(source) as connection, connection.cursor().copy(pipe.copy_out.encode()) as out:
                held: list[bytes] = []
                for chunk in out:
                    held.append(bytes(chunk))
                    if len(held) == 256:
                        waiting.put(b"".join(held))
                        held.clear()
                waiting.put(b"".join(held))
        finally:
            waiting.put(None)

    reader = threading.Thread(target=read)
    reader.start()
    with psycopg.connect(target) as connection, connection.cursor().copy(pipe.copy_in.encode()) as into:
        while (chunk := waiting.get()) is not None:
            into.write(chunk)
    reader.join()
