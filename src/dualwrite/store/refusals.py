"""The rows that an initial sync refused, each with its cause and with the row itself."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Row,
    Select,
    Text,
    Uuid,
    cast,
    delete,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by

from dualwrite.environments.bulk import Span
from dualwrite.maps.values import Direction
from dualwrite.metadata.schema import Side
from dualwrite.metadata.values import Value
from dualwrite.store import tables
from dualwrite.store.connector import Transactions, copy_rows, json_text, storable_text
from dualwrite.store.initial_syncs import InitialSyncRun, RunId
from dualwrite.store.record_ids import record_ids

_NAMED_RECORDS = 5
"""How many records a group names."""


@dataclass(frozen=True, slots=True)
class RefusedRecord:
    """A row that could not be copied: ``column`` (empty: the whole record) and ``reason`` say why.

    ``cause`` is the reason without the record's name, so that rows refused for the same thing are one group.
    ``row`` is the source's row; numbers that JSON cannot carry exactly are kept as text. ``whole`` tells that a run
    has inserted the row and could not complete it, so that it gets all columns when it is done again.
    """

    map: str
    direction: Direction
    legal_entity: str
    record_id: str
    record: str
    column: str
    code: str
    reason: str
    cause: str
    row: Mapping[str, object]
    whole: bool


@dataclass(frozen=True, slots=True)
class Refusal(RefusedRecord):
    """A refused record as it is kept, by a number that grows with the order they were met.

    ``settled_by`` is the run that did the row again; None: this is the last word.
    """

    id: int
    run: RunId
    partition: int
    at: datetime
    settled_by: RunId | None


@dataclass(frozen=True, slots=True)
class RefusalFilter:
    """Which refusals are meant; what is None does not matter. ``open_only``: those that are the last word."""

    map: str | None = None
    legal_entity: str | None = None
    direction: Direction | None = None
    code: str | None = None
    column: str | None = None
    cause: str | None = None
    open_only: bool = False


EVERY_REFUSAL: Final = RefusalFilter()


class RefusalField(Enum):
    """What refusals can be grouped by."""

    MAP = "map"
    LEGAL_ENTITY = "legal entity"
    DIRECTION = "direction"
    CODE = "code"
    COLUMN = "column"
    CAUSE = "cause"


@dataclass(frozen=True, slots=True)
class RefusalGroup:
    """Refusals that have the values of ``fields`` in common; ``records`` names a few of them, ``reason`` is of one."""

    fields: Mapping[RefusalField, str]
    rows: int
    reason: str
    records: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DoneAgain:
    """The rows of a partition that a later run has carried out: those with ``ids``, or those of companies in a span.

    ``except_ids`` have still to be completed.
    """

    map: str
    direction: Direction
    legal_entities: tuple[str, ...] | None = None
    span: Span | None = None
    ids: tuple[Value, ...] | None = None
    except_ids: tuple[Value, ...] = ()


class RefusalRepository:
    """The refused rows of all runs."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def replace(self, run: RunId, partition: int, refused: Sequence[RefusedRecord]) -> None:
        """These are the refused rows of the partition, in order; those of an earlier attempt are gone."""
        t = tables.refused_row
        async with self._transactions.begin() as connection:
            await connection.execute(delete(t).where(t.c.run == run, t.c.partition == partition))
            if refused:
                await copy_rows(connection, t.name, _COPIED, (_copied(run, partition, each) for each in refused))

    async def settle(self, run: InitialSyncRun, done: DoneAgain, *, keep_root: bool = False) -> None:
        """What earlier runs refused of the rows that ``run`` has done again is not the last word any more.

        ``keep_root`` leaves alone what runs of the same chain refused: their rows were left out.
        """
        t, r = tables.refused_row, tables.initial_sync_run
        others = select(r.c.run).where(r.c.connection == run.connection, r.c.run != run.run)
        if keep_root:
            others = others.where(r.c.root != run.root)
        statement = (
            update(t)
            .where(t.c.settled_by.is_(None), t.c.map == done.map, t.c.direction == done.direction.value)
            .where(t.c.run.in_(others), *_covered(done))
            .values(settled_by=run.run)
        )
        async with self._transactions.begin() as connection:
            await connection.execute(statement)

    async def list(
        self,
        connection_name: str,
        run: RunId | None,
        which: RefusalFilter = EVERY_REFUSAL,
        *,
        after: int | None = None,
        limit_rows: int | None = None,
        offset_rows: int = 0,
    ) -> tuple[Refusal, ...]:
        """The refused rows of a run in the order they were met; without a run those of all that are the last word.

        ``after`` is the number of the one before the first.
        """
        query = _chosen(select(tables.refused_row), connection_name, run, which)
        if after is not None:
            query = query.where(tables.refused_row.c.id > after)
        query = query.order_by(tables.refused_row.c.id).limit(limit_rows).offset(offset_rows)
        async with self._transactions.begin() as connection:
            return tuple(_refusal(row) for row in await connection.execute(query))

    async def all(
        self, connection_name: str, run: RunId | None, which: RefusalFilter = EVERY_REFUSAL, *, batch_rows: int = 1000
    ) -> AsyncIterator[Sequence[Refusal]]:
        """The same, however many there are, in batches."""
        t = tables.refused_row
        after = 0
        query = _chosen(select(t), connection_name, run, which).order_by(t.c.id).limit(batch_rows)
        while True:
            async with self._transactions.begin() as connection:
                rows = (await connection.execute(query.where(t.c.id > after))).all()
            if not rows:
                return
            after = rows[-1].id
            yield [_refusal(row) for row in rows]

    async def groups(
        self, connection_name: str, run: RunId | None, which: RefusalFilter, *, by: Sequence[RefusalField]
    ) -> tuple[RefusalGroup, ...]:
        """The refused rows grouped by these fields, the largest group first."""
        t = tables.refused_row
        keys = [_FIELDS[each] for each in by]
        grouped = select(
            *keys,
            func.count().label("n"),
            func.min(t.c.reason).label("one_reason"),
            _first_records().label("records"),
        )
        query = _chosen(grouped, connection_name, run, which).group_by(*keys)
        async with self._transactions.begin() as connection:
            found = await connection.execute(query.order_by(func.count().desc(), *keys))
            return tuple(_group(row, by) for row in found)

    async def open_ids(
        self,
        connection_name: str,
        root: RunId,
        *,
        map: str | None = None,
        other_than: RunId | None = None,
        whole: bool | None = None,
    ) -> dict[tuple[str, Direction], tuple[Value, ...]]:
        """By map (all, or the named one) and direction, the rows refused in this chain of runs and not done again.

        ``other_than`` leaves out what that run has refused; ``whole`` asks for rows that are to be done whole, or not.
        """
        t, r = tables.refused_row, tables.initial_sync_run
        query = (
            select(t.c.map, t.c.direction, func.array_agg(t.c.record_id.distinct()).label("ids"))
            .join(r, r.c.run == t.c.run)
            .where(r.c.connection == connection_name, r.c.root == root, t.c.settled_by.is_(None), t.c.record_id != "")
            .group_by(t.c.map, t.c.direction)
        )
        if map is not None:
            query = query.where(t.c.map == map)
        if other_than is not None:
            query = query.where(t.c.run != other_than)
        if whole is not None:
            query = query.where(t.c.whole.is_(whole))
        async with self._transactions.begin() as connection:
            return {
                (row.map, Direction(row.direction)): record_ids(sorted(row.ids), Direction(row.direction))
                for row in await connection.execute(query)
            }

    async def unfinished(
        self, connection_name: str, *, map: str | None = None
    ) -> dict[str, dict[Direction, frozenset[Value]]]:
        """By map (all, or the named one) and direction, the rows that are in the target with no more than a half.

        Runs have inserted them, and have been refused to complete them since.
        """
        t, r = tables.refused_row, tables.initial_sync_run
        query = (
            select(t.c.map, t.c.direction, func.array_agg(t.c.record_id.distinct()).label("ids"))
            .join(r, r.c.run == t.c.run)
            .where(r.c.connection == connection_name, t.c.whole, t.c.settled_by.is_(None), t.c.record_id != "")
            .group_by(t.c.map, t.c.direction)
        )
        if map is not None:
            query = query.where(t.c.map == map)
        found: dict[str, dict[Direction, frozenset[Value]]] = {}
        async with self._transactions.begin() as connection:
            for row in await connection.execute(query):
                direction = Direction(row.direction)
                found.setdefault(row.map, {})[direction] = frozenset(record_ids(row.ids, direction))
        return found

    async def first_of_each(self, run: RunId, *, rows: int) -> tuple[Refusal, ...]:
        """The first refused rows of each map, direction and legal entity of the run."""
        t = tables.refused_row
        place = func.row_number().over(partition_by=(t.c.map, t.c.direction, t.c.legal_entity), order_by=t.c.id)
        numbered = select(t, place.label("place")).where(t.c.run == run).subquery()
        query = select(numbered).where(numbered.c.place <= rows).order_by(numbered.c.id)
        async with self._transactions.begin() as connection:
            return tuple(_refusal(row) for row in await connection.execute(query))


