"""What an error says of a row, read back and compared with the row as it is now. Pure.

An error shows a row to people: what JSON has no type for is text, and empty values are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Final
from uuid import UUID

from dualwrite.metadata.schema import Column, ColumnType, Table
from dualwrite.metadata.values import Row, Value
from dualwrite.store.sync_errors import JsonValue

_READERS: Final[Mapping[ColumnType, Callable[[str], Value]]] = {
    ColumnType.DECIMAL: Decimal,
    ColumnType.MONEY: Decimal,
    ColumnType.INTEGER: int,
    ColumnType.BIGINT: int,
    ColumnType.CHOICE: int,
    ColumnType.DATE: date.fromisoformat,
    ColumnType.DATETIME: datetime.fromisoformat,
    ColumnType.GUID: UUID,
    ColumnType.LOOKUP: UUID,
}
"""How texts become values; texts and members of enums are what they are, and JSON has yes and no itself."""


def value_of(column: Column | None, held: JsonValue) -> Value:
    """The value that ``held`` shows; a text that does not fit the column stays a text."""
    reader = None if column is None else _READERS.get(column.type)
    if reader is None or isinstance(held, bool) or held is None:
        return held
    try:
        return reader(str(held))
    except (ValueError, InvalidOperation):
        return held


def row_of(table: Table, shown: Mapping[str, JsonValue]) -> dict[str, Value]:
    """The row that ``shown`` shows."""
    return {name: value_of(table.find(name), held) for name, held in shown.items()}


def unchanged(table: Table, shown: Mapping[str, JsonValue], now: Row, columns: Collection[str]) -> frozenset[str]:
    """Those of ``columns`` in which the row has now the value that is shown; what is not shown was empty."""
    return frozenset(
        name for name in columns if _filled(value_of(table.find(name), shown.get(name))) == _filled(now.get(name))
    )


def _filled(value: Value) -> Value:
    return None if value == "" else value
