"""When the two halves of a record agree in a column although copying would write another value.

The same rule as ``maps.equality``, by which people compare the two sides: the spellings of nothing are one (no
number and zero, no text and an empty one), keys of what a lookup leads to are the same in whatever case, and a column
mapped both ways agrees when the way back would write nothing new. What agrees is not written: a run over sides in step
changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from dualwrite.errors import ValueRefused
from dualwrite.filters.frame import folded_text
from dualwrite.maps.columnar.frames import MOMENT
from dualwrite.maps.columnar.kernels import REFUSED, VALUE, converted
from dualwrite.maps.conversion import Conversion
from dualwrite.maps.equality import agrees
from dualwrite.maps.plan import ColumnPlan, DirectionPlan
from dualwrite.maps.values import SyncDirection
from dualwrite.metadata.empty import EMPTY_DATE, EMPTY_DATETIME
from dualwrite.metadata.values import Row, Value
from dualwrite.sync.initial_sync.job import PartitionJob


@dataclass(frozen=True, slots=True)
class Return:
    """The way back of a target column: to which column of the source, and what it becomes there."""

    source_column: str
    conversion: Conversion


def returns(job: PartitionJob) -> Mapping[str, Return]:
    """The ways back of the target's columns that are mapped both ways and lead behind no lookup."""
    other = job.plan.to_finops if job.route is job.plan.to_dataverse else job.plan.to_dataverse
    back = {} if other is None else {each.target_column: each for each in other.columns if _is_plain(each)}
    found: dict[str, Return] = {}
    for each in job.route.columns:
        if not _is_plain(each) or each.mapping.sync_direction is not SyncDirection.BOTH or each.source_path is None:
            continue
        again = back.get(each.source_path[0])
        if again is not None and again.conversion is not None and again.source_path == (each.target_column,):
            found[each.target_column] = Return(each.source_path[0], again.conversion)
    return found


def keys_of_others(route: DirectionPlan) -> frozenset[str]:
    """The target's columns that are filled from behind lookups: they tell rows, as look-ups find them."""
    return frozenset(each.target_column for each in route.columns if each.followed)


def _is_plain(column: ColumnPlan) -> bool:
    return column.conversion is not None and not column.followed and not column.alternatives


# --- frames ---------------------------------------------------------------------------------------------------------


def same(
    left: pl.Expr, right: pl.Expr, dtypes: tuple[pl.DataType, pl.DataType], *, ignore_case: bool = False
) -> pl.Expr:
    """Whether two values of one column are the same, nothing and its spellings taken for equal."""
    decimals = [each for each in dtypes if isinstance(each, pl.Decimal)]
    wider = max(decimals, key=lambda each: each.scale or 0) if decimals else dtypes[0]
    if ignore_case and wider == pl.String:
        left, right = folded_text(left.cast(wider)), folded_text(right.cast(wider))
    return _something(left.cast(wider), wider).eq_missing(_something(right.cast(wider), wider))


def same_on_return(each: Return, held: pl.Expr, source: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Whether the way back would write nothing new into the source."""
    back = converted(each.conversion, held)
    value = back.struct.field(VALUE).cast(dtype)
    return ~back.struct.field(REFUSED) & same(value, source, (dtype, dtype))


def _something(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Null for nothing."""
    if dtype == pl.String:
        return pl.when(column != "").then(column)
    if dtype == pl.Date:
        return pl.when(column != pl.lit(EMPTY_DATE)).then(column)
    if dtype == MOMENT:
        noon = datetime.combine(EMPTY_DATE, EMPTY_DATETIME.time().replace(hour=12), EMPTY_DATETIME.tzinfo)
        return pl.when((column != pl.lit(EMPTY_DATETIME)) & (column != pl.lit(noon))).then(column)
    return pl.when(column != 0).then(column) if dtype.is_numeric() else column


# --- single rows ----------------------------------------------------------------------------------------------------


def without_agreeing(
    route: DirectionPlan, ways_back: Mapping[str, Return], row: Row, *, values: Mapping[str, Value], held: Row
) -> tuple[ColumnPlan, ...]:
    """The columns of ``route`` in which the halves do not agree, or in which they are not compared here (lookups).

    ``values`` is what the source's ``row`` becomes, ``held`` the target's row.
    """
    return tuple(
        each
        for each in route.columns
        if each.target_column not in values
        or each.target_column not in held
        or not _agree(
            each, ways_back.get(each.target_column), row, (values[each.target_column], held[each.target_column])
        )
    )


def _agree(column: ColumnPlan, back: Return | None, row: Row, both: tuple[Value, Value]) -> bool:
    value, held = both
    if agrees(value, held, ignore_case=bool(column.followed)):
        return True
    if back is None:
        return False
    try:
        return agrees(back.conversion.convert(held), row.get(back.source_column))
    except ValueRefused:
        return False
