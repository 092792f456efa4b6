"""One open transaction in a hosted environment: commands in, record changes out, natural keys and lookups resolved."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import TypeAlias, assert_never
from uuid import UUID

from dualwrite.environments.hosted.ddl import quoted, relation
from dualwrite.environments.hosted.failures import translated
from dualwrite.environments.hosted.finding import TWO_ROWS, DictConnection, RowFinder
from dualwrite.environments.hosted.layout import Layout
from dualwrite.environments.hosted.queue import Queue
from dualwrite.environments.hosted.shape import Shape
from dualwrite.environments.hosted.validation import checked, refuse
from dualwrite.environments.port import (
    ChangeId,
    Command,
    CommandValue,
    Create,
    Delete,
    Existence,
    NaturalKey,
    Operation,
    RecordChange,
    RecordKey,
    Reference,
    ResultOf,
    Update,
)
from dualwrite.environments.queue import NewRecord, RecordMark
from dualwrite.errors import (
    PreconditionFailed,
    RecordNotFound,
    RecordRefused,
    ReferenceNotFound,
    StillReferenced,
    ValueProblem,
    ValueRefused,
)
from dualwrite.metadata.schema import Column, ColumnRole, ColumnType, Side, Table
from dualwrite.metadata.values import Row, Value, target_entry

Needs: TypeAlias = Callable[[Table, frozenset[str]], Awaitable[frozenset[str]]]

_TO_CHANGE = " FOR NO KEY UPDATE OF t"
_TO_DELETE = " FOR UPDATE OF t"


class HostedSession(RowFinder):
    """Implements ``port.Session`` over one connection with a transaction open on it."""

    def __init__(
        self,
        connection: DictConnection,
        shape: Shape,
        *,
        user_id: UUID | None,
        needs: Needs | None = None,
    ) -> None:
        """``needs`` tells which columns others must find in the images of an update; None: nobody looks at them."""
        super().__init__(connection, shape.layouts)
        self.user_id = user_id
        self._rules = shape.rules
        self._needs = needs
        self._results: list[RecordChange] = []
        self._applying = False
        self._queue = Queue(connection, shape.schema.side)
        self.made_by_rules: list[RecordChange] = []
        """What rules have written on the way, beside what was commanded."""

    async def queue(self, change: ChangeId, records: Sequence[NewRecord], *, caller: str) -> None:
        with translated(self.layouts):
            await self._queue.add(change, records, caller=caller)

    async def unqueue(self, marks: Collection[tuple[str, RecordMark]]) -> None:
        with translated(self.layouts):
            await self._queue.remove(marks)

    # --- writing ----------------------------------------------------------------------------------------------------

    async def execute(self, commands: Sequence[Command]) -> Sequence[RecordChange]:
        if self._applying:
            return await self._execute_for_rule(commands)
        first = len(self._results)
        for number, command in enumerate(commands):
            self._applying = True
            try:
                self._results.append(await self._apply(command))
            except RecordRefused as refusal:
                refusal.details = {**refusal.details, "command": first + number}
                raise
            finally:
                self._applying = False
        return self._results[first:]

    async def _execute_for_rule(self, commands: Sequence[Command]) -> Sequence[RecordChange]:
        """Commands that a rule gives in the middle of another: the caller does not count them among its own."""
        made = [await self._apply(command) for command in commands]
        self.made_by_rules += made
        return made

    async def _apply(self, command: Command) -> RecordChange:
        layout = self.layouts.of(command.table)
        match command:
            case Create():
                return await self._create(layout, await self._given(layout, command.values))
            case Update():
                return await self._update_or_create(layout, command)
            case Delete():
                return await self._delete(layout, command)
            case _:
                assert_never(command)

    async def _given(self, layout: Layout, values: Mapping[str, CommandValue]) -> dict[str, Value]:
        """The values a caller gave, by canonical column name, checked; lookups as ids. Raises: RecordRefused."""
        table = layout.table
        given: dict[str, Value] = {}
        for name, value in values.items():
            column = table.find(name)
            if column is None:
                if name.endswith("@table"):
                    given[name] = str(value)
                    continue
                reason = f"{table.name} has no column {name!r}"
                raise ValueRefused(reason, problem=ValueProblem.UNKNOWN_COLUMN, table=table.name, column=name)
            if column.role is ColumnRole.SYSTEM:
                raise refuse(table, column, ValueProblem.READ_ONLY, "the column is kept by the environment")
            if isinstance(value, Reference | ResultOf):
                await self._refer(table, column, value, given)
            else:
                given[column.name] = checked(table, column, value)
        return given

    async def _refer(self, table: Table, column: Column, value: Reference | ResultOf, given: dict[str, Value]) -> None:
        if isinstance(value, ResultOf):
            result = self._result(value)
            target, row_id = result.table, result.image[result.table.key[0]]
        else:
            target = self.layouts.of(value.table).table
            row_id = (await self._referred(value, table, column))[target.key[0]]
        if target.name not in column.targets:
            reason = f"the lookup points to {', '.join(column.targets)}, not to {target.name}"
            raise refuse(table, column, ValueProblem.WRONG_TYPE, reason)
        given[column.name] = row_id
        if column.is_polymorphic:
            given[target_entry(column.name)] = target.name

    async def _referred(self, reference: Reference, table: Table, column: Column) -> Row:
        layout = self.layouts.of(reference.table)
        row = await self._by_key(layout, reference.key, lock=TWO_ROWS)
        if row is None:
            shown = ", ".join(str(value) for _, value in reference.key.parts)
            message = f"{layout.table.name} With Id = {shown} Does Not Exist"
            raise ReferenceNotFound(message, table=table.name, column=column.name)
        return row

    def _result(self, reference: ResultOf) -> RecordChange:
        try:
            return self._results[reference.command]
        except IndexError:
            raise RecordRefused(f"there is no earlier command {reference.command}") from None

    async def _by_key(
        self,
        layout: Layout,
        key: RecordKey | ResultOf | NaturalKey,
        *,
        lock: str,
        columns: frozenset[str] | None = None,
    ) -> Row | None:
        paths, values, company = await self._located(layout, key)
        return await self.find(layout, paths, values, company=company, lock=lock, columns=columns)

    async def _key_values(self, table: Table, key: RecordKey) -> dict[str, Value]:
        values: dict[str, Value] = {}
        for name, value in key.parts:
            column = table.column(name)
            if isinstance(value, Reference | ResultOf):
                await self._refer(table, column, value, values)
            else:
                values[column.name] = checked(table, column, value)
        return values

    async def _run_rules(self, table: Table, *, before: Row | None, values: dict[str, Value]) -> None:
        for rule in self._rules.get(table.name, ()):
            await rule.before_write(self, table, before=before, values=values)

    async def _create(self, layout: Layout, values: dict[str, Value]) -> RecordChange:
        table = layout.table
        await self._run_rules(table, before=None, values=values)
        for column in table.columns:
            if column.required and column.type.is_text and not values.get(column.name):
                raise refuse(table, column, ValueProblem.REQUIRED, "the column must be filled in")
        with translated(self.layouts):
            cursor = await self.connection.execute(
                layout.insert(tuple(values), self._needs is not None), list(values.values())
            )
            row = await cursor.fetchone()
        assert row is not None
        return RecordChange(table, Operation.CREATE, None, {**values, **row})

    async def _update_or_create(self, layout: Layout, command: Update) -> RecordChange:
        table = layout.table
        everything = await self._given(layout, command.values)
        given = _without_address(command, everything)
        by_rules = self._seen_by_rules(table, given)
        seen = await self._seen(table, given, command) if not command.echo or self._needs is None else None
        if not by_rules and command.version is None and command.existence is not Existence.MUST_NOT_EXIST:
            change = await self._update_at_once(layout, command.key, dict(given), seen)
            if change is not None:
                return change
        columns = None if seen is None else seen | by_rules
        before = await self._by_key(layout, command.key, lock=_TO_CHANGE, columns=columns)
        if before is None:
            if command.existence is Existence.MUST_EXIST or command.version is not None:
                raise self._not_found(layout, command.key)
            assert isinstance(command.key, RecordKey)
            values = await self._key_values(table, command.key)
            return await self._create(layout, {**values, **everything})
        if command.existence is Existence.MUST_NOT_EXIST:
            raise PreconditionFailed(f"{table.name}: the record exists already", table=table.name, exists=True)
        self._check_version(layout, before, command.version)
        return await self._update(layout, before, given)

    def _seen_by_rules(self, table: Table, given: Mapping[str, Value]) -> frozenset[str]:
        """The columns of a row as it was that the rules have to see when ``given`` is written."""
        rules = self._rules.get(table.name, ())
        return frozenset(name for rule in rules for name in rule.looks_at(table, given))

    async def _seen(self, table: Table, given: Mapping[str, Value], command: Update) -> frozenset[str]:
        """The columns that the images of a partial update hold."""
        written = frozenset(given)
        if self._needs is None:
            return written
        return written | frozenset(table.key) | await self._needs(table, written)

    async def _update_at_once(
        self,
        layout: Layout,
        key: RecordKey | ResultOf | NaturalKey,
        values: dict[str, Value],
        seen: frozenset[str] | None,
    ) -> RecordChange | None:
        """The row is found and changed in one statement; None when it takes a second look.

        That is where there is no such row, nothing differs, or a column needs care.
        """
        table = layout.table
        if not values or any(
            name in table.key or (not values[name] and self._is_required(table, name)) for name in values
        ):
            return None
        paths, wanted, company = await self._located(layout, key)
        await self._run_rules(table, before={}, values=values)
        query = layout.update_found(tuple(values), paths, company is not None, seen)
        new = list(values.values())
        with translated(self.layouts):
            cursor = await self.connection.execute(query, [*layout.find_parameters(paths, wanted, company), *new, *new])
            rows = await cursor.fetchall()
        if len(rows) != 1:
            return None if not rows else self._several(layout, wanted)
        before = rows[0]
        stamps = {name: before.pop(f"@{name}") for name in layout.stamped}
        return RecordChange(table, Operation.UPDATE, before, {**before, **values, **stamps})

    @staticmethod
    def _is_required(table: Table, name: str) -> bool:
        column = table.find(name)
        return column is not None and column.required

    async def _located(
        self, layout: Layout, key: RecordKey | ResultOf | NaturalKey
    ) -> tuple[tuple[tuple[str, ...], ...], tuple[object, ...], str | None]:
        """Paths, their values, and the company of a key."""
        if isinstance(key, NaturalKey):
            company = key.company if layout.table.is_company_specific else None
            return tuple(path for path, _ in key.parts), tuple(value for _, value in key.parts), company
        if isinstance(key, ResultOf):
            image = self._result(key).image
            return (
                tuple((name,) for name in layout.table.key),
                tuple(image[name] for name in layout.table.key),
                None,
            )
        resolved = await self._key_values(layout.table, key)
        return tuple((name,) for name in resolved), tuple(resolved.values()), None

    async def _update(self, layout: Layout, before: Row, values: dict[str, Value]) -> RecordChange:
        table = layout.table
        wanted = {name: value for name, value in values.items() if before.get(name) != value}
        if not wanted:
            return RecordChange(table, Operation.UPDATE, before, before)
        for name, value in wanted.items():
            column = table.find(name)
            if column is None:
                continue
            if table.side is Side.FINOPS and name in table.key:
                raise refuse(
                    table, column, ValueProblem.READ_ONLY, "the column is part of the key and cannot be changed"
                )
            if column.required and column.type.is_text and not value:
                raise refuse(table, column, ValueProblem.REQUIRED, "the column must be filled in")
            if table.side is Side.DATAVERSE and (column.name,) == table.key:
                raise refuse(table, column, ValueProblem.READ_ONLY, "the id of a row cannot be changed")
        # The rules see what was asked for, also where it is what the row holds: a status that does not fit is refused.
        asked = dict(values)
        await self._run_rules(table, before=before, values=asked)
        wanted = {name: value for name, value in asked.items() if name not in before or before[name] != value}
        with translated(self.layouts):
            cursor = await self.connection.execute(
                layout.update(tuple(wanted)), [*wanted.values(), before[layout.id_column]]
            )
            stamps = await cursor.fetchone()
        assert stamps is not None
        return RecordChange(table, Operation.UPDATE, before, {**before, **wanted, **stamps})

    async def _delete(self, layout: Layout, command: Delete) -> RecordChange:
        before = await self._by_key(layout, command.key, lock=_TO_DELETE)
        if before is None:
            raise self._not_found(layout, command.key)
        self._check_version(layout, before, command.version)
        await self._check_polymorphic_references(layout, before)
        with translated(self.layouts, deleting=True):
            await self.connection.execute(layout.delete, [before[layout.id_column]])
        return RecordChange(layout.table, Operation.DELETE, before, None)

    async def _check_polymorphic_references(self, layout: Layout, row: Row) -> None:
        """Lookups to several tables have no foreign key; their rows are looked for."""
        table = layout.table
        if table.side is Side.FINOPS:
            return
        for other, column in self._polymorphic_references(table):
            query = (
                f"SELECT 1 FROM {relation(other)} WHERE {quoted(column.name)} = %s "
                f"AND NOT ({quoted(column.name)} = {quoted(other.key[0])}) LIMIT 1"
            )
            with translated(self.layouts):
                cursor = await self.connection.execute(query, [row[layout.id_column]])
                referring = await cursor.fetchone()
            if referring:
                reason = f"the record cannot be deleted: records of {other.name} refer to it ({column.name})"
                raise StillReferenced(reason, table=other.name, column=column.name)

    def _polymorphic_references(self, table: Table) -> Sequence[tuple[Table, Column]]:
        schema = self.layouts.schema
        return [
            (other, column)
            for other, column in schema.referencing(table)
            if column.is_polymorphic and column.type is ColumnType.LOOKUP
        ]

    def _check_version(self, layout: Layout, row: Row, version: int | None) -> None:
        if version is not None and row[layout.version_column] != version:
            name = layout.table.name
            message = f"{name}: the version of the existing record doesn't match the RowVersion property provided"
            raise PreconditionFailed(message, table=name)

    def _not_found(self, layout: Layout, key: RecordKey | ResultOf | NaturalKey) -> RecordNotFound:
        shown = "; ".join(str(value) for _, value in key.parts) if not isinstance(key, ResultOf) else "$result"
        return RecordNotFound(f"{layout.table.name} With Id = {shown} Does Not Exist", table=layout.table.name)


def _without_address(command: Update, given: dict[str, Value]) -> dict[str, Value]:
    """What an upsert changes in a row that is there: the columns that addressed it stay, whatever the body says."""
    if command.existence is Existence.MUST_EXIST or not isinstance(command.key, RecordKey):
        return given
    address = {name for name, _ in command.key.parts}
    return {name: value for name, value in given.items() if name not in address}
