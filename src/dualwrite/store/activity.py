"""What was done, by whom, and how it ended: the log that an administrator reads."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Final

from sqlalchemy import ARRAY, BigInteger, ColumnElement, Row, Text, cast, delete, func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from dualwrite.store import tables
from dualwrite.store.connector import Transactions, storable_text

SEARCHED_CHARACTERS: Final = 2_000
"""So much of a result is searched."""
_BLOCK_BITS = 13
_SLACK = 1 << _BLOCK_BITS
"""Entries that are made at the same moment may be numbered in another order than that of their times."""
_FORGOTTEN_AT_ONCE = 10_000
_PLANNED_FOR_ITSELF = text(
    "SELECT set_config('jit', 'off', true), set_config('plan_cache_mode', 'force_custom_plan', true)"
)
"""A search takes less time than it would take to compile it, and a plan for any search would suit none."""


class Severity(Enum):
    """Whether an entry is about something that went well."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Activity:
    """One entry of the log; without a map it is about the connection. ``details`` is JSON."""

    id: int
    at: datetime
    who: str
    what: str
    map: str | None
    result: str
    details: Mapping[str, object]
    severity: Severity
    legal_entity: str | None


@dataclass(frozen=True, slots=True)
class ActivityFilter:
    """Which entries are meant; what is None does not matter.

    ``connection_wide``: those about no map. ``result``: a part of the result, with no regard to case. ``since`` is
    included, ``until`` is not.
    """

    map: str | None = None
    connection_wide: bool = False
    what: str | None = None
    who: str | None = None
    severity: Severity | None = None
    legal_entity: str | None = None
    result: str | None = None
    since: datetime | None = None
    until: datetime | None = None


EVERY_ACTIVITY: Final = ActivityFilter()


