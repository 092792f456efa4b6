"""A direction of a map on a frame of source rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import polars as pl

from dualwrite.errors import RecordRefused
from dualwrite.maps.columnar.frames import adopted, dotted, dtype_of, in_frame, rows_of, source_columns
from dualwrite.maps.columnar.kernels import REFUSED, VALUE, constant, converted
from dualwrite.maps.execute import transform
from dualwrite.maps.plan import (
    ColumnPlan,
    DirectionPlan,
    KeyColumn,
    LookupAlternative,
    LookupCondition,
    LookupPlan,
    Path,
    SourceAlternative,
)
from dualwrite.metadata.values import Value, target_entry


@dataclass(frozen=True, slots=True)
class FrameLookup:
    """A lookup column to be filled by natural key.

    ``alternatives`` has a frame for each alternative of ``plan``, in order, and in it a column for each condition, in
    order and named ``0``, ``1`` ...: the value looked for. ``pending`` is false for the rows whose lookup is to be
    empty.
    """

    plan: LookupPlan
    pending: pl.Series
    alternatives: tuple[pl.DataFrame, ...]


@dataclass(frozen=True, slots=True)
class ColumnarResult:
    """What the rows of a frame become; everything has the height and the order of that frame.

    ``values`` has a column for each target column but the lookups; ``key`` has one for each part of ``plan.key``, in
    order and named ``0``, ``1`` ... The dtypes are those of ``frames``. ``refused`` is true for the rows that the row
    executor refuses; whatever else is told of them means nothing. ``created_only`` names the columns of ``values``
    that are written when a row is created.
    """

    values: pl.DataFrame
    lookups: tuple[FrameLookup, ...]
    key: pl.DataFrame
    refused: pl.Series
    created_only: frozenset[str]


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A refused row by its position in the frame."""

    position: int
    refusal: RecordRefused


def transform_frame(plan: DirectionPlan, frame: pl.DataFrame) -> ColumnarResult:
    """Every row of ``frame`` as the row executor transforms it, all columns, constants included.

    ``frame`` holds source rows as ``frames`` tells (``source_schema(plan)`` lists what is read); the plan's filter is
    the caller's. Raises: TypeError for a column of a wrong dtype.
    """
    return _Run(plan, frame).result()


def refusals(
    plan: DirectionPlan, frame: pl.DataFrame, refused: pl.Series, *, label: Callable[[int], str] = lambda _: ""
) -> Iterator[RefusedRow]:
    """Why the rows are refused: the refusals of the row executor, which runs on these rows only.

    ``label`` names the row at a position of ``frame`` in the message.
    """
    positions = refused.arg_true().to_list()
    for position, (row, related) in zip(positions, rows_of(plan, frame.filter(refused)), strict=True):
        try:
            transform(plan, row, related=related, changed=None, label=label(position))
        except RecordRefused as refusal:
            yield RefusedRow(position, refusal)
        else:
            raise RuntimeError(f"{plan.map_name}: the two executors do not agree on {label(position) or row}")


@dataclass(frozen=True, slots=True)
class _Filling:
    """Where a target column comes from: the place of its value, or several with the places of who is chosen."""

    column: ColumnPlan
    places: tuple[int, ...]
    chosen: tuple[int, ...] = ()


