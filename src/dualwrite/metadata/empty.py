"""What finance and operations holds where nothing was entered: it has no nulls."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from dualwrite.metadata.schema import Column, ColumnType, Enumeration
from dualwrite.metadata.values import Value

EMPTY_DATE: Final = date(1900, 1, 1)
"""No date; also the first day of the finance and operations calendar."""
LAST_DATE: Final = date(2154, 12, 31)
EMPTY_DATETIME: Final = datetime(1900, 1, 1, tzinfo=UTC)
EMPTY_GUID: Final = UUID(int=0)

_EMPTY: Final[dict[ColumnType, Value]] = {
    ColumnType.STRING: "",
    ColumnType.MEMO: "",
    ColumnType.INTEGER: 0,
    ColumnType.BIGINT: 0,
    ColumnType.CHOICE: 0,
    ColumnType.DECIMAL: Decimal(0),
    ColumnType.MONEY: Decimal(0),
    ColumnType.BOOLEAN: False,
    ColumnType.DATE: EMPTY_DATE,
    ColumnType.DATETIME: EMPTY_DATETIME,
    ColumnType.GUID: EMPTY_GUID,
    ColumnType.LOOKUP: EMPTY_GUID,
}


def empty_value(column: Column) -> Value:
    """The empty value of a finance and operations column."""
    return empty_member(column.enumeration) if column.type is ColumnType.ENUM else _EMPTY[column.type]


def empty_member(enumeration: Enumeration | None) -> str:
    """The member with the number 0; where there is none, the first."""
    if enumeration is None or not enumeration.members:
        return ""
    return enumeration.member(0) or enumeration.members[0][0]