class ActivityLog:
    """The activity log; entries are only ever added, until they are old."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def record(
        self,
        what: str,
        *,
        who: str,
        result: str,
        map: str | None = None,
        legal_entity: str | None = None,
        severity: Severity = Severity.INFO,
        details: Mapping[str, object] | None = None,
    ) -> int:
        """The entry is in the log; returns its number."""
        statement = insert(tables.activity).values(
            who=storable_text(who),
            what=storable_text(what),
            map=map,
            result=storable_text(result),
            details=dict(details or {}),
            severity=severity.value,
            legal_entity=legal_entity,
        )
        async with self._transactions.begin() as connection:
            number: int = (await connection.execute(statement.returning(tables.activity.c.id))).scalar_one()
            return number

    async def list(
        self, which: ActivityFilter = EVERY_ACTIVITY, *, before: int | None = None, limit_rows: int = 100
    ) -> tuple[Activity, ...]:
        """The latest entries first; ``before`` (an entry's number) pages on to older ones."""
        t = tables.activity
        async with self._transactions.begin() as connection:
            span = await _span(connection, which, before)
            if span is None:
                return ()
            query = select(t).order_by(t.c.id.desc()).limit(limit_rows)
            if facts := _facts(which):
                query = query.where(t.c.id.in_(await _matching(connection, which, facts, span, limit_rows)))
            else:
                query = query.where(t.c.id.between(*span), *_times(which, t.c.at))
            return tuple(_activity(row) for row in await connection.execute(query))

    async def all(
        self, which: ActivityFilter = EVERY_ACTIVITY, *, batch_rows: int = 1_000
    ) -> AsyncIterator[tuple[Activity, ...]]:
        """Every entry that is meant, the latest first, in batches: memory does not grow with their number."""
        before: int | None = None
        while batch := await self.list(which, before=before, limit_rows=batch_rows):
            yield batch
            before = batch[-1].id

    async def forget(self, before: datetime) -> int:
        """No entry is older than ``before``; gives how many were. Atomicity: many are gone in several transactions."""
        t = tables.activity
        old = select(t.c.id).where(t.c.at < before).order_by(t.c.at).limit(_FORGOTTEN_AT_ONCE)
        forgotten = 0
        while True:
            async with self._transactions.begin() as connection:
                gone = (await connection.execute(delete(t).where(t.c.id.in_(old)))).rowcount
            forgotten += gone
            if gone < _FORGOTTEN_AT_ONCE:
                return forgotten


async def _span(connection: AsyncConnection, which: ActivityFilter, before: int | None) -> tuple[int, int] | None:
    """The numbers between which the entries lie that are meant, None when there is none."""
    t = tables.activity
    first, last = select(func.min(t.c.id)), select(func.max(t.c.id))
    if which.since is not None:
        first = select(t.c.id - _SLACK).where(t.c.at >= which.since).order_by(t.c.at).limit(1)
    if which.until is not None:
        last = select(t.c.id + _SLACK).where(t.c.at < which.until).order_by(t.c.at.desc()).limit(1)
    found = (await connection.execute(select(first.scalar_subquery(), last.scalar_subquery()))).one()
    if found[0] is None or found[1] is None:
        return None
    return found[0], found[1] if before is None else min(found[1], before - 1)


def _times(which: ActivityFilter, at: ColumnElement[Any]) -> list[ColumnElement[bool]]:
    conditions = []
    if which.since is not None:
        conditions.append(at >= which.since)
    if which.until is not None:
        conditions.append(at < which.until)
    return conditions


def _facts(which: ActivityFilter) -> list[tuple[str, ColumnElement[bool]]]:
    """What an entry has to be, each as the term by which the index knows it (migration 0009) and as a condition.

    A part of the result has no term of its own: it is looked for in pieces.
    """
    t = tables.activity
    severity = None if which.severity is None else which.severity.value
    same = (
        ("m", t.c.map, which.map),
        ("a", t.c.what, which.what),
        ("w", t.c.who, which.who),
        ("s", t.c.severity, severity),
        ("e", t.c.legal_entity, which.legal_entity),
    )
    facts = [
        (f"{letter}{storable_text(wanted)}", column == storable_text(wanted))
        for letter, column, wanted in same
        if wanted is not None
    ]
    if which.connection_wide:
        facts.append(("m", t.c.map.is_(None)))
    if which.result:
        said = func.lower(func.left(t.c.result, SEARCHED_CHARACTERS))
        facts.append(("", func.strpos(said, func.lower(storable_text(which.result))) > 0))
    return facts


async def _matching(
    connection: AsyncConnection,
    which: ActivityFilter,
    facts: list[tuple[str, ColumnElement[bool]]],
    span: tuple[int, int],
    limit_rows: int,
) -> list[int]:
    """The numbers of the latest entries that are meant.

    The log is searched block by block, the latest first, and no further than it takes: neither a condition that nearly
    all entries fulfil nor one that none fulfils costs a look at all of them.
    """
    t = tables.activity
    terms = func.activity_terms(t.c.id, t.c.who, t.c.what, t.c.map, t.c.severity, t.c.legal_entity, t.c.result)
    last, first = (cast(each >> _BLOCK_BITS, BigInteger) for each in reversed(span))
    block = func.generate_series(last, first, cast(-1, BigInteger)).table_valued("number").render_derived("block")
    known = cast([term for term, _ in facts if term], ARRAY(Text))
    wanted = func.activity_query(block.c.number, known, storable_text(which.result or ""))
    # Numbers and times are hidden from the planner, which would look for them instead of the terms. Kept apart from the
    # order that is wanted, a block's entries are found by their terms and then sorted.
    hidden = (t.c.id + 0).between(*span), *_times(which, t.c.at + timedelta(0))
    found = (
        select(t.c.id)
        .where(terms.bool_op("@@")(wanted), *hidden, *(each for _, each in facts))
        .correlate(block)
        .cte("found", nesting=True)
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    latest = select(found.c.id).order_by(found.c.id.desc()).lateral("latest")
    await connection.execute(_PLANNED_FOR_ITSELF)
    query = select(latest.c.id).select_from(block.join(latest, text("true"))).limit(limit_rows)
    return list(await connection.scalars(query))


def _activity(row: Row[*tuple[Any, ...]]) -> Activity:
    return Activity(
        id=row.id,
        at=row.at,
        who=row.who,
        what=row.what,
        map=row.map,
        result=row.result,
        details=row.details,
        severity=Severity(row.severity),
        legal_entity=row.legal_entity,
    )
