"""Rows as the wire spells them, and back, by the type of each column.

Finance and operations knows no null: text is empty, numbers are 0, an unset date is 1900-01-01. Days travel as noon in
UTC and are never converted; enums travel as the names of their members.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from decimal import Context, Decimal
from functools import lru_cache
from typing import assert_never
from uuid import UUID

from dualwrite.environments.port import RecordKey
from dualwrite.errors import ValueProblem, ValueRefused
from dualwrite.filters.tree import EnumLiteral
from dualwrite.metadata.empty import EMPTY_DATE, EMPTY_DATETIME, empty_value
from dualwrite.metadata.schema import Column, ColumnType, Table
from dualwrite.metadata.values import Row, Value
from dualwrite.servers.odata.json_body import JsonObject, JsonValue
from dualwrite.servers.odata.literals import ParameterAlias, UrlLiteral, read_moment, write_literal
from dualwrite.servers.odata.path import KeyPredicate
from dualwrite.servers.odata.refusals import MalformedRequest

RECORD_VERSION = "RecVersion"
RECORD_ID = "RecId"
COMPANY = "dataAreaId"

JsonScalar = bool | int | Decimal | str | None

_WIDE = Context(prec=100)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_ETAG = re.compile(r'(?:W/)?"([^"]*)"')


# --- one value ------------------------------------------------------------------------------------------------------


def _plain(empty: JsonScalar) -> Callable[[Value], JsonScalar]:
    def write(value: Value) -> JsonScalar:
        return empty if value is None else value  # type: ignore[return-value]

    return write


def _write_decimal(value: Value) -> JsonScalar:
    return 0 if not isinstance(value, Decimal) else _WIDE.normalize(value)


def _write_day(value: Value) -> JsonScalar:
    return f"{(value if isinstance(value, date) else EMPTY_DATE).isoformat()}T12:00:00Z"


def _write_moment(value: Value) -> JsonScalar:
    moment = value if isinstance(value, datetime) else EMPTY_DATETIME
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def _write_guid(value: Value) -> JsonScalar:
    return str(value if isinstance(value, UUID) else UUID(int=0))


def _writer(column: Column) -> Callable[[Value], JsonScalar]:
    match column.type:
        case ColumnType.STRING | ColumnType.MEMO | ColumnType.ENUM:
            return _plain("")
        case ColumnType.INTEGER | ColumnType.BIGINT | ColumnType.CHOICE:
            return _plain(0)
        case ColumnType.BOOLEAN:
            return _plain(False)
        case ColumnType.DECIMAL | ColumnType.MONEY:
            return _write_decimal
        case ColumnType.DATE:
            return _write_day
        case ColumnType.DATETIME:
            return _write_moment
        case ColumnType.GUID | ColumnType.LOOKUP:
            return _write_guid
        case _:
            assert_never(column.type)


class _NotThatType(Exception):
    """The JSON value is not what the column takes; the text names what would be."""


def _read_text(value: JsonValue) -> Value:
    if not isinstance(value, str):
        raise _NotThatType("text")
    return value


def _read_integer(value: JsonValue) -> Value:
    if isinstance(value, Decimal) and value == value.to_integral_value(context=_WIDE):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise _NotThatType("a whole number")
    return value


def _read_decimal(value: JsonValue) -> Value:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise _NotThatType("a number")
    return Decimal(value)


def _read_boolean(value: JsonValue) -> Value:
    if not isinstance(value, bool):
        raise _NotThatType("true or false")
    return value


def _read_day(value: JsonValue) -> Value:
    """The day as it is written: whatever hour and offset follow, it is not converted."""
    moment = _moment(value)
    assert isinstance(value, str)
    return date.fromisoformat(value[:10]) if isinstance(moment, datetime) else moment


def _read_moment(value: JsonValue) -> Value:
    moment = _moment(value)
    return moment if isinstance(moment, datetime) else datetime(moment.year, moment.month, moment.day, tzinfo=UTC)


def _moment(value: JsonValue) -> date | datetime:
    if not isinstance(value, str):
        raise _NotThatType("a date such as 2024-01-31T12:00:00Z")
    try:
        return read_moment(value)
    except MalformedRequest as error:
        raise _NotThatType("a date such as 2024-01-31T12:00:00Z") from error


def _read_guid(value: JsonValue) -> Value:
    if isinstance(value, str) and len(value) == 36:
        try:
            return UUID(value)
        except ValueError:
            pass
    raise _NotThatType("a GUID")


def _enum_reader(column: Column) -> Callable[[JsonValue], Value]:
    enumeration = column.enumeration
    assert enumeration is not None
    members = {name.casefold(): name for name, _ in enumeration.members}
    shown = ", ".join(name for name, _ in enumeration.members[:12])

    def read(value: JsonValue) -> Value:
        member = members.get(value.casefold()) if isinstance(value, str) else None
        if member is None:
            raise _NotThatType(f"a member of {enumeration.name} ({shown})")
        return member

    return read


def _reader(column: Column) -> Callable[[JsonValue], Value]:
    match column.type:
        case ColumnType.STRING | ColumnType.MEMO:
            return _read_text
        case ColumnType.ENUM:
            return _enum_reader(column) if column.enumeration is not None else _read_text
        case ColumnType.INTEGER | ColumnType.BIGINT | ColumnType.CHOICE:
            return _read_integer
        case ColumnType.DECIMAL | ColumnType.MONEY:
            return _read_decimal
        case ColumnType.BOOLEAN:
            return _read_boolean
        case ColumnType.DATE:
            return _read_day
        case ColumnType.DATETIME:
            return _read_moment
        case ColumnType.GUID | ColumnType.LOOKUP:
            return _read_guid
        case _:
            assert_never(column.type)


# --- one row --------------------------------------------------------------------------------------------------------


class EntityWire:
    """The converters of one table, worked out once."""

    def __init__(self, table: Table, *, qualified_type: str, namespace: str) -> None:
        self.table = table
        self._type = qualified_type
        self._namespace = namespace
        self._readers = {column.name: _reader(column) for column in table.columns}
        self._empties = {column.name: empty_value(column) for column in table.columns}
        self._writers = {column.name: _writer(column) for column in table.columns}
        self._all = tuple(self._writers.items())
        self._selected = lru_cache(maxsize=256)(self._select)

    # out

    def write(self, row: Row, select: tuple[str, ...] | None = None) -> dict[str, object]:
        """The members of a JSON row: the etag, then the columns."""
        body: dict[str, object] = {"@odata.etag": etag(row)}
        for name, write in self._all if select is None else self._selected(select):
            body[name] = write(row.get(name))
        return body

    def _select(self, names: tuple[str, ...]) -> tuple[tuple[str, Callable[[Value], JsonScalar]], ...]:
        return tuple((name, self._writers[name]) for name in names)

    def check_names(self, names: Iterable[str]) -> None:
        """Nothing, when every name is a property. Raises: MalformedRequest."""
        for name in names:
            if name not in self._writers:
                raise MalformedRequest(f"Could not find a property named '{name[:128]}' on type '{self._type}'.")

    def key_text(self, row: Row) -> str:
        """The key predicate of ``row`` for links, percent-encoded."""
        return ",".join(
            f"{name}={self._key_literal(self.table.column(name), row.get(name))}" for name in self.table.key
        )

    def _key_literal(self, column: Column, value: Value) -> str:
        if column.enumeration is not None:
            return f"{self._namespace}.{column.enumeration.name}{write_literal(value)}"
        return write_literal(value)

    # in

    def new_values(self, body: JsonObject) -> dict[str, Value]:
        """The values of a POST body; null means that the column was not given. Raises: ValueRefused."""
        return {name: value for name, value in self._values(body) if value is not None}

    def changed_values(self, body: JsonObject) -> dict[str, Value]:
        """The values of a PATCH body; null means the empty value. Raises: ValueRefused."""
        return {name: self._empties[name] if value is None else value for name, value in self._values(body)}

    def _values(self, body: JsonObject) -> Iterable[tuple[str, Value]]:
        readers = self._readers
        for name, given in body.items():
            reader = readers.get(name)
            if reader is None:
                if "@" in name:
                    continue
                raise self._refusal(name, ValueProblem.UNKNOWN_COLUMN, self._unknown(name))
            try:
                value = None if given is None else reader(given)
            except _NotThatType as error:
                reason = f"The property '{name}' takes {error}, not {_shown(given)}."
                raise self._refusal(name, ValueProblem.WRONG_TYPE, reason) from error
            if name == self.table.company_column and isinstance(value, str):
                value = value.lower()
            yield name, value

    def _unknown(self, name: str) -> str:
        return (
            f"The property '{name[:128]}' does not exist on type '{self._type}'. "
            "Make sure to only use property names that are defined by the type."
        )

    def _refusal(self, name: str, problem: ValueProblem, reason: str) -> ValueRefused:
        return ValueRefused(reason, problem=problem, table=self.table.name, column=name)

    def without_key(self, values: dict[str, Value], key: RecordKey) -> dict[str, Value]:
        """``values`` without the key columns that repeat ``key``. Raises: ValueRefused, where one differs from it."""
        for name, kept in key.parts:
            if name in values and _folded(values.pop(name)) != _folded(kept):
                reason = f"The property '{name}' is part of the key and cannot be changed."
                raise self._refusal(name, ValueProblem.READ_ONLY, reason)
        return values

    def key(self, predicate: KeyPredicate) -> RecordKey:
        """The primary key that stands in an address. Raises: MalformedRequest."""
        names = self.table.key
        if predicate.is_positional and len(names) == 1:
            given = {names[0]: predicate.parts[0][1]}
        else:
            given = dict(predicate.parts)
        if set(given) != set(names):
            raise MalformedRequest(
                f"The key of '{self.table.entity_set}' is made of {', '.join(names)}; name each of them."
            )
        return RecordKey(tuple((name, self._key_value(name, given[name])) for name in names))

    def _key_value(self, name: str, literal: UrlLiteral) -> Value:
        column = self.table.by_name[name]
        given: JsonValue
        match literal:
            case EnumLiteral() if column.type is ColumnType.ENUM:
                given = literal.member
            case datetime() | date() | UUID():
                given = literal.isoformat() if isinstance(literal, date) else str(literal)
            case EnumLiteral() | ParameterAlias() | None:
                raise self._bad_key(name)
            case _:
                given = literal
        if column.type.is_text is not isinstance(literal, str) and column.type is not ColumnType.ENUM:
            raise self._bad_key(name)
        try:
            value = self._readers[name](given)
        except _NotThatType as error:
            raise self._bad_key(name) from error
        return value.lower() if name == self.table.company_column and isinstance(value, str) else value

    def _bad_key(self, name: str) -> MalformedRequest:
        return MalformedRequest(f"The key value of '{name}' is not of the type of that property.")


def _folded(value: object) -> object:
    return value.casefold() if isinstance(value, str) else value


def _shown(value: JsonValue) -> str:
    if isinstance(value, dict | list):
        return "a structure"
    text = str(value).lower() if isinstance(value, bool) else repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


# --- versions -------------------------------------------------------------------------------------------------------


def etag(row: Row) -> str:
    """The etag of a row: base64 of its version and record id between apostrophes."""
    text = f"'{row.get(RECORD_VERSION)},{row.get(RECORD_ID)}'"
    return f'W/"{b64encode(text.encode()).decode()}"'


def etags(header: str) -> frozenset[str]:
    """The version and record id pairs that an ``If-Match`` or ``If-None-Match`` header names, as ``'1,5637144576'``."""
    found: set[str] = set()
    for token in _ETAG.findall(header):
        try:
            found.add(b64decode(token, validate=True).decode("ascii"))
        except ValueError:
            continue
    return frozenset(found)


def names_row(header: str, row: Row) -> bool:
    """Whether an ``If-Match`` or ``If-None-Match`` header names the version that ``row`` has."""
    return header.strip() == "*" or f"'{row.get(RECORD_VERSION)},{row.get(RECORD_ID)}'" in etags(header)
