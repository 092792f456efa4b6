"""Definitions of tables in YAML, as users write them: new tables of either side, and columns for tables there are.

A file holds one table, or several as documents divided by ``---``. A column is one line, its type first::

    side: finops
    name: FleetVehicleEntity
    company_specific: true
    key: [VehicleId]
    columns:
      VehicleId: {type: string, length: 20, required: true}
      Mileage: int
      Fuel: {type: enum, options: [Petrol, Diesel, Electric]}
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePath
from typing import NoReturn

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from dualwrite.errors import CatalogRefused
from dualwrite.metadata.conventions import (
    COMPANY_TABLE,
    FIRST_OWN_CHOICE,
    company_column,
    id_column,
    plural,
    standard_columns,
)
from dualwrite.metadata.document import own_enumeration
from dualwrite.metadata.schema import Column, ColumnType, Enumeration, EnvironmentSchema, Side, Table

COMPANY = "dataAreaId"
NO_YES = Enumeration("NoYes", (("No", 0), ("Yes", 1)))
_TYPES: Mapping[str, ColumnType] = {
    **{member.value: member for member in ColumnType},
    "choice": ColumnType.CHOICE,
    "boolean": ColumnType.BOOLEAN,
    "integer": ColumnType.INTEGER,
}
_SHORT = re.compile(r"(\w+)(?:\((\d+)\))?")
_PREFIXED = re.compile(r"[a-z][a-z0-9]{1,7}_[a-z][a-z0-9_]*")
_TABLE_KEYS = frozenset(
    {"side", "name", "entity_set", "label", "company_specific", "key", "keys", "primary_name", "columns", "owned"}
)
_COLUMN_KEYS = frozenset({"type", "length", "scale", "required", "label", "options", "enum", "to"})
_LENGTHS: Mapping[ColumnType, int] = {ColumnType.STRING: 100, ColumnType.MEMO: 2000}
_FLAGS: Mapping[str, bool] = {"true": True, "yes": True, "false": False, "no": False}
_OWN_TO: Mapping[Side, frozenset[ColumnType]] = {
    Side.FINOPS: frozenset({ColumnType.CHOICE, ColumnType.LOOKUP}),
    Side.DATAVERSE: frozenset({ColumnType.ENUM}),
}
"""The types that only the other side has."""


def read_tables(
    text: str,
    schemas: Mapping[Side, EnvironmentSchema],
    *,
    side: Side | None = None,
    file: str | PurePath = "tables.yaml",
) -> list[Table]:
    """The tables that ``text`` defines; one that ``schemas`` have already comes with its columns and the new ones.

    ``side`` holds for tables that name none. Raises: CatalogRefused, naming file, line and reason.
    """
    try:
        nodes = [node for node in yaml.compose_all(text, Loader=yaml.SafeLoader) if node is not None]
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise CatalogRefused(f"{file}:{line}: {error.problem or error}") from error
    except yaml.YAMLError as error:
        raise CatalogRefused(f"{file}: {error}") from error
    if not nodes:
        raise CatalogRefused(f"{file}:1: the file defines no table")
    return [_TableReader(str(file), node, schemas, side).table() for node in nodes]


class _TableReader:
    """Reads one document."""

    def __init__(self, file: str, node: Node, schemas: Mapping[Side, EnvironmentSchema], side: Side | None) -> None:
        self._file = file
        self._root = node
        self._entries = self._mapping(node, _TABLE_KEYS, "a table")
        self.side = self._side(side)
        self._schema = schemas[self.side]
        self._enums = {
            column.enumeration.name.casefold(): column.enumeration
            for table in self._schema
            for column in table.columns
            if column.enumeration is not None
        }

    def table(self) -> Table:
        name = self._text(self._required("name"))
        there = self._schema.by_name.get(name)
        columns = self._columns(name, there)
        if there is not None:
            return self._extended(there, columns)
        return self._finops(name, columns) if self.side is Side.FINOPS else self._dataverse(name, columns)

    def _side(self, given: Side | None) -> Side:
        node = self._entries.get("side")
        if node is None:
            if given is None:
                self._refuse(self._root, "which side? Write side: finops or side: dataverse, or give --side")
            return given
        stated = next((each for each in Side if each.value == self._text(node)), None)
        if stated is None:
            self._refuse(node, "the side is finops or dataverse")
        if given not in (None, stated):
            self._refuse(node, f"the table is on the side {stated.value}, --side says {given.value if given else ''}")
        return stated

    def _extended(self, there: Table, columns: tuple[Column, ...]) -> Table:
        """The table that is there, with more columns and keys, and those again that the file names."""
        self._check_same(there)
        renewed = {column.name: column for column in columns}
        kept = tuple(renewed.pop(column.name, column) for column in there.columns)
        label = self._optional("label") or there.label
        merged = replace(there, label=label, columns=(*kept, *renewed.values()))
        keys = tuple(key for key in self._keys(merged.by_name) if key not in there.alternate_keys)
        company = there.company_column
        if self.side is Side.DATAVERSE:
            company = company or company_column(merged.columns)
        return replace(merged, alternate_keys=(*there.alternate_keys, *keys), company_column=company)

    def _check_same(self, there: Table) -> None:
        """What makes a table that table is as it is there. Raises: CatalogRefused."""
        key = self._entries.get("key")
        if key is not None and self._names(key, there.by_name) != tuple(c for c in there.key if c != COMPANY):
            self._refuse(key, f"{there.name} exists with the key {', '.join(there.key)}, which stays")
        if "company_specific" in self._entries and self._flag("company_specific") is not there.is_company_specific:
            stays = "company-specific" if there.is_company_specific else "global"
            self._refuse(self._entries["company_specific"], f"{there.name} exists and is {stays}, which stays")
        for entry, held in (("entity_set", there.entity_set), ("primary_name", there.primary_name)):
            if entry in self._entries and self._optional(entry) != held:
                self._refuse(self._entries[entry], f"{there.name} exists, its {entry} is {held}, which stays")

    def _finops(self, name: str, columns: tuple[Column, ...]) -> Table:
        specific = self._flag("company_specific")
        if specific:
            columns = (Column(COMPANY, ColumnType.STRING, length=4, required=True, label="Company"), *columns)
        known = {column.name: column for column in columns}
        node = self._required("key")
        key = self._names(node, known)
        if specific:
            key = (COMPANY, *(each for each in key if each != COMPANY))
        for column in key:
            if known[column].type is ColumnType.MEMO:
                self._refuse(node, f"{column} is a memo and cannot be part of the key")
        stem = name.removesuffix("Entity")
        return Table(
            side=Side.FINOPS,
            name=name,
            entity_set=self._optional("entity_set") or plural(stem),
            label=self._optional("label") or stem,
            key=key,
            columns=columns,
            company_column=COMPANY if specific else None,
        )

    def _dataverse(self, name: str, columns: tuple[Column, ...]) -> Table:
        if not _PREFIXED.fullmatch(name):
            self._refuse(
                self._entries["name"],
                f"{name} is no name for a Dataverse table: it starts with a publisher's prefix, in lower case "
                "(new_project)",
            )
        if self._flag("company_specific") and company_column(columns) is None:
            prefix = name.partition("_")[0]
            company = Column(f"{prefix}_company", ColumnType.LOOKUP, targets=(COMPANY_TABLE,), label="Company")
            columns = (company, *columns)
        key = id_column(name)
        every = (key, *columns, *standard_columns(name, is_owned=self._flag("owned", default=True)))
        known = {column.name: column for column in every}
        primary = self._primary_name(columns)
        return Table(
            side=Side.DATAVERSE,
            name=name,
            entity_set=self._optional("entity_set") or plural(name),
            label=self._optional("label") or name.partition("_")[2],
            key=(key.name,),
            columns=every,
            alternate_keys=self._keys(known),
            primary_name=primary,
            company_column=company_column(columns),
        )

    def _primary_name(self, columns: tuple[Column, ...]) -> str | None:
        node = self._entries.get("primary_name")
        if node is None:
            return next((column.name for column in columns if column.type is ColumnType.STRING), None)
        name = self._text(node)
        if not any(column.name == name and column.type is ColumnType.STRING for column in columns):
            self._refuse(node, f"the primary name {name!r} is none of the columns of type string")
        return name

    def _keys(self, known: Mapping[str, Column]) -> tuple[tuple[str, ...], ...]:
        node = self._entries.get("keys")
        if node is None:
            return ()
        if self.side is Side.FINOPS:
            self._refuse(node, "a finance and operations entity has one key: write key: [...]")
        if not isinstance(node, SequenceNode):
            self._refuse(node, "keys are a list of lists: [[new_number, new_company]]")
        return tuple(self._names(each, known) for each in node.value)

    def _names(self, node: Node, known: Mapping[str, Column]) -> tuple[str, ...]:
        if not isinstance(node, SequenceNode) or not node.value:
            self._refuse(node, "a key is a list of columns: [new_number, new_company]")
        names = tuple(self._text(each) for each in node.value)
        for each, name in zip(node.value, names, strict=True):
            if name not in known and name != COMPANY:
                self._refuse(each, f"the key column {name} is none of the columns")
        return names

    # --- columns ----------------------------------------------------------------------------------------------------

    def _columns(self, table: str, there: Table | None) -> tuple[Column, ...]:
        if "columns" not in self._entries and there is not None:
            return ()
        node = self._required("columns")
        if not isinstance(node, MappingNode):
            self._refuse(node, "columns are lines of a name and a type: Name: string(60)")
        found: dict[str, Column] = {}
        for name_node, value in node.value:
            name = self._text(name_node)
            if name.casefold() in found:
                self._refuse(name_node, f"the column {name} is there twice")
            is_new = there is None or name not in there.by_name
            if self.side is Side.DATAVERSE and is_new and not _PREFIXED.fullmatch(name):
                self._refuse(
                    name_node, f"{name} is no name for a column: it starts with a publisher's prefix (new_name)"
                )
            found[name.casefold()] = self._column(table, name, value)
        return tuple(found.values())

    def _column(self, table: str, name: str, node: Node) -> Column:
        if isinstance(node, ScalarNode):
            match = _SHORT.fullmatch(node.value)
            if match is None:
                self._refuse(node, f"{node.value!r} is no type; one is: string(60)")
            facts: Mapping[str, Node] = {}
            kind, size = match[1], int(match[2]) if match[2] else None
        else:
            facts = self._mapping(node, _COLUMN_KEYS, "a column")
            if "type" not in facts:
                self._refuse(node, f"{name}: the type is missing")
            kind, size = self._text(facts["type"]), None
        if kind == "noyes" and self.side is Side.FINOPS:
            return Column(name, ColumnType.ENUM, enumeration=NO_YES, label=self._label(facts))
        column_type = _TYPES.get(kind)
        if column_type is None or column_type in _OWN_TO[self.side]:
            own = sorted({n for n, t in _TYPES.items() if t not in _OWN_TO[self.side]} | {"noyes"})
            self._refuse(facts.get("type", node), f"{kind!r} is no type of this side; there are {', '.join(own)}")
        return Column(
            name=name,
            type=column_type,
            length=self._length(facts, column_type, size),
            scale=self._number(facts, "scale") if "scale" in facts else _scale(column_type, size),
            required=self._flag("required", facts),
            label=self._label(facts),
            enumeration=self._enumeration(table, name, column_type, facts, node),
            targets=self._targets(column_type, facts, node),
        )

    def _length(self, facts: Mapping[str, Node], column_type: ColumnType, size: int | None) -> int | None:
        if not column_type.is_text:
            return None
        return self._number(facts, "length") if "length" in facts else size or _LENGTHS[column_type]

    def _targets(self, column_type: ColumnType, facts: Mapping[str, Node], node: Node) -> tuple[str, ...]:
        if column_type is not ColumnType.LOOKUP:
            return ()
        if "to" not in facts:
            self._refuse(node, "a lookup tells where to: {type: lookup, to: account}")
        to = facts["to"]
        return tuple(map(self._text, to.value)) if isinstance(to, SequenceNode) else (self._text(to),)

    def _enumeration(
        self, table: str, column: str, column_type: ColumnType, facts: Mapping[str, Node], node: Node
    ) -> Enumeration | None:
        if column_type not in (ColumnType.ENUM, ColumnType.CHOICE):
            return None
        named = self._text(facts["enum"]) if "enum" in facts else None
        options = facts.get("options")
        if options is None:
            known = self._enums.get(named.casefold()) if named else None
            if known is None:
                self._refuse(
                    node, f"{column}: options are missing: {{type: {column_type.value}, options: [Open, Closed]}}"
                )
            return known
        first = 0 if self.side is Side.FINOPS else FIRST_OWN_CHOICE
        members = self._options(options, first)
        # Enums of finance and operations are shared by name; a choice belongs to its column.
        return Enumeration(
            named or (f"{table}{column}" if self.side is Side.FINOPS else own_enumeration(table, column)), members
        )

    def _options(self, node: Node, first: int) -> tuple[tuple[str, int], ...]:
        if isinstance(node, SequenceNode) and node.value:
            return tuple((self._text(each), first + number) for number, each in enumerate(node.value))
        if not isinstance(node, MappingNode) or not node.value:
            self._refuse(node, "options are a list [Open, Closed] or numbers by name {Open: 0, Closed: 1}")
        return tuple((self._text(name), self._integer(value)) for name, value in node.value)

    # --- parts ------------------------------------------------------------------------------------------------------

    def _mapping(self, node: Node, allowed: frozenset[str], what: str) -> dict[str, Node]:
        if not isinstance(node, MappingNode):
            self._refuse(node, f"{what} is written as entries: name: value")
        entries: dict[str, Node] = {}
        for name_node, value in node.value:
            name = self._text(name_node)
            if name not in allowed:
                self._refuse(name_node, f"{what} has no entry {name!r}; there are {', '.join(sorted(allowed))}")
            if name in entries:
                self._refuse(name_node, f"{name} is there twice")
            entries[name] = value
        return entries

    def _required(self, name: str) -> Node:
        if name not in self._entries:
            self._refuse(self._root, f"{name} is missing")
        return self._entries[name]

    def _optional(self, name: str) -> str:
        return self._text(self._entries[name]) if name in self._entries else ""

    def _label(self, facts: Mapping[str, Node]) -> str:
        return self._text(facts["label"]) if "label" in facts else ""

    def _flag(self, name: str, facts: Mapping[str, Node] | None = None, *, default: bool = False) -> bool:
        entries = self._entries if facts is None else facts
        if name not in entries:
            return default
        stated = _FLAGS.get(self._text(entries[name]).lower())
        if stated is None:
            self._refuse(entries[name], f"{name} is true or false")
        return stated

    def _number(self, facts: Mapping[str, Node], name: str) -> int:
        return self._integer(facts[name])

    def _integer(self, node: Node) -> int:
        text = self._text(node)
        if not text.isascii() or not text.lstrip("-").isdigit():
            self._refuse(node, f"{text!r} is no whole number")
        return int(text)

    def _text(self, node: Node) -> str:
        if not isinstance(node, ScalarNode):
            self._refuse(node, "a single value is meant here")
        return str(node.value)

    def _refuse(self, node: Node, reason: str) -> NoReturn:
        raise CatalogRefused(f"{self._file}:{node.start_mark.line + 1}: {reason}", line=node.start_mark.line + 1)


def _scale(column_type: ColumnType, size: int | None) -> int | None:
    """The number in parentheses: decimal places of a number."""
    return size if column_type in (ColumnType.DECIMAL, ColumnType.MONEY) else None
