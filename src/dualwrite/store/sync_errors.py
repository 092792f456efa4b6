"""The changes that could not be carried to the other side, each with the record itself, until they are settled."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from enum import Enum
from typing import Any, Final, TypeAlias
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Row, Select, Text, case, delete, func, select, update
from sqlalchemy.dialects.postgresql import aggregate_order_by, insert

from dualwrite.environments.port import Operation
from dualwrite.maps.values import Direction
from dualwrite.store import tables
from dualwrite.store.connector import Transactions, storable, storable_text

JsonValue: TypeAlias = str | int | bool | None

_NAMED_RECORDS = 5
"""How many records a group names."""
_FORGOTTEN_AT_ONCE = 10_000
_NO_NUMBER = 2**63


class FailureKind(Enum):
    """When a change failed."""

    LIVE = "live"
    """As its user saved it: the save was refused, and neither side has the change."""
    CATCH_UP = "catch-up"
    """As a queued change was replayed: the source has it, the target has not."""
    ASYNC = "async"
    """As an integration job moved it: likewise."""


class Category(Enum):
    """What sort of thing stood in the way."""

    APPLICATION = "application"
    """The record: a rule, a value, a lookup that leads nowhere."""
    SYSTEM = "system"
    """The environment: away, hanging, too slow."""
    CONCURRENCY = "concurrency"
    """Others kept changing the same records."""
    CONFLICT = "conflict"
    """Both sides changed the record, and the primary's change was kept."""


class ErrorState(Enum):
    """Where an error stands."""

    OPEN = "open"
    """The other side does not have the change."""
    COMPLETED = "completed"
    """A retry has carried it there."""
    STALE = "stale"
    """A retry found that newer changes have overtaken it."""
    DISMISSED = "dismissed"
    """Somebody has decided that it is not to be carried there."""


@dataclass(frozen=True, slots=True)
class FailedRecord:
    """One record of a change that failed.

    ``change`` and ``number`` tell the transaction and the place in it; telling the same one twice is harmless.
    ``record_id`` is the source's (RecId or GUID as text), ``record`` names it to people. ``cause`` is the reason
    without the record's name. ``row`` is the source's row as far as it is known, without the empty values, and what
    JSON has no type for is text; ``changed`` are the columns that were changed (None: all). ``version`` is the row's
    version (RecVersion, versionnumber) after the change.
    """

    change: UUID
    number: int
    kind: FailureKind
    category: Category
    map: str
    direction: Direction
    legal_entity: str
    operation: Operation
    record_id: str
    record: str
    column: str
    code: str
    reason: str
    cause: str
    row: Mapping[str, JsonValue]
    changed: tuple[str, ...] | None = None
    version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncError(FailedRecord):
    """A failed record as it is kept.

    ``reason`` says why it failed first, ``last_reason`` why the last retry did (empty: none did); ``cause``, ``column``
    and ``code`` are those of the latter.
    """

    id: int
    at: datetime
    state: ErrorState
    settled_at: datetime | None
    settled_by: str
    attempts: int
    last_attempt_at: datetime | None
    last_reason: str


@dataclass(frozen=True, slots=True)
class SyncErrorFilter:
    """Which errors are meant; what is None does not matter.

    ``record``: a part of the record's name, with no regard to case. ``since`` is included, ``until`` is not.
    ``tried_since``: a retry has failed then or later.
    """

    state: ErrorState | None = None
    kind: FailureKind | None = None
    category: Category | None = None
    map: str | None = None
    direction: Direction | None = None
    legal_entity: str | None = None
    code: str | None = None
    column: str | None = None
    cause: str | None = None
    record: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    ids: tuple[int, ...] | None = None
    tried_since: datetime | None = None


EVERY_ERROR: Final = SyncErrorFilter()


class SyncErrorField(Enum):
    """What errors can be grouped by."""

    MAP = "map"
    DIRECTION = "direction"
    LEGAL_ENTITY = "legal entity"
    KIND = "kind"
    CATEGORY = "category"
    OPERATION = "operation"
    COLUMN = "column"
    CODE = "code"
    CAUSE = "cause"


