"""From the tables that an environment has to the tables it is to have: steps that never lose a value.

Planning is pure. A table that is there is merged with what is wanted of it: new columns, keys, choices and longer texts
come in, and nothing goes. What cannot be done to stored rows without loss is a conflict, table and column named.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import TypeAlias

from dualwrite.environments.hosted.ddl import (
    MAX_IDENTIFIER_BYTES,
    column_statements,
    drop_table_statement,
    foreign_key_statements,
    has_foreign_key,
    key_statement,
    table_statements,
)
from dualwrite.metadata.schema import Column, ColumnType, Enumeration, EnvironmentSchema, Side, Table
from dualwrite.metadata.values import target_entry


@dataclass(frozen=True, slots=True)
class CreateTable:
    """The table with its columns and keys."""

    table: Table

    def statements(self) -> Iterator[str]:
        yield from table_statements(self.table)

    def __str__(self) -> str:
        return f"create table {self.table.name} with {len(self.table.columns)} columns"


@dataclass(frozen=True, slots=True)
class AddColumn:
    """The column, empty in the rows that are there. They are not rewritten."""

    table: Table
    column: Column

    def statements(self) -> Iterator[str]:
        yield from column_statements(self.table, self.column)

    def __str__(self) -> str:
        return f"add column {self.table.name}.{self.column.name}"


@dataclass(frozen=True, slots=True)
class AddKey:
    """An alternate key; rows that are there have to be unique in it."""

    table: Table
    columns: tuple[str, ...]

    def statements(self) -> Iterator[str]:
        yield key_statement(self.table, self.columns)

    def __str__(self) -> str:
        return f"add key {self.table.name} ({', '.join(self.columns)})"


@dataclass(frozen=True, slots=True)
class AddReference:
    """The database watches that a lookup points to a row."""

    table: Table
    column: Column
    target: Table

    def statements(self) -> Iterator[str]:
        yield from foreign_key_statements(self.table, self.column, self.target)

    def __str__(self) -> str:
        return f"reference {self.table.name}.{self.column.name} to {self.target.name}"


@dataclass(frozen=True, slots=True)
class Redefine:
    """The table's description changes, its storage does not: longer texts, more choices, labels."""

    table: Table
    what: str

    def statements(self) -> Iterator[str]:
        yield from ()

    def __str__(self) -> str:
        return f"change {self.what}"


@dataclass(frozen=True, slots=True)
class DropEmpty:
    """A table without rows makes room for another one of its name. Lookups to it are watched again afterwards."""

    table: Table

    def statements(self) -> Iterator[str]:
        yield f"{drop_table_statement(self.table)} CASCADE"

    def __str__(self) -> str:
        return f"drop table {self.table.name}, which is empty"


Step: TypeAlias = CreateTable | AddColumn | AddKey | AddReference | Redefine | DropEmpty


@dataclass(frozen=True, slots=True)
class Conflict:
    """What cannot be done to a table that holds rows, and why."""

    table: str
    reason: str

    def __str__(self) -> str:
        return self.reason


class Insistence(Enum):
    """What to do where a table holds more than is wanted of it (longer texts, further choices)."""

    KEEP_WIDER = "keep what is wider"
    """For definitions that come from elsewhere and know nothing of what users have added."""
    LEAVE_CONFLICTS = "keep what is wider, and leave alone what cannot be changed"
    """For a start, which is to succeed; the plan still tells what was left."""
    EXACTLY = "exactly as given"
    """For a user who changes a column and has to hear that narrowing is not possible."""


@dataclass(frozen=True, slots=True)
class MigrationPlan:
    """The tables as they will be (only those that change), the steps that lead there, and what cannot be done."""

    tables: tuple[Table, ...]
    steps: tuple[Step, ...]
    conflicts: tuple[Conflict, ...]

    def statements(self) -> list[str]:
        return [statement for step in self.steps for statement in step.statements()]


def plan_migration(
    present: EnvironmentSchema, wanted: Iterable[Table], *, insistence: Insistence = Insistence.KEEP_WIDER
) -> MigrationPlan:
    """What it takes until ``present`` has all ``wanted`` tables. Nothing, where it has them already."""
    merge = _Merge(present, insistence)
    for table in wanted:
        merge.add(table)
    return merge.plan()