class _Run:
    """Every conversion is one expression for ``{value, refused}``, known by its place; all are evaluated together."""

    def __init__(self, plan: DirectionPlan, frame: pl.DataFrame) -> None:
        self._plan = plan
        self._columns = source_columns(plan)
        self._source = adopted(plan, frame)
        self._expressions: list[pl.Expr] = []

    def result(self) -> ColumnarResult:
        fillings = [self._filling(each) for each in self._plan.columns if each.lookup is None]
        lookups = [each.lookup for each in self._plan.columns if each.lookup is not None]
        wanted = [[self._conditions(each) for each in lookup.alternatives] for lookup in lookups]
        key = [self._key(part) for part in self._plan.key]
        evaluated = self._evaluated()
        return ColumnarResult(
            values=pl.DataFrame([self._filled(each, evaluated) for each in fillings]),
            lookups=tuple(
                _lookup(plan, [_frame(places, evaluated) for places in tables])
                for plan, tables in zip(lookups, wanted, strict=True)
            ),
            key=_frame(key, evaluated),
            refused=_any([evaluated[name].struct.field(REFUSED) for name in evaluated.columns[1:]], evaluated.height),
            created_only=frozenset(each.column.target_column for each in fillings if each.column.on_create_only),
        )

    # --- expressions ------------------------------------------------------------------------------------------------

    def _add(self, value: pl.Expr, refused: pl.Expr | None = None) -> int:
        return self._add_struct(_struct(value, pl.lit(False) if refused is None else refused))

    def _add_struct(self, struct: pl.Expr) -> int:
        self._expressions.append(struct)
        return len(self._expressions) - 1

    def _filling(self, column: ColumnPlan) -> _Filling:
        if column.alternatives:
            return self._first_filled(column)
        if column.conversion is None or column.source_path is None:
            value = constant(column.convert(None), self._plan.target.column(column.target_column))
            return _Filling(column, (self._add(value),))
        return _Filling(column, (self._add_struct(converted(column.conversion, pl.col(dotted(column.source_path)))),))

    def _first_filled(self, column: ColumnPlan) -> _Filling:
        before = pl.lit(False)
        chosen: list[int] = []
        places: list[int] = []
        for each in column.alternatives:
            taken = self._is_filled(each) & ~before
            before = before | taken
            # What is not taken is null: it is not converted and so cannot be refused.
            source = pl.when(taken).then(pl.col(dotted(each.path)))
            chosen.append(self._add(taken))
            places.append(self._add_struct(converted(each.conversion, source)))
        return _Filling(column, tuple(places), tuple(chosen))

    def _is_filled(self, alternative: SourceAlternative) -> pl.Expr:
        filled = ~self._is_blank(alternative.path)
        if alternative.table is None:
            return filled
        told = pl.col(target_entry(alternative.path[0]))
        return filled & (told.is_null() | (told == alternative.table))

    def _conditions(self, alternative: LookupAlternative) -> list[int]:
        return [self._condition(each) for each in alternative.conditions]

    def _condition(self, condition: LookupCondition) -> int:
        if condition.source_column is None or condition.conversion is None:
            return self._add(_literal(condition.convert(None)))
        return self._add_struct(converted(condition.conversion, pl.col(condition.source_column)))

    def _key(self, part: KeyColumn) -> int:
        self._add(pl.lit(None), self._is_blank(part.source_path))
        return self._add_struct(converted(part.conversion, pl.col(dotted(part.source_path))))

    def _is_blank(self, path: Path) -> pl.Expr:
        """Whether there is nothing: null, or an empty text."""
        name = dotted(path)
        column = pl.col(name)
        return column.is_null() | (column == "") if dtype_of(self._columns[name]) == pl.String else column.is_null()

    # --- results ----------------------------------------------------------------------------------------------------

    def _evaluated(self) -> pl.DataFrame:
        """The structs by their places; the numbers of the rows in front keep the height where all are constants."""
        named = [each.alias(str(place)) for place, each in enumerate(self._expressions)]
        return self._source.with_row_index("#").select("#", *named)

    def _filled(self, filling: _Filling, evaluated: pl.DataFrame) -> pl.Series:
        name = filling.column.target_column
        values = [_value(place, evaluated) for place in filling.places]
        if not filling.chosen:
            return values[0].alias(name)
        empty = constant(filling.column.convert(None), self._plan.target.column(name))
        result = evaluated.select("#", empty.alias(name))[name]
        for place, value in zip(filling.chosen, values, strict=True):
            result = value.zip_with(_value(place, evaluated), result)
        return result.alias(name)


def _struct(value: pl.Expr, refused: pl.Expr) -> pl.Expr:
    return pl.struct(value.alias(VALUE), refused.alias(REFUSED))


def _literal(value: Value) -> pl.Expr:
    """A constant that a lookup's row has: the value itself tells the dtype."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    return pl.lit(in_frame(value), dtype=pl.Int64 if whole else None)


def _value(place: int, evaluated: pl.DataFrame) -> pl.Series:
    return evaluated[str(place)].struct.field(VALUE)


def _frame(places: list[int], evaluated: pl.DataFrame) -> pl.DataFrame:
    return pl.DataFrame([_value(place, evaluated).alias(str(number)) for number, place in enumerate(places)])


def _any(masks: list[pl.Series], height: int) -> pl.Series:
    found = pl.repeat(False, height, dtype=pl.Boolean, eager=True)
    for mask in masks:
        found = found | mask
    return found.alias(REFUSED)


def _lookup(plan: LookupPlan, alternatives: list[pl.DataFrame]) -> FrameLookup:
    """A lookup is pending where one of the values that come from the row is not empty, or where none does."""
    height = alternatives[0].height
    if not plan.source_columns:
        return FrameLookup(plan, pl.repeat(True, height, dtype=pl.Boolean, eager=True), tuple(alternatives))
    filled: list[pl.Series] = []
    for alternative, frame in zip(plan.alternatives, alternatives, strict=True):
        for condition, wanted in zip(alternative.conditions, frame, strict=True):
            if condition.source_column is not None:
                given = wanted.is_not_null()
                filled.append(given & (wanted != "").fill_null(False) if wanted.dtype == pl.String else given)
    return FrameLookup(plan, _any(filled, height), tuple(alternatives))
