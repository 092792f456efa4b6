"""Comparing the two halves of a record under the map's own rules.

A column mapped both ways agrees when either direction would write nothing new; a one-way column is judged in its
direction only; constants are not compared, since users may change what a new row was given. Natural keys behind
lookups compare without regard to case, as the look-up itself does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

from dualwrite.errors import ValueRefused
from dualwrite.filters.text_case import folded
from dualwrite.maps.end import Converter, is_empty_date
from dualwrite.maps.plan import ColumnPair, Path, Plan, SourceAlternative
from dualwrite.metadata.values import Row, Value, target_entry

_NOTHING: Mapping[Path, Value] = {}


@dataclass(frozen=True, slots=True)
class ColumnDifference:
    """One column in which the halves disagree.

    ``expected`` is what Dataverse would hold after a copy from finance and operations (for a column mapped only back:
    what finance and operations would hold), None also where the value cannot be copied; ``refusal`` then tells why.
    """

    finops_column: str
    dataverse_path: str
    finops_value: Value
    dataverse_value: Value
    expected: Value
    refusal: str = ""


def differs(
    plan: Plan, finops_row: Row, dataverse_row: Row, *, related: Mapping[Path, Value] = _NOTHING
) -> tuple[ColumnDifference, ...]:
    """The columns in which the two rows disagree, in the order of the map; empty when they agree.

    ``related`` holds the Dataverse values behind lookups, by the paths in ``plan.comparison_paths``.
    """
    found = (_difference(pair, finops_row, dataverse_row, related) for pair in plan.pairs)
    return tuple(difference for difference in found if difference is not None)


def _difference(
    pair: ColumnPair, finops_row: Row, dataverse_row: Row, related: Mapping[Path, Value]
) -> ColumnDifference | None:
    left = finops_row.get(pair.finops_column)
    path, right = _dataverse_value(pair, dataverse_row, related)
    expected: Value = None
    refusal = ""
    if pair.forward is not None:
        expected, refusal = _converted(pair.forward, left)
        if not refusal and agrees(expected, right, ignore_case=pair.is_lookup):
            return None
    if pair.back:
        outcome, reason = _backwards(pair.back, dataverse_row, related)
        if not reason and agrees(outcome, left, ignore_case=pair.is_lookup):
            return None
        if pair.forward is None:
            expected, refusal = outcome, reason
    return ColumnDifference(pair.finops_column, ".".join(path), left, right, expected, refusal)


def _dataverse_value(pair: ColumnPair, row: Row, related: Mapping[Path, Value]) -> tuple[Path, Value]:
    for table, path in pair.places:
        value = _value(table, path, row, related)
        if value is not None:
            return path, value
    return pair.places[0][1], None


def _value(table: str | None, path: Path, row: Row, related: Mapping[Path, Value]) -> Value:
    """What is at ``path``; nothing where the row points to another table."""
    if len(path) == 1:
        return row.get(path[0])
    elsewhere = table is not None and row.get(target_entry(path[0])) not in (None, table)
    return None if elsewhere else related.get(path)


def _backwards(places: tuple[SourceAlternative, ...], row: Row, related: Mapping[Path, Value]) -> tuple[Value, str]:
    for each in places:
        value = _value(each.table, each.path, row, related)
        if value is not None and value != "":
            return _converted(each.convert, value)
    return _converted(places[0].convert, None)


def _converted(convert: Converter, value: Value) -> tuple[Value, str]:
    try:
        return convert(value), ""
    except ValueRefused as refusal:
        return None, refusal.message


def agrees(left: Value, right: Value, *, ignore_case: bool = False) -> bool:
    """Whether two values of one side are the same; the spellings of an empty value are."""
    left, right = _plain(left), _plain(right)
    if isinstance(left, date) and isinstance(right, date) and isinstance(left, datetime) != isinstance(right, datetime):
        return _day(left) == _day(right)
    if ignore_case and isinstance(left, str) and isinstance(right, str):
        return folded(left) == folded(right)
    return left == right


def _plain(value: Value) -> Value:
    if value == "" or (isinstance(value, date) and is_empty_date(value)):
        return None
    # Finance and operations has no empty numbers: what was never filled in is zero there.
    if isinstance(value, int | Decimal) and not isinstance(value, bool) and value == 0:
        return None
    return value


def _day(value: date) -> date:
    return value.astimezone(UTC).date() if isinstance(value, datetime) else value
