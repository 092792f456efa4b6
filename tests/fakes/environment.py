"""An environment in memory: the serving half of the port, with the hosted environment's own rules for values.

It is honest about what its callers can notice: transactions are all or nothing, keys are unique without regard to case,
versions move with every change, values are checked and rounded as the hosted environment does it. It has no other side:
its transactions pass no pipeline, unless ``refuse_with`` makes the next ones fail.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cmp_to_key
from typing import assert_never
from uuid import UUID

from dualwrite.environments.hosted.validation import checked
from dualwrite.environments.port import (
    Caller,
    Command,
    CommandValue,
    Create,
    Delete,
    EnvironmentName,
    Existence,
    NaturalKey,
    Operation,
    Page,
    Participant,
    RecordChange,
    RecordKey,
    Reference,
    ResultOf,
    RowQuery,
    SortKey,
    Update,
)
from dualwrite.errors import (
    DualwriteError,
    DuplicateRecord,
    PreconditionFailed,
    RecordNotFound,
    RecordRefused,
    ReferenceNotFound,
    StillReferenced,
    ValueProblem,
    ValueRefused,
)
from dualwrite.filters.evaluate import matches
from dualwrite.metadata.empty import empty_value
from dualwrite.metadata.schema import Column, ColumnRole, ColumnType, EnvironmentSchema, Side, Table
from dualwrite.metadata.values import Row, Value, target_entry

NAME = EnvironmentName("fake")
FIRST_RECORD_ID = 5637144576
START = datetime(2024, 1, 1, tzinfo=UTC)


@dataclass
class FakeEnvironment:
    """Implements the serving face of ``port.Environment`` over dictionaries."""

    schema: EnvironmentSchema
    name: EnvironmentName = NAME
    rows: dict[str, list[dict[str, Value]]] = field(default_factory=dict)
    refuse_with: DualwriteError | None = None
    """Raised by every transaction while it is set."""
    transactions: list[tuple[Command, ...]] = field(default_factory=list)
    """The commands of each transaction that was asked for."""
    callers: list[Caller] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def side(self) -> Side:
        return self.schema.side

    # --- reading ----------------------------------------------------------------------------------------------------

    async def current_schema(self, *, within_s: float = 0.0) -> EnvironmentSchema:
        return self.schema

    async def read(self, query: RowQuery) -> Page:
        table = self.schema.table(query.table)
        found = [
            row
            for row in self._of(table)
            if query.where is None or matches(query.where, row, self._related(table, row))
        ]
        total = len(found) if query.count else None
        order = (*query.order, SortKey((self._id_column(table),)))
        found.sort(
            key=cmp_to_key(
                lambda a, b: self._compare(table, order, self._place(table, order, a), self._place(table, order, b))
            )
        )
        if query.after is not None:
            after = query.after
            found = [row for row in found if self._compare(table, order, self._place(table, order, row), after) > 0]
        found = found[query.offset :]
        limit = len(found) if query.limit is None else query.limit
        shown = found[:limit]
        last = self._place(table, order, shown[-1]) if shown else None
        return Page([dict(row) for row in shown], len(found) > limit, last, total)

    def scan(self, query: RowQuery, *, batch_rows: int = 1000) -> AsyncIterator[Sequence[Row]]:
        return self._scan(query, batch_rows)

    async def _scan(self, query: RowQuery, batch_rows: int) -> AsyncIterator[Sequence[Row]]:
        rows = (await self.read(query)).rows
        for start in range(0, len(rows), batch_rows):
            yield rows[start : start + batch_rows]

    def participate(self) -> AbstractAsyncContextManager[Participant]:
        raise NotImplementedError("the fake has no other side")

    def _of(self, table: Table) -> list[dict[str, Value]]:
        return self.rows.setdefault(table.name, [])

    def _id_column(self, table: Table) -> str:
        return "RecId" if self.side is Side.FINOPS else table.key[0]

    def _place(self, table: Table, order: Sequence[SortKey], row: Row) -> tuple[Value, ...]:
        return tuple(self._reach(table, row, key.path) for key in order)

    def _reach(self, table: Table, row: Row, path: tuple[str, ...]) -> Value:
        value = row.get(path[0])
        if len(path) == 1 or not isinstance(value, UUID):
            return value if len(path) == 1 else None
        for target in map(self.schema.find, table.column(path[0]).targets):
            if target is not None and (found := self._by_id(target, value)) is not None:
                return self._reach(target, found, path[1:])
        return None

    def _by_id(self, table: Table, row_id: UUID) -> dict[str, Value] | None:
        return next((row for row in self._of(table) if row[table.key[0]] == row_id), None)

    def _related(self, table: Table, row: Row) -> dict[tuple[str, ...], Value]:
        """What paths of two parts lead to: the columns of the rows that the lookups of ``row`` point to."""
        reached: dict[tuple[str, ...], Value] = {}
        for column in table.columns:
            if column.type is ColumnType.LOOKUP and isinstance(row.get(column.name), UUID):
                for target in map(self.schema.find, column.targets):
                    found = self._by_id(target, row[column.name]) if target is not None else None  # type: ignore[arg-type]
                    reached.update({(column.name, name): value for name, value in (found or {}).items()})
        return reached

    def _compare(self, table: Table, order: Sequence[SortKey], left: Sequence[Value], right: Sequence[Value]) -> int:
        for key, one, other in zip(order, left, right, strict=True):
            a, b = _sortable(one), _sortable(other)
            if a != b:
                return (1 if a > b else -1) * (-1 if key.descending else 1)  # type: ignore[operator]
        return 0

    # --- writing ----------------------------------------------------------------------------------------------------

    async def transact(self, commands: Sequence[Command], *, caller: Caller) -> Sequence[RecordChange]:
        self.transactions.append(tuple(commands))
        self.callers.append(caller)
        if self.refuse_with is not None:
            raise self.refuse_with
        before = copy.deepcopy(self.rows)
        changes: list[RecordChange] = []
        for number, command in enumerate(commands):
            try:
                changes.append(self._apply(command, changes))
            except RecordRefused as refusal:
                self.rows = before
                refusal.details = {**refusal.details, "command": number}
                raise
        return changes

    def _apply(self, command: Command, done: Sequence[RecordChange]) -> RecordChange:
        table = self.schema.table(command.table)
        match command:
            case Create():
                return self._create(table, self._given(table, command.values, done))
            case Update():
                return self._update(table, command, done)
            case Delete():
                row = self._find(table, command.key, done)
                if row is None:
                    raise RecordNotFound(f"{table.name}: there is no such row", table=table.name)
                self._check_version(table, row, command.version)
                self._check_references(table, row)
                self._of(table).remove(row)
                return RecordChange(table, Operation.DELETE, dict(row), None)
            case _:
                assert_never(command)

    def _given(
        self, table: Table, values: Mapping[str, CommandValue], done: Sequence[RecordChange]
    ) -> dict[str, Value]:
        given: dict[str, Value] = {}
        for name, value in values.items():
            if name.endswith("@table"):
                given[name] = str(value)
                continue
            column = table.find(name)
            if column is None:
                reason = f"{table.name} has no column {name!r}"
                raise ValueRefused(reason, problem=ValueProblem.UNKNOWN_COLUMN, table=table.name, column=name)
            if column.role is ColumnRole.SYSTEM:
                reason = f"{table.name}.{name}: the column is kept by the environment"
                raise ValueRefused(reason, problem=ValueProblem.READ_ONLY, table=table.name, column=name)
            if isinstance(value, Reference | ResultOf):
                given.update(self._referred(table, column, value, done))
            else:
                given[column.name] = checked(table, column, value)
        return given

    def _referred(
        self, table: Table, column: Column, value: Reference | ResultOf, done: Sequence[RecordChange]
    ) -> Iterator[tuple[str, Value]]:
        if isinstance(value, ResultOf):
            target, row = done[value.command].table, done[value.command].image
        else:
            target = self.schema.table(value.table)
            found = self._find(target, value.key, done)
            if found is None:
                reason = f"{target.name} With Id = {value.key} Does Not Exist"
                raise ReferenceNotFound(reason, table=table.name, column=column.name)
            row = found
        yield column.name, row[target.key[0]]
        if column.is_polymorphic:
            yield target_entry(column.name), target.name

    def _find(
        self, table: Table, key: RecordKey | ResultOf | NaturalKey, done: Sequence[RecordChange]
    ) -> dict[str, Value] | None:
        if isinstance(key, NaturalKey):
            raise NotImplementedError("natural keys are the engine's")
        if isinstance(key, ResultOf):
            image = done[key.command].image
            wanted = {name: image[name] for name in table.key}
        else:
            wanted = (
                self._given(table, dict(key.parts), done) if self.side is Side.FINOPS else self._keyed(table, key, done)
            )
        return next((row for row in self._of(table) if all(_same(row.get(n), v) for n, v in wanted.items())), None)

    def _keyed(self, table: Table, key: RecordKey, done: Sequence[RecordChange]) -> dict[str, Value]:
        wanted: dict[str, Value] = {}
        for name, value in key.parts:
            column = table.column(name)
            if isinstance(value, Reference | ResultOf):
                wanted.update(self._referred(table, column, value, done))
            else:
                wanted[column.name] = checked(table, column, value)
        return wanted

    def _create(self, table: Table, values: dict[str, Value]) -> RecordChange:
        for column in table.columns:
            if (
                column.required
                and column.role is ColumnRole.PLAIN
                and column.type.is_text
                and not values.get(column.name)
            ):
                reason = f"{table.name}.{column.name}: the column must be filled in"
                raise ValueRefused(reason, problem=ValueProblem.REQUIRED, table=table.name, column=column.name)
        row = {column.name: values.get(column.name, self._default(column)) for column in table.columns}
        row.update(values)
        number = next(self._numbers)
        if self.side is Side.FINOPS:
            row |= {"RecId": FIRST_RECORD_ID + number, "RecVersion": 1}
        else:
            row[table.key[0]] = row.get(table.key[0]) or UUID(int=number << 64 | 0x4000_8000)
            row |= {"versionnumber": number, "createdon": self._now(number), "modifiedon": self._now(number)}
        self._check_keys(table, row)
        self._of(table).append(row)
        return RecordChange(table, Operation.CREATE, None, dict(row))

    def _default(self, column: Column) -> Value:
        if self.side is Side.FINOPS:
            return empty_value(column)
        return 0 if column.role is ColumnRole.STATE else 1 if column.role is ColumnRole.STATUS else None

    def _now(self, number: int) -> datetime:
        return START + timedelta(seconds=number)

    def _update(self, table: Table, command: Update, done: Sequence[RecordChange]) -> RecordChange:
        row = self._find(table, command.key, done)
        if row is None:
            if command.existence is Existence.MUST_EXIST or command.version is not None:
                raise RecordNotFound(f"{table.name}: there is no such row", table=table.name)
            assert isinstance(command.key, RecordKey)
            key = self._keyed(table, command.key, done)
            return self._create(table, {**key, **self._given(table, command.values, done)})
        if command.existence is Existence.MUST_NOT_EXIST:
            raise PreconditionFailed(f"{table.name}: the row exists", table=table.name, exists=True)
        self._check_version(table, row, command.version)
        values = {n: v for n, v in self._given(table, command.values, done).items() if row.get(n) != v}
        before = dict(row)
        if values:
            self._change(table, row, values)
        return RecordChange(table, Operation.UPDATE, before, dict(row))

    def _change(self, table: Table, row: dict[str, Value], values: dict[str, Value]) -> None:
        for name in values:
            if name in table.key:
                reason = f"{table.name}.{name}: the column is part of the key and cannot be changed"
                raise ValueRefused(reason, problem=ValueProblem.READ_ONLY, table=table.name, column=name)
        row.update(values)
        number = next(self._numbers)
        if self.side is Side.FINOPS:
            version = row["RecVersion"]
            assert isinstance(version, int)
            row["RecVersion"] = version + 1
        else:
            row |= {"versionnumber": number, "modifiedon": self._now(number)}
        self._check_keys(table, row)

    def _check_version(self, table: Table, row: Row, version: int | None) -> None:
        current = row["RecVersion" if self.side is Side.FINOPS else "versionnumber"]
        if version is not None and version != current:
            raise PreconditionFailed(f"{table.name}: the row has changed", table=table.name)

    def _check_keys(self, table: Table, row: Row) -> None:
        for columns in (table.key, *table.alternate_keys):
            wanted = [row.get(name) for name in columns]
            if None in wanted:
                continue
            for other in self._of(table):
                if other is not row and all(_same(other.get(n), v) for n, v in zip(columns, wanted, strict=True)):
                    shown = ", ".join(columns)
                    reason = f"a record with the same values for {shown} already exists in {table.name}"
                    raise DuplicateRecord(reason, table=table.name, columns=columns, primary=columns == table.key)

    def _check_references(self, table: Table, row: Row) -> None:
        if self.side is Side.FINOPS:
            return
        for other, column in self.schema.referencing(table):
            if any(
                candidate.get(column.name) == row[table.key[0]] and candidate is not row
                for candidate in self._of(other)
            ):
                reason = f"the record cannot be deleted: records of {other.name} refer to it ({column.name})"
                raise StillReferenced(reason, table=other.name, column=column.name)


def _same(one: Value, other: Value) -> bool:
    if isinstance(one, str) and isinstance(other, str):
        return one.casefold() == other.casefold()
    return one == other


def _sortable(value: Value) -> tuple[int, object]:
    """Nothing before something, text without regard to case, ids as numbers."""
    if value is None:
        return 0, 0
    return 1, value.casefold() if isinstance(value, str) else value.int if isinstance(value, UUID) else value


class FakeDesign:
    """Implements ``port.TableDesign`` over a fake environment; whatever is asked for is done."""

    def __init__(self, environment: FakeEnvironment) -> None:
        self._environment = environment

    async def define(self, tables: Sequence[Table], *, who: str) -> None:
        self._replace({table.name: table for table in tables})

    async def remove_table(self, table: str, *, who: str) -> None:
        self._replace({}, without=table)

    async def remove_column(self, table: str, column: str, *, who: str) -> None:
        there = self._environment.schema.table(table)
        self._replace({table: replace(there, columns=tuple(c for c in there.columns if c.name != column))})

    async def remove_key(self, table: str, columns: tuple[str, ...], *, who: str) -> None:
        there = self._environment.schema.table(table)
        keys = tuple(key for key in there.alternate_keys if key != columns)
        self._replace({table: replace(there, alternate_keys=keys, key_names=())})

    def _replace(self, changed: Mapping[str, Table], *, without: str = "") -> None:
        schema = self._environment.schema
        tables = {table.name: table for table in schema if table.name != without} | dict(changed)
        self._environment.schema = EnvironmentSchema(schema.side, tuple(tables.values()))