class _Merge:
    """Collects steps and refusals table by table."""

    def __init__(self, present: EnvironmentSchema, insistence: Insistence) -> None:
        self._present = present
        self._exactly = insistence is Insistence.EXACTLY
        self._tables: dict[str, Table] = {}
        self._steps: list[Step] = []
        self._leave = insistence is Insistence.LEAVE_CONFLICTS
        self._conflicts: list[Conflict] = []

    def add(self, wanted: Table) -> None:
        there = self._tables.get(wanted.name) or self._present.by_name.get(wanted.name)
        if there == wanted:
            return
        problems = [*_unstorable(wanted), *self._taken(wanted)] if there is None else list(_unstorable(wanted))
        if problems:
            self._conflicts += [Conflict(wanted.name, problem) for problem in problems]
        elif there is None:
            self._tables[wanted.name] = wanted
            self._steps.append(CreateTable(wanted))
        else:
            self._merge(there, wanted)

    def plan(self) -> MigrationPlan:
        return MigrationPlan(
            tuple(self._tables.values()), (*self._steps, *self._references()), tuple(dict.fromkeys(self._conflicts))
        )

    def _taken(self, wanted: Table) -> Iterator[str]:
        """Names that another table goes by."""
        for other in (*self._present.tables, *self._tables.values()):
            for name in (wanted.name, wanted.entity_set):
                if name.casefold() in (other.name.casefold(), other.entity_set.casefold()):
                    yield f"{wanted.name}: the name {name} is taken by the table {other.name} ({other.entity_set})"
                    return

    def _merge(self, there: Table, wanted: Table) -> None:
        found = len(self._conflicts)
        if there.key != wanted.key:
            self._refuse(there, f"its key is {', '.join(there.key)} and cannot become {', '.join(wanted.key)}")
        if there.company_column not in (None, wanted.company_column) and self._exactly:
            self._refuse(there, f"its company is {there.company_column} and cannot become {wanted.company_column}")
        added = tuple(column for column in wanted.columns if column.name not in there.by_name)
        columns = tuple(self._column(there, wanted.by_name.get(column.name), column) for column in there.columns)
        keys = tuple(key for key in wanted.alternate_keys if key not in there.alternate_keys)
        if len(self._conflicts) > found and not self._leave:
            return
        merged = replace(
            there,
            label=wanted.label or there.label,
            columns=(*columns, *added),
            alternate_keys=(*there.alternate_keys, *keys),
            key_names=_key_names(there, wanted, keys),
            primary_name=there.primary_name or wanted.primary_name,
            company_column=there.company_column or wanted.company_column,
            schema_name=there.schema_name or wanted.schema_name,
            collection_label=wanted.collection_label or there.collection_label,
        )
        if merged == there:
            return
        self._tables[there.name] = merged
        self._steps += [AddColumn(merged, column) for column in added]
        self._steps += [AddKey(merged, key) for key in keys]
        changed = [column for column, before in zip(columns, there.columns, strict=True) if column != before]
        self._steps += [Redefine(merged, f"{there.name}.{column.name}") for column in changed]
        if not (added or keys or changed):
            self._steps.append(Redefine(merged, there.name))

    def _column(self, table: Table, wanted: Column | None, there: Column) -> Column:
        """``there`` with what ``wanted`` adds to it."""
        if wanted is None or wanted == there:
            return there
        if wanted.type is not there.type:
            self._refuse(
                table, f"the column is of type {there.type.value} and cannot become {wanted.type.value}", there
            )
            return there
        return replace(
            there,
            length=self._wider(table, there, "length", there.length, wanted.length),
            scale=self._wider(table, there, "scale", there.scale, wanted.scale),
            required=wanted.required,
            label=wanted.label or there.label,
            enumeration=self._enumeration(table, there, wanted.enumeration),
            targets=self._targets(table, there, wanted),
            inferred=wanted.inferred,
            relationships=wanted.relationships or there.relationships,
        )

    def _wider(self, table: Table, column: Column, what: str, there: int | None, wanted: int | None) -> int | None:
        if there is None or wanted is None:
            # No limit is the widest one.
            if self._exactly and wanted is not None:
                self._refuse(table, f"the {what} has no limit and cannot become {wanted}", column)
            return None
        if wanted < there and self._exactly:
            self._refuse(table, f"the {what} is {there} and cannot become {wanted}: stored values may need it", column)
        return max(there, wanted)

    def _enumeration(self, table: Table, column: Column, wanted: Enumeration | None) -> Enumeration | None:
        there = column.enumeration
        if there is None or wanted is None:
            return wanted if there is None else there
        numbers = dict(there.members)
        if column.type is ColumnType.ENUM:
            # Rows hold the names.
            moved = [(name, number) for name, number in wanted.members if numbers.get(name, number) != number]
            if moved:
                name, number = moved[0]
                self._refuse(table, f"{name} is {numbers[name]} and cannot become {number}", column)
                return there
            missing = [name for name in numbers if name not in dict(wanted.members)]
            kept = tuple((name, numbers[name]) for name in missing)
        else:
            known = {number for _, number in wanted.members}
            kept = tuple((name, number) for name, number in there.members if number not in known)
        if kept and self._exactly:
            names = ", ".join(name for name, _ in kept)
            self._refuse(table, f"{names} cannot be taken away: rows may hold it", column)
        return Enumeration(there.name, (*wanted.members, *_free(kept, wanted)))

    def _targets(self, table: Table, there: Column, wanted: Column) -> tuple[str, ...]:
        further = tuple(target for target in wanted.targets if target not in there.targets)
        if further and not there.is_polymorphic:
            reason = f"the lookup points to {there.targets[0]} alone and cannot point to {', '.join(further)} as well"
            self._refuse(table, reason, there)
            return there.targets
        return (*there.targets, *further)

    def _refuse(self, table: Table, reason: str, column: Column | None = None) -> None:
        place = table.name if column is None else f"{table.name}.{column.name}"
        self._conflicts.append(Conflict(table.name, f"{place}: {reason}"))

    def _references(self) -> Iterator[AddReference]:
        """The foreign keys that are not there yet: of new columns, and of old ones whose target is new."""
        after: Mapping[str, Table] = {**self._present.by_name, **self._tables}
        for table in after.values():
            before = self._present.by_name.get(table.name)
            for column in table.columns:
                if not has_foreign_key(column) or column.targets[0] not in after:
                    continue
                is_old = before is not None and column.name in before.by_name
                if not is_old or column.targets[0] not in self._present.by_name:
                    yield AddReference(table, column, after[column.targets[0]])