@dataclass(frozen=True, slots=True)
class SyncErrorGroup:
    """Errors that have the values of ``fields`` in common; ``records`` names a few of them, ``reason`` is of one."""

    fields: Mapping[SyncErrorField, str]
    errors: int
    reason: str
    records: tuple[str, ...]
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Attempt:
    """How a retry of an error ended: in ``state``; OPEN says that it failed again, and the rest says why."""

    id: int
    state: ErrorState
    reason: str = ""
    cause: str = ""
    column: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class ForgottenErrors:
    """How many errors of a map are gone because they were old, and how many of those had not been settled."""

    map: str
    errors: int
    open: int


class SyncErrorRepository:
    """The errors of all connections, numbered in the order in which they were kept."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def add(self, connection_name: str, failed: Sequence[FailedRecord]) -> None:
        """The records are kept. Idempotency: by change and number; what is kept already stays as it is."""
        if not failed:
            return
        rows = [{"connection": connection_name, **_values(each)} for each in failed]
        async with self._transactions.begin() as connection:
            await connection.execute(insert(tables.sync_error).on_conflict_do_nothing(), rows)

    # --- reading ------------------------------------------------------------------------------------------------------

    async def get(self, connection_name: str, number: int) -> SyncError | None:
        """The error of this number, None when there is none."""
        found = await self.list(connection_name, SyncErrorFilter(ids=(number,)), limit_rows=1)
        return found[0] if found else None

    async def list(
        self,
        connection_name: str,
        which: SyncErrorFilter = EVERY_ERROR,
        *,
        before: int | None = None,
        limit_rows: int = 100,
    ) -> tuple[SyncError, ...]:
        """The latest errors first; ``before`` (an error's number) pages on to older ones."""
        t = tables.sync_error
        query = _chosen(select(t), connection_name, which).order_by(t.c.id.desc()).limit(limit_rows)
        if before is not None:
            query = query.where(t.c.id < before)
        async with self._transactions.begin() as connection:
            return tuple(_error(row) for row in await connection.execute(query))

    async def all(
        self, connection_name: str, which: SyncErrorFilter = EVERY_ERROR, *, batch_rows: int = 1000
    ) -> AsyncIterator[Sequence[SyncError]]:
        """The earliest errors first, however many there are, in batches; those of one change are together."""
        t = tables.sync_error
        after = 0
        first = _chosen(select(t.c.id), connection_name, which).order_by(t.c.id).limit(batch_rows)
        while True:
            async with self._transactions.begin() as connection:
                ids = tuple(await connection.scalars(first.where(t.c.id > after)))
                if not ids:
                    return
                page = _chosen(select(t), connection_name, which).where(t.c.id.between(ids[0], ids[-1]))
                found = [_error(row) for row in await connection.execute(page.order_by(t.c.id))]
            after = ids[-1]
            yield found

    async def of_changes(self, connection_name: str, changes: Collection[UUID]) -> Sequence[SyncError]:
        """The open errors of these transactions, by transaction and place in it."""
        t = tables.sync_error
        query = _chosen(select(t), connection_name, SyncErrorFilter(state=ErrorState.OPEN))
        query = query.where(t.c.change.in_(changes)).order_by(t.c.change, t.c.number)
        async with self._transactions.begin() as connection:
            return [_error(row) for row in await connection.execute(query)]

    async def count(self, connection_name: str, which: SyncErrorFilter = EVERY_ERROR) -> int:
        """How many errors are meant."""
        query = _chosen(select(func.count()).select_from(tables.sync_error), connection_name, which)
        async with self._transactions.begin() as connection:
            number: int = (await connection.execute(query)).scalar_one()
            return number

    async def now(self) -> datetime:
        """The moment by the clock that ``at`` and ``last_attempt_at`` are told by."""
        async with self._transactions.begin() as connection:
            moment: datetime = (await connection.execute(select(func.clock_timestamp()))).scalar_one()
            return moment

    async def by_state(self, connection_name: str) -> Mapping[str, Mapping[ErrorState, int]]:
        """By map, how many errors there are in each state that any is in."""
        t = tables.sync_error
        query = (
            select(t.c.map, t.c.state, func.count())
            .where(t.c.connection == connection_name)
            .group_by(t.c.map, t.c.state)
            .order_by(t.c.map)
        )
        counts: dict[str, dict[ErrorState, int]] = {}
        async with self._transactions.begin() as connection:
            for map_name, state, number in await connection.execute(query):
                counts.setdefault(map_name, {})[ErrorState(state)] = number
        return counts

    async def counts(
        self, connection_name: str, since: datetime, until: datetime
    ) -> Mapping[tuple[str, Category], int]:
        """How many errors came from ``since`` (included) to ``until`` (not), by map and category, settled or not."""
        t = tables.sync_error
        query = (
            select(t.c.map, t.c.category, func.count())
            .where(t.c.connection == connection_name, t.c.at >= since, t.c.at < until)
            .group_by(t.c.map, t.c.category)
        )
        async with self._transactions.begin() as connection:
            return {(name, Category(category)): number for name, category, number in await connection.execute(query)}

    async def groups(
        self, connection_name: str, which: SyncErrorFilter, *, by: Sequence[SyncErrorField]
    ) -> tuple[SyncErrorGroup, ...]:
        """The errors grouped by these fields, the largest group first."""
        t = tables.sync_error
        keys = [_FIELDS[each] for each in by]
        grouped = select(
            *keys,
            func.count().label("n"),
            func.min(_said_last()).label("one_reason"),
            _first_records().label("records"),
            func.min(t.c.at).label("first_at"),
            func.max(t.c.at).label("last_at"),
        )
        query = _chosen(grouped, connection_name, which).group_by(*keys).order_by(func.count().desc(), *keys)
        async with self._transactions.begin() as connection:
            return tuple(
                SyncErrorGroup(
                    dict(zip(by, row[: len(by)], strict=True)),
                    row.n,
                    row.one_reason,
                    tuple(row.records),
                    row.first_at,
                    row.last_at,
                )
                for row in await connection.execute(query)
            )

    # --- settling -----------------------------------------------------------------------------------------------------

    async def keep_attempts(self, attempts: Sequence[Attempt], *, who: str) -> None:
        """The retries count, and the errors stand as they have left them, but for those settled meanwhile."""
        t = tables.sync_error
        async with self._transactions.begin() as connection:
            for each in attempts:
                settled = each.state is not ErrorState.OPEN
                values: dict[str, object] = {
                    "attempts": t.c.attempts + 1,
                    "last_attempt_at": func.clock_timestamp(),
                    "last_reason": storable_text(each.reason),
                }
                if settled:
                    values |= {"state": each.state.value, "settled_at": func.clock_timestamp(), "settled_by": who}
                else:
                    why = {"cause": each.cause, "column": each.column, "code": each.code}
                    values |= {name: storable_text(text) for name, text in why.items()}
                await connection.execute(update(t).where(t.c.id == each.id, t.c.state == "open").values(values))

    async def dismiss(self, connection_name: str, which: SyncErrorFilter, *, who: str) -> Mapping[str, int]:
        """The open ones of these errors are dismissed; gives how many by map."""
        t = tables.sync_error
        open_ids = _chosen(select(t.c.id), connection_name, which).where(t.c.state == "open")
        settled = {"state": ErrorState.DISMISSED.value, "settled_at": func.clock_timestamp(), "settled_by": who}
        statement = update(t).where(t.c.id.in_(open_ids)).values(settled).returning(t.c.map)
        changed = statement.cte("dismissed")
        query = select(changed.c.map, func.count()).group_by(changed.c.map).order_by(changed.c.map)
        async with self._transactions.begin() as connection:
            return {name: number for name, number in await connection.execute(query)}

    async def forget(self, connection_name: str, before: datetime) -> tuple[ForgottenErrors, ...]:
        """No error is from before ``before``; gives how many were. Atomicity: many are gone in several transactions."""
        t = tables.sync_error
        old = select(t.c.id).where(t.c.connection == connection_name, t.c.at < before)
        gone = delete(t).where(t.c.id.in_(old.order_by(t.c.at).limit(_FORGOTTEN_AT_ONCE))).returning(t.c.map, t.c.state)
        deleted = gone.cte("deleted")
        still_open = func.count(case((deleted.c.state == "open", 1)))
        query = select(deleted.c.map, func.count(), still_open).group_by(deleted.c.map)
        forgotten: dict[str, ForgottenErrors] = {}
        while True:
            async with self._transactions.begin() as connection:
                found = [ForgottenErrors(*row) for row in await connection.execute(query)]
            for each in found:
                known = forgotten.get(each.map, ForgottenErrors(each.map, 0, 0))
                forgotten[each.map] = ForgottenErrors(each.map, known.errors + each.errors, known.open + each.open)
            if sum(each.errors for each in found) < _FORGOTTEN_AT_ONCE:
                return tuple(forgotten[name] for name in sorted(forgotten))


_FIELDS: Mapping[SyncErrorField, ColumnElement[str]] = {
    each: tables.sync_error.c[each.value.replace(" ", "_")] for each in SyncErrorField
}


def _said_last() -> ColumnElement[str]:
    t = tables.sync_error
    return case((t.c.last_reason != "", t.c.last_reason), else_=t.c.reason)


def _first_records() -> ColumnElement[object]:
    t = tables.sync_error
    return func.array_agg(aggregate_order_by(t.c.record, t.c.id), type_=ARRAY(Text))[1:_NAMED_RECORDS]


def _values(each: FailedRecord) -> Mapping[str, object]:
    return {
        "change": each.change,
        "number": each.number,
        "kind": each.kind.value,
        "category": each.category.value,
        "map": each.map,
        "direction": each.direction.value,
        "legal_entity": storable_text(each.legal_entity),
        "operation": each.operation.value,
        "record_id": storable_text(each.record_id),
        "record": storable_text(each.record),
        "column": storable_text(each.column),
        "code": each.code,
        "reason": storable_text(each.reason),
        "cause": storable_text(each.cause),
        "row": storable(dict(each.row)),
        "changed": None if each.changed is None else list(each.changed),
        "version": each.version,
    }


def _chosen(query: Select[*tuple[Any, ...]], connection_name: str, which: SyncErrorFilter) -> Select[*tuple[Any, ...]]:
    t = tables.sync_error
    query = query.where(t.c.connection == connection_name)
    for name in _COMPARED:
        value = getattr(which, name)
        if value is not None:
            query = query.where(t.c[name] == (value.value if isinstance(value, Enum) else value))
    if which.record is not None:
        query = query.where(t.c.record.icontains(storable_text(which.record), autoescape=True))
    if which.ids is not None:
        query = query.where(t.c.id.in_([each for each in which.ids if 0 < each < _NO_NUMBER]))
    if which.since is not None:
        query = query.where(t.c.at >= which.since)
    if which.until is not None:
        query = query.where(t.c.at < which.until)
    return query if which.tried_since is None else query.where(t.c.last_attempt_at >= which.tried_since)


_COMPARED: Final = ("state", "kind", "category", "map", "direction", "legal_entity", "code", "column", "cause")


_ENUMS: Final[Mapping[str, type[Enum]]] = {
    "kind": FailureKind,
    "category": Category,
    "direction": Direction,
    "operation": Operation,
    "state": ErrorState,
}


def _error(row: Row[*tuple[Any, ...]]) -> SyncError:
    held = dict(row._mapping)
    held |= {name: each(held[name]) for name, each in _ENUMS.items()}
    held["changed"] = None if held["changed"] is None else tuple(held["changed"])
    return SyncError(**{each.name: held[each.name] for each in fields(SyncError)})