_COPIED = (
    "run",
    "partition",
    "map",
    "direction",
    "legal_entity",
    "record_id",
    "record",
    "column",
    "code",
    "reason",
    "cause",
    "row",
    "whole",
)
_FIELDS: Mapping[RefusalField, ColumnElement[str]] = {
    RefusalField.MAP: tables.refused_row.c.map,
    RefusalField.LEGAL_ENTITY: tables.refused_row.c.legal_entity,
    RefusalField.DIRECTION: tables.refused_row.c.direction,
    RefusalField.CODE: tables.refused_row.c.code,
    RefusalField.COLUMN: tables.refused_row.c.column,
    RefusalField.CAUSE: tables.refused_row.c.cause,
}


def _first_records() -> ColumnElement[object]:
    t = tables.refused_row
    return func.array_agg(aggregate_order_by(t.c.record, t.c.id), type_=ARRAY(Text))[1:_NAMED_RECORDS]


def _copied(run: RunId, partition: int, each: RefusedRecord) -> Sequence[object]:
    texts = (each.legal_entity, each.record_id, each.record, each.column, each.code, each.reason, each.cause)
    return (run, partition, each.map, each.direction.value, *map(storable_text, texts), json_text(each.row), each.whole)


def _covered(done: DoneAgain) -> Sequence[ColumnElement[bool]]:
    t = tables.refused_row
    conditions: list[ColumnElement[bool]] = []
    if done.except_ids:
        conditions.append(t.c.record_id.not_in([str(each) for each in done.except_ids]))
    if done.ids is not None:
        return (*conditions, t.c.record_id.in_([str(each) for each in done.ids]))
    if done.legal_entities is not None:
        entities = [each.lower() for each in done.legal_entities]
        conditions.append(func.lower(t.c.legal_entity).in_(entities))
    # Records of earlier releases have no id; they belong to whatever covers their map.
    known = func.nullif(t.c.record_id, "")
    number = cast(known, BigInteger if done.direction.source is Side.FINOPS else Uuid)
    span = done.span or Span()
    if span.first is not None:
        conditions.append(or_(known.is_(None), number >= span.first))
    if span.last is not None:
        conditions.append(or_(known.is_(None), number <= span.last))
    return conditions


