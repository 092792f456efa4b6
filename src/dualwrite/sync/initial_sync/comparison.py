"""What the source's rows become, compared with the rows that the target has: equal rows are not written."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from dualwrite.environments.bulk import ID, ROW
from dualwrite.maps.plan import DirectionPlan
from dualwrite.maps.values import SyncDirection
from dualwrite.metadata.values import TARGET_SUFFIX, target_entry
from dualwrite.sync.initial_sync.agreement import Return, keys_of_others, same, same_on_return
from dualwrite.sync.initial_sync.filling import OPEN
from dualwrite.sync.initial_sync.partners import HELD


@dataclass(frozen=True, slots=True)
class Changes:
    """``frames`` has ``@row``, ``@id`` and the columns to be written, of the rows that differ, each in one of them.

    ``settled`` are the rows that differ in a column mapped both ways: ``@row``, and for each such column what it would
    become and what it holds (``held:``).
    """

    frames: list[pl.DataFrame]
    settled: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Comparison:
    """How the rows of a route are compared: columns ``without`` are not, nor are lookups that are left open.

    ``ways_back`` None: exactly; otherwise halves that agree (see ``agreement``) do not differ.
    """

    route: DirectionPlan
    ways_back: Mapping[str, Return] | None
    without: Collection[str]

    def changes(self, frame: pl.DataFrame, partners: pl.DataFrame, rows: pl.DataFrame) -> Changes:
        """``frame`` has ``@row`` and the target's values, ``partners`` what is there (``Partners.present``), ``rows``
        are the source's.
        """
        columns = [name for name in frame.columns if _is_written(self.route, name) and name not in self.without]
        joined = frame.join(partners, on=ROW, how="inner", maintain_order="left")
        differing = joined.select(ROW, *(_differs(joined.schema, name).alias(name) for name in columns))
        changed = _any(differing, columns, joined.height)
        if not changed.all():
            joined, differing = joined.filter(changed), differing.filter(changed)
        if self.ways_back is not None:
            joined, differing = self._without_agreeing(joined, differing, rows, self.ways_back)
        changed = _any(differing, columns, joined.height)
        both_ways = [name for name in columns if name in settled_columns(self.route) and differing[name].any()]
        settled = _any(differing, both_ways, joined.height)
        wanted = [name for name in columns if differing[name].any()]
        parts = _by_open_lookups(joined.filter(changed))
        frames = [each.select(ROW, ID, *_of_one_kind(each, wanted)) for each in parts]
        held = [HELD + name for name in both_ways if HELD + name in joined.columns]
        return Changes(frames, joined.select(ROW, *both_ways, *held).filter(settled))

    def _without_agreeing(
        self, joined: pl.DataFrame, differing: pl.DataFrame, rows: pl.DataFrame, ways_back: Mapping[str, Return]
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Cells in which the halves agree do not differ, and stay what they are."""
        names = [name for name in differing.columns[1:] if differing[name].any() and HELD + name in joined.columns]
        if not names:
            return joined, differing
        source = joined.select(ROW).join(rows, on=ROW, how="left", maintain_order="left")
        keys = keys_of_others(self.route)
        agreeing = [_agree(name, joined, source, ways_back.get(name), ignore_case=name in keys) for name in names]
        held = [joined[HELD + each.name].cast(joined[each.name].dtype, strict=False) for each in agreeing]
        kept = [value.zip_with(each, joined[each.name]) for value, each in zip(held, agreeing, strict=True)]
        return (
            joined.with_columns(value.alias(name) for name, value in zip(names, kept, strict=True)),
            differing.with_columns(differing[each.name] & ~each for each in agreeing),
        )


def _agree(
    name: str, joined: pl.DataFrame, source: pl.DataFrame, back: Return | None, *, ignore_case: bool
) -> pl.Series:
    dtypes = joined.schema[name], joined.schema[HELD + name]
    agree = same(pl.col(name), pl.col(HELD + name), dtypes, ignore_case=ignore_case)
    if back is None:
        return joined.select(agree.alias(name)).to_series()
    again = source[back.source_column].alias("source")
    returned = same_on_return(back, pl.col(HELD + name), pl.col("source"), again.dtype)
    both = joined.select(name, HELD + name).with_columns(again)
    return both.select((agree | returned).alias(name)).to_series()


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


def _of_one_kind(frame: pl.DataFrame, wanted: Sequence[str]) -> list[str]:
    """``wanted`` as far as the frame has them; a lookup and the entry that tells its table go together."""
    names: dict[str, None] = {}
    for name in wanted:
        column = name.removesuffix(TARGET_SUFFIX)
        for each in (column, target_entry(column)):
            if column in frame.columns and each in frame.columns:
                names[each] = None
    return list(names)
