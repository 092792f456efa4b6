"""Keys and values as typed on a command line: ``usmf,US-001``, ``accountnumber=US-001``, ``CreditLimit=100``."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from uuid import UUID

from dualwrite.errors import RecordRefused
from dualwrite.metadata.schema import Column, ColumnType, Table

_PART = re.compile(
    r"\s*(?:(?P<name>[A-Za-z_@][\w.@]*)\s*=)?\s*"
    r"(?:'(?P<quoted>(?:[^']|'')*)'|(?P<plain>[^,]*))\s*(?P<end>,|\Z)"
)
_ASSIGNMENT = re.compile(r"(?P<name>[^=:]+?)(?P<kind>:?=)(?P<value>.*)", re.DOTALL)
_NUMBERS = frozenset({ColumnType.INTEGER, ColumnType.BIGINT, ColumnType.DECIMAL, ColumnType.MONEY, ColumnType.CHOICE})
_BARE = frozenset({ColumnType.GUID, ColumnType.LOOKUP, ColumnType.DATE, ColumnType.DATETIME})
_TRUE = frozenset({"true", "yes", "1"})
_FALSE = frozenset({"false", "no", "0"})


@dataclass(frozen=True, slots=True)
class TypedKey:
    """A key as typed. ``parts`` have a name, or None where only values were given."""

    text: str
    parts: tuple[tuple[str | None, str], ...]

    @property
    def guid(self) -> UUID | None:
        """The id, where the key is one."""
        if len(self.parts) != 1 or self.parts[0][0] is not None:
            return None
        return parse_guid(self.parts[0][1])


def parse_guid(text: str) -> UUID | None:
    try:
        return UUID(text) if len(text.strip("{}")) == 36 else None
    except ValueError:
        return None


def parse_key(text: str) -> TypedKey:
    """The parts of ``text``, separated by commas; a value with a comma in it stands in single quotes.

    Raises: RecordRefused.
    """
    parts: list[tuple[str | None, str]] = []
    position = 0
    while True:
        found = _PART.match(text, position)
        if found is None:
            raise RecordRefused(f"the key {text!r} cannot be read from character {position + 1} on")
        quoted = found["quoted"]
        value = found["plain"].strip() if quoted is None else quoted.replace("''", "'")
        parts.append((found["name"], value))
        position = found.end()
        if found["end"] != ",":
            return TypedKey(text, tuple(parts))


def key_columns(table: Table, key: TypedKey, columns: Sequence[str]) -> Sequence[tuple[str, str]]:
    """Each part of ``key`` with its name; unnamed ones take the names in ``columns``. Raises: RecordRefused."""
    if all(name is not None for name, _ in key.parts):
        return [(str(name), value) for name, value in key.parts]
    if len(key.parts) != len(columns) or any(name is not None for name, _ in key.parts):
        wanted = ",".join(columns)
        raise RecordRefused(f"{key.text!r} is no key of {table.label}: give {wanted}, or name the parts: column=value")
    return [(column, value) for column, (_, value) in zip(columns, key.parts, strict=True)]


def literal(column: Column, text: str) -> str:
    """``text`` as a literal in an address or a filter. Raises: RecordRefused."""
    if column.type in _NUMBERS:
        return _number(column, text)
    if column.type is ColumnType.BOOLEAN:
        return "true" if _truth(column, text) else "false"
    if column.type in _BARE:
        return text
    return "'" + text.replace("'", "''") + "'"


def parse_assignment(text: str) -> tuple[str, str, bool]:
    """Column, value, and whether the value is JSON (``column:=value``). Raises: RecordRefused."""
    found = _ASSIGNMENT.fullmatch(text)
    if found is None:
        raise RecordRefused(f"{text!r} sets no column: write column=value, or column:=value for a value in JSON")
    return found["name"].strip(), found["value"], found["kind"] == ":="


def json_value(column: Column | None, text: str) -> str:
    """``text`` as a JSON value of ``column``'s type, every digit kept; of an unknown column it is text.

    Raises: RecordRefused.
    """
    if column is None or column.type.is_text or column.type is ColumnType.ENUM:
        return json.dumps(text, ensure_ascii=False)
    if text == "":
        return "null"
    if column.type in _NUMBERS:
        return _number(column, text)
    if column.type is ColumnType.BOOLEAN:
        return "true" if _truth(column, text) else "false"
    return json.dumps(text, ensure_ascii=False)


def finops_value(column: Column | None, text: str) -> str:
    """As :func:`json_value`; a day alone stands for its first moment where the column holds moments."""
    if column is not None and column.type in (ColumnType.DATE, ColumnType.DATETIME) and _is_day(text):
        return json.dumps(f"{text}T12:00:00Z" if column.type is ColumnType.DATE else f"{text}T00:00:00Z")
    return json_value(column, text)


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _number(column: Column, text: str) -> str:
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        raise RecordRefused(f"{column.name}: {text!r} is not a number", column=column.name) from None
    if not number.is_finite():
        raise RecordRefused(f"{column.name}: {text!r} is not a number", column=column.name)
    return format(number, "f")


def _truth(column: Column, text: str) -> bool:
    folded = text.strip().lower()
    if folded not in _TRUE | _FALSE:
        raise RecordRefused(f"{column.name}: {text!r} is neither yes nor no", column=column.name)
    return folded in _TRUE