def _free(kept: Iterable[tuple[str, int]], wanted: Enumeration) -> Iterator[tuple[str, int]]:
    """Members that stay, under names that the new ones have not taken."""
    taken = {name for name, _ in wanted.members}
    for name, number in kept:
        yield (name if name not in taken else f"{name} ({number})"), number


def _key_names(there: Table, wanted: Table, keys: tuple[tuple[str, ...], ...]) -> tuple[str, ...]:
    """Names of all keys of the merged table; empty names stand for generated ones."""
    named = dict(zip(wanted.alternate_keys, wanted.key_names, strict=False))
    names = [*there.key_names, *[""] * (len(there.alternate_keys) - len(there.key_names))]
    names += [named.get(key, "") for key in keys]
    return tuple(names) if any(names) else ()


_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def _unstorable(table: Table) -> Iterator[str]:
    """What the database could not be made to hold, or the services to show."""
    for name in (table.name, table.entity_set, *(column.name for column in table.columns)):
        if not _NAME.fullmatch(name):
            yield f"{table.name}: {name!r} is no name: letters, digits and underscores, not a digit first"
        elif len(name) > MAX_IDENTIFIER_BYTES:
            yield f"{table.name}: the name {name} is longer than {MAX_IDENTIFIER_BYTES} characters"
    seen: set[str] = set()
    for column in table.columns:
        if column.name.casefold() in seen:
            yield f"{table.name}.{column.name}: there are two columns of that name"
        seen.add(column.name.casefold())
        if column.is_polymorphic and len(target_entry(column.name)) > MAX_IDENTIFIER_BYTES:
            yield f"{table.name}.{column.name}: the name of a lookup to several tables is too long"
        if column.type is ColumnType.LOOKUP and not column.targets and table.side is Side.DATAVERSE:
            yield f"{table.name}.{column.name}: a lookup points to a table"
        if column.type is ColumnType.ENUM and (column.enumeration is None or not column.enumeration.members):
            yield f"{table.name}.{column.name}: an enum has members"
