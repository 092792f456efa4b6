"""The activity log is searched by anything that its entries say, the latest first, however many there are."""

from __future__ import annotations

import itertools
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from dualwrite.monitoring.activities.retention import ActivityRetention
from dualwrite.store import Store
from dualwrite.store.activity import Activity, ActivityFilter, Severity

START = datetime(2026, 1, 1, tzinfo=UTC)
MAPS = (None, "Customers V3 (accounts)", "O'Neil \\ 'quoted'", "")
PEOPLE = ("anna", "ben & co | !", "alert 'x':*")
DEEDS = ("run", "pause", "set alert")
RESULTS = (
    "completed",
    "Completed: 12 records",
    "3 errors retried, 1 failed again",
    "Ärger mit 'Müller' & Söhne: 100% \\ path_x",
    "",
    "a",
    "zz",
    "x" * 2500 + "beyond",
)
ENTITIES = (None, "usmf", "demf")
ENTRIES = 400
SPREAD = 150
"""Numbers are this far from each other, so that the entries lie in several blocks."""


@pytest.fixture
async def store(store_database: str) -> AsyncIterator[Store]:
    store = await Store.connect(store_database)
    yield store
    await store.close()


@pytest.fixture
async def entries(store: Store, store_database: str) -> list[Activity]:
    """What the log holds, the latest first; in pairs of the same moment, one of which is numbered the other way."""
    chance = random.Random(5)
    made = [
        Activity(
            id=number * SPREAD,
            at=START + timedelta(minutes=number ^ 1),
            who=chance.choice(PEOPLE),
            what=chance.choice(DEEDS),
            map=chance.choice(MAPS),
            result=chance.choice(RESULTS),
            details={},
            severity=chance.choice(list(Severity)),
            legal_entity=chance.choice(ENTITIES),
        )
        for number in range(1, ENTRIES + 1)
    ]
    with psycopg.connect(store_database) as connection, connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO activity (id, at, who, what, map, result, details, severity, legal_entity) "
            "OVERRIDING SYSTEM VALUE VALUES (%s, %s, %s, %s, %s, %s, '{}', %s, %s)",
            [
                (e.id, e.at, e.who, e.what, e.map, e.result, e.severity.value, e.legal_entity)
                for e in chance.sample(made, len(made))
            ],
        )
    return made[::-1]


def _fits(each: Activity, which: ActivityFilter) -> bool:
    return (
        (which.map is None or each.map == which.map)
        and (not which.connection_wide or each.map is None)
        and (which.what is None or each.what == which.what)
        and (which.who is None or each.who == which.who)
        and (which.severity is None or each.severity is which.severity)
        and (which.legal_entity is None or each.legal_entity == which.legal_entity)
        and (not which.result or which.result.lower() in each.result[:2000].lower())
        and (which.since is None or each.at >= which.since)
        and (which.until is None or each.at < which.until)
    )


def _filters() -> list[ActivityFilter]:
    """Each condition by itself, and each with each other."""
    conditions: list[dict[str, object]] = [
        {"map": "Customers V3 (accounts)"},
        {"map": "O'Neil \\ 'quoted'"},
        {"map": ""},
        {"map": "nobody's"},
        {"connection_wide": True},
        {"what": "set alert"},
        {"who": "ben & co | !"},
        {"who": "alert 'x':*"},
        {"severity": Severity.ERROR},
        {"legal_entity": "demf"},
        {"since": START + timedelta(minutes=150)},
        {"until": START + timedelta(minutes=50)},
        {"since": START + timedelta(minutes=100), "until": START + timedelta(minutes=103)},
        {"since": START + timedelta(days=99)},
        {"until": START},
        *({"result": text} for text in ("COMPLETED", "zz", "z", "a", "müller' & s", "0% \\ p", "_x", "%", "again")),
        *({"result": text} for text in ("", "'", "\\", "nowhere", "ed: 12", "xxx", "beyond", "ä")),
    ]
    pairs = [{**one, **other} for one, other in itertools.combinations(conditions, 2)]
    return [ActivityFilter(**each) for each in (*conditions, *pairs)]  # type: ignore[arg-type]


async def test_every_filter_finds_what_it_should_in_order_and_nothing_else(
    store: Store, entries: list[Activity]
) -> None:
    for which in _filters():
        wanted = [each.id for each in entries if _fits(each, which)]
        assert [each.id for each in await store.activity.list(which, limit_rows=1000)] == wanted, which


async def test_pages_follow_each_other_without_a_gap(store: Store, entries: list[Activity]) -> None:
    which = ActivityFilter(result="ed", severity=Severity.INFO)
    wanted = [each for each in entries if _fits(each, which)]
    found = [each async for batch in store.activity.all(which, batch_rows=7) for each in batch]
    assert found == wanted and len(found) > 20
    assert [each async for batch in store.activity.all(batch_rows=50) for each in batch] == entries


async def test_the_log_keeps_what_is_not_too_old(store: Store, entries: list[Activity]) -> None:
    now = START + timedelta(minutes=300)
    retention = ActivityRetention(store.activity, keep=timedelta(minutes=100), now=lambda: now)
    assert await retention.forget() == sum(each.at < START + timedelta(minutes=200) for each in entries)
    assert min(each.at for each in await store.activity.list(limit_rows=1000)) == START + timedelta(minutes=200)
    assert await retention.forget() == 0


async def test_an_empty_log_is_searched_in_vain(store: Store) -> None:
    assert await store.activity.list(ActivityFilter(result="x")) == await store.activity.list() == ()
