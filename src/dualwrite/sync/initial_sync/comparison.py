"""What the source's rows become, compared with the rows that the target has: equal rows are not written."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from dualwrite.environments.bulk import ID, ROW
from dualwrite.maps.plan import DirectionPlan
from dualwrite.maps.values import SyncDirection
from dualwrite.metadata.values import TARGET_SUFFIX, target_entry
from dualwrite.sync.initial_sync.filling import OPEN
from dualwrite.sync.initial_sync.partners import HELD

_CHANGED: Final = "@changed"
_SETTLED: Final = "@settled"


@dataclass(frozen=True, slots=True)
class Changes:
    """``frames`` has ``@row``, ``@id`` and the columns to be written, of the rows that differ, each in one of them.

    ``settled`` are the positions of rows that differ in a column mapped both ways.
    """

    frames: list[pl.DataFrame]
    settled: Sequence[int]


def compare(frame: pl.DataFrame, partners: pl.DataFrame, *, route: DirectionPlan, without: Collection[str]) -> Changes:
    """``frame`` has ``@row`` and the target's values, ``partners`` what is there (``partners.Partners.present``).

    Columns ``without`` are not compared, nor are lookups that are left open.
    """
    columns = [name for name in frame.columns if _is_written(route, name) and name not in without]
    joined = frame.join(partners, on=ROW, how="inner", maintain_order="left")
    differing = joined.select(_differs(joined.schema, name).alias(name) for name in columns)
    joined = joined.with_columns(
        _any(differing, columns, joined.height).alias(_CHANGED),
        _any(differing, settled_columns(route).intersection(columns), joined.height).alias(_SETTLED),
    )
    changed = joined.filter(_CHANGED)
    wanted = [name for name in columns if differing[name].any()]
    frames = [each.select(ROW, ID, *_of_one_kind(route, each, wanted)) for each in _by_open_lookups(changed)]
    return Changes(frames, changed.filter(_SETTLED)[ROW].to_list())


def _any(differing: pl.DataFrame, columns: Collection[str], height: int) -> pl.Series:
    if not columns:
        return pl.repeat(False, height, dtype=pl.Boolean, eager=True)
    return differing.select(pl.any_horizontal(*columns)).to_series()


def settled_columns(route: DirectionPlan) -> frozenset[str]:
    """The target columns that are mapped both ways: where they differ, the master settles it."""
    names = [
        each.target_column
        for each in route.columns
        if each.mapping.sync_direction is SyncDirection.BOTH and not each.mapping.is_constant
    ]
    return frozenset(names).union(map(target_entry, names))


def _is_written(route: DirectionPlan, name: str) -> bool:
    return name.removesuffix(TARGET_SUFFIX) in route.target.by_name


def _differs(schema: pl.Schema, name: str) -> pl.Expr:
    ours, held = schema[name], schema.get(HELD + name)
    if held is None:
        return pl.lit(True)
    differs = unequal(name, ours, held)
    left_open = OPEN + name.removesuffix(TARGET_SUFFIX)
    return differs & ~pl.col(left_open) if left_open in schema else differs


def unequal(name: str, ours: pl.DataType, held: pl.DataType) -> pl.Expr:
    """Whether the column ``name`` holds something else than the column ``held:name``; these are their dtypes."""
    left, right = pl.col(name), pl.col(HELD + name)
    if ours == held:
        return left.ne_missing(right)
    if isinstance(ours, pl.Decimal) and isinstance(held, pl.Decimal):
        wider = ours if (ours.scale or 0) > (held.scale or 0) else held
        return left.cast(wider).ne_missing(right.cast(wider))
    return left.ne_missing(right.cast(ours))


def _by_open_lookups(frame: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """The rows that are written with the same columns; lookups that are left open are not among them."""
    flags = [name for name in frame.columns if name.startswith(OPEN)]
    for part in frame.partition_by(flags, maintain_order=True) if flags and frame.height else [frame]:
        if part.height:
            yield part.drop([each.removeprefix(OPEN) for each in flags if part[each][0]])


def _of_one_kind(route: DirectionPlan, frame: pl.DataFrame, wanted: Sequence[str]) -> list[str]:
    """``wanted`` as far as the frame has them; a lookup and the entry that tells its table go together."""
    names: dict[str, None] = {}
    for name in wanted:
        column = name.removesuffix(TARGET_SUFFIX)
        for each in (column, target_entry(column)):
            if column in frame.columns and each in frame.columns:
                names[each] = None
    return list(names)