def _chosen(
    query: Select[*tuple[Any, ...]], connection_name: str, run: RunId | None, which: RefusalFilter
) -> Select[*tuple[Any, ...]]:
    t, r = tables.refused_row, tables.initial_sync_run
    query = query.where(t.c.run.in_(select(r.c.run).where(r.c.connection == connection_name)))
    if run is not None:
        query = query.where(t.c.run == run)
    if run is None or which.open_only:
        query = query.where(t.c.settled_by.is_(None))
    wanted = {
        RefusalField.MAP: which.map,
        RefusalField.LEGAL_ENTITY: which.legal_entity,
        RefusalField.DIRECTION: None if which.direction is None else which.direction.value,
        RefusalField.CODE: which.code,
        RefusalField.COLUMN: which.column,
        RefusalField.CAUSE: which.cause,
    }
    return query.where(*(_FIELDS[field] == value for field, value in wanted.items() if value is not None))


def _refusal(row: Row[*tuple[Any, ...]]) -> Refusal:
    return Refusal(
        map=row.map,
        direction=Direction(row.direction),
        legal_entity=row.legal_entity,
        record_id=row.record_id,
        record=row.record,
        column=row.column,
        code=row.code,
        reason=row.reason,
        cause=row.cause,
        row=row.row,
        whole=row.whole,
        id=row.id,
        run=RunId(row.run),
        partition=row.partition,
        at=row.at,
        settled_by=None if row.settled_by is None else RunId(row.settled_by),
    )


def _group(row: Row[*tuple[Any, ...]], by: Sequence[RefusalField]) -> RefusalGroup:
    fields = dict(zip(by, row[: len(by)], strict=True))
    return RefusalGroup(fields, row.n, row.one_reason, tuple(row.records))
