"""A month of activity, a million entries: how long a page of it takes, whichever way it is filtered."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
from rich.console import Console
from rich.table import Table

from benchmarks.figures import Samples
from dualwrite.database.server import EmbeddedServer, ensure_database
from dualwrite.store import Store
from dualwrite.store.activity import ActivityFilter, Severity

ENTRIES = 1_000_000
LIMIT_MS = 200
_ROUNDS = 15
_PAGE = 100
_MONTH = timedelta(days=30)
_END = datetime(2026, 11, 1, tzinfo=UTC)

_INDEX = "CREATE INDEX ix_activity_terms ON activity USING gin (activity_terms(id, who, what, map, severity, legal_entity, result)) WITH (fastupdate = off)"  # noqa: E501
_FILL = """
INSERT INTO activity (at, who, what, map, result, details, severity, legal_entity)
SELECT
    timestamptz '2026-10-02' + n * interval '2.592 seconds',
    (ARRAY['local administrator', 'anna', 'ben', 'alert too many errors', 'alerts'])[1 + n %% 5],
    (ARRAY['run', 'pause', 'resume', 'stop', 'retry errors', 'initial sync', 'notify'])[1 + n %% 7],
    CASE WHEN n %% 11 > 0 THEN 'Map number ' || n %% 60 END,
    CASE n %% 4
        WHEN 0 THEN 'completed'
        WHEN 1 THEN 'completed: ' || n %% 977 || ' transactions with ' || n %% 4999 || ' records replayed'
        WHEN 2 THEN n %% 97 || ' errors retried, ' || n %% 13 || ' failed again: the customer group is not there'
        ELSE 'catch-up ' || md5(n::text) || ' of ' || n %% 31 || ' groups; took over from another process'
    END,
    jsonb_build_object('run', md5(n::text), 'rows', n),
    CASE WHEN n %% 4 = 2 THEN 'warning' WHEN n %% 5000 = 0 THEN 'error' ELSE 'info' END,
    CASE WHEN n %% 3 = 0 THEN 'co' || n %% 250 END
FROM generate_series(1, %s) AS n
"""


def _filters(entries: int) -> Mapping[str, tuple[ActivityFilter, int | None]]:
    """What people ask for, and what is hardest to answer: conditions that each hold often, and never together."""
    early, late = _END - _MONTH + timedelta(days=1), _END - timedelta(days=2)
    return {
        "everything": (ActivityFilter(), None),
        "everything, from the middle on": (ActivityFilter(), entries // 2),
        "one map": (ActivityFilter(map="Map number 7"), None),
        "the connection": (ActivityFilter(connection_wide=True), None),
        "one person": (ActivityFilter(who="anna"), None),
        "errors": (ActivityFilter(severity=Severity.ERROR), None),
        "a day a month ago": (ActivityFilter(since=early, until=early + timedelta(days=1)), None),
        "map, what, who and a week": (
            ActivityFilter(map="Map number 7", what="pause", who="ben", since=late - timedelta(days=7), until=late),
            None,
        ),
        "legal entity and warnings": (ActivityFilter(legal_entity="co9", severity=Severity.WARNING), None),
        "never together: map and severity": (ActivityFilter(map="Map number 8", severity=Severity.WARNING), None),
        "a map that is not there": (ActivityFilter(map="None"), None),
        "result contains: often": (ActivityFilter(result="completed"), None),
        "result contains: one entry": (ActivityFilter(result="eccbc87e4b5ce2fe28308fd9f2a7baf3"), None),
        "result contains: nothing": (ActivityFilter(result="quarantine"), None),
        "result contains: often, never so": (ActivityFilter(result="records failed"), None),
        "result contains: two letters": (ActivityFilter(result="zz"), None),
        "result contains, person, early": (
            ActivityFilter(result="failed again", who="ben", until=early + timedelta(days=2)),
            None,
        ),
        "result contains, another's map": (ActivityFilter(result="retried", map="Map number 5", who="anna"), None),
    }


async def measure_activities(folder: Path, *, entries: int = ENTRIES) -> None:
    """Prints, per filter, the median and the slowest time of a page."""
    server = EmbeddedServer(folder / "postgres")
    try:
        ensure_database(server, "activities")
        conninfo = server.conninfo("activities")
        store = await Store.connect(conninfo)
        try:
            seconds = _fill(conninfo, entries)
            table = Table(title=f"A page of {_PAGE} of {entries:,} activities", title_justify="left")
            for heading in ("", "entries", "p50 ms", "slowest ms"):
                table.add_column(heading, justify="left" if not heading else "right")
            slowest = await _measure(store, table, entries)
            console = Console(width=110)
            console.print(table)
            console.print(f"one entry is added in {await _added(store):.2f} ms; the log was written in {seconds:.0f} s")
            console.print(f"slowest of all: {slowest:.0f} ms (limit {LIMIT_MS} ms)")
        finally:
            await store.close()
    finally:
        server.stop()


def _fill(conninfo: str, entries: int) -> float:
    before = time.perf_counter()
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("SET maintenance_work_mem = '256MB'")
        # An index is built much quicker than it grows.
        connection.execute("DROP INDEX ix_activity_terms")
        connection.execute(_FILL, (entries,))
        connection.execute(_INDEX)
        connection.execute("VACUUM ANALYZE activity")
    return time.perf_counter() - before


async def _measure(store: Store, table: Table, entries: int) -> float:
    slowest = 0.0
    for name, (which, before) in _filters(entries).items():
        samples = Samples(name)
        found = 0
        for _ in range(_ROUNDS):
            began = time.perf_counter()
            found = len(await store.activity.list(which, before=before, limit_rows=_PAGE))
            samples.durations_s.append(time.perf_counter() - began)
        worst = samples.percentile_ms(100)
        slowest = max(slowest, worst)
        table.add_row(name, str(found), f"{samples.percentile_ms(50):.1f}", f"{worst:.1f}")
    return slowest


async def _added(store: Store) -> float:
    samples = Samples("added")
    for _ in range(_ROUNDS * 10):
        began = time.perf_counter()
        await store.activity.record("resume", who="anna", map="Map number 7", result="completed: 12 records replayed")
        samples.durations_s.append(time.perf_counter() - began)
    return samples.percentile_ms(50)
