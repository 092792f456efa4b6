"""A bound expression as a Polars expression over a frame of rows. Says exactly what ``evaluate.matches`` says.

The frame has a column for each column of the table, and ``lookup.column`` for each path that the filter follows (or
what a ``ColumnName`` says); a column it lacks is null everywhere. Dtypes: String for texts, enum members and GUIDs
(lower case, hyphens), Int64 or smaller for whole numbers and choices, Decimal for fractions, Boolean, Date and
Datetime in UTC.

Only what runs on frames imports this module: importing Polars takes longer than most commands do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import ROUND_FLOOR, Context, Decimal
from typing import TypeAlias, assert_never
from uuid import UUID

import polars as pl

from dualwrite.filters.text_case import folded
from dualwrite.filters.tree import (
    Always,
    And,
    ColumnPath,
    Compare,
    Comparison,
    EnumLiteral,
    Expression,
    Literal,
    Not,
    OneOf,
    Or,
    TextMatch,
    TextTest,
)
from dualwrite.metadata.values import Value

ColumnName: TypeAlias = Callable[[ColumnPath], str]
"""The name in the frame of a column or path."""
Dtypes: TypeAlias = Mapping[str, pl.DataType]
"""What ``DataFrame.schema`` tells."""

_EXACT = Context(prec=250)
_WHOLE_BOUNDS = (Decimal(-(2**63)), Decimal(2**63 - 1))
_DIGITS = 38


def dotted(path: ColumnPath) -> str:
    """``primarycontactid.fullname``."""
    return ".".join(path.parts)


def compile_frame(expression: Expression, *, dtypes: Dtypes, column: ColumnName = dotted) -> pl.Expr:
    """A Boolean expression without nulls, true for the rows that match. ``dtypes`` are those of the frame."""
    return _Compilation(dtypes, column).of(expression)


def folded_text(column: pl.Expr) -> pl.Expr:
    """``column``, of texts, in the case in which texts are compared; see :func:`dualwrite.filters.text_case.folded`."""
    return column.map_batches(_folded_series, return_dtype=pl.String, is_elementwise=True)


def _folded_series(texts: pl.Series) -> pl.Series:
    """ASCII by Polars, the other texts as in memory: two libraries need not know the same letters."""
    lower = texts.str.to_lowercase()
    others = (texts.str.len_bytes() != texts.str.len_chars()).fill_null(False).arg_true()
    if others.is_empty():
        return lower
    return lower.scatter(others, [folded(text) for text in texts.gather(others)])


class _Compilation:
    def __init__(self, dtypes: Dtypes, column: ColumnName) -> None:
        self._dtypes = dtypes
        self._name = column

    def of(self, expression: Expression) -> pl.Expr:
        match expression:
            case Compare():
                return self._comparison(expression)
            case TextMatch():
                return self._text_match(expression)
            case OneOf(column=path, values=values):
                return self._one_of(path, values)
            case Not(operand=operand):
                return ~self.of(operand)
            case And(operands=operands):
                return pl.all_horizontal([self.of(operand) for operand in operands] or [pl.lit(True)])
            case Or(operands=operands):
                return pl.any_horizontal([self.of(operand) for operand in operands] or [pl.lit(False)])
            case Always(value=value):
                return pl.lit(value)
            case _:
                assert_never(expression)

    # --- tests ------------------------------------------------------------------------------------------------------

    def _comparison(self, comparison: Compare) -> pl.Expr:
        operator, right = comparison.operator, comparison.right
        if isinstance(right, ColumnPath):
            return self._columns_compared(operator, comparison.left, right)
        value = _bound(right)
        column, dtype = self._column(comparison.left, fold=isinstance(value, str))
        if dtype is None:
            return pl.lit((value is None) is (operator is Comparison.EQ) and operator in _EQUALITIES)
        if value is None:
            return _null_test(operator, column)
        if dtype.is_numeric() and isinstance(value, int | Decimal):
            return _number_compared(operator, column, dtype, Decimal(value))
        return _ordered(operator, column, _typed(value, dtype))

    def _columns_compared(self, operator: Comparison, left: ColumnPath, right: ColumnPath) -> pl.Expr:
        column, dtype = self._column(left, fold=True)
        other, other_dtype = self._column(right, fold=True)
        if dtype is None or other_dtype is None:
            return _null_test(operator, column if other_dtype is None else other)
        return _ordered(operator, column, other)

    def _text_match(self, match_: TextMatch) -> pl.Expr:
        column, dtype = self._column(match_.column, fold=True)
        if dtype != pl.String:
            return pl.lit(False)
        text = pl.lit(folded(match_.text), dtype=pl.String)
        match match_.test:
            case TextTest.STARTS_WITH:
                fits = column.str.starts_with(text)
            case TextTest.ENDS_WITH:
                fits = column.str.ends_with(text)
            case TextTest.CONTAINS:
                fits = column.str.contains(text, literal=True)
            case _:
                assert_never(match_.test)
        return fits.fill_null(False)

    def _one_of(self, path: ColumnPath, members: Sequence[Literal]) -> pl.Expr:
        values = [_bound(member) for member in members]
        column, dtype = self._column(path, fold=any(isinstance(value, str) for value in values))
        if dtype is None:
            return pl.lit(None in values)
        present = [fitting for value in values if (fitting := _held(value, dtype)) is not None]
        found = column.is_in(pl.lit(pl.Series(present, dtype=dtype)).implode()).fill_null(False)
        return found | column.is_null() if None in values else found

    # --- columns ----------------------------------------------------------------------------------------------------

    def _column(self, path: ColumnPath, *, fold: bool) -> tuple[pl.Expr, pl.DataType | None]:
        """The column with its dtype, None for one that the frame lacks or of which nothing is known but nulls."""
        name = self._name(path)
        dtype = self._dtypes.get(name)
        if dtype is None or dtype == pl.Null:
            return pl.lit(None), None
        column = pl.col(name)
        if dtype.is_integer():
            return column.cast(pl.Int64), pl.Int64()
        return (folded_text(column) if fold and dtype == pl.String else column), dtype


_EQUALITIES = (Comparison.EQ, Comparison.NE)


def _bound(literal: Literal) -> Value:
    if isinstance(literal, EnumLiteral):
        raise TypeError(f"the expression is not bound: {literal}")
    return literal


def _null_test(operator: Comparison, column: pl.Expr) -> pl.Expr:
    match operator:
        case Comparison.EQ:
            return column.is_null()
        case Comparison.NE:
            return column.is_not_null()
        case _:
            return pl.lit(False)


def _ordered(operator: Comparison, left: pl.Expr, right: pl.Expr) -> pl.Expr:
    match operator:
        case Comparison.EQ:
            return left.eq_missing(right)
        case Comparison.NE:
            return left.ne_missing(right)
        case Comparison.GT:
            compared = left > right
        case Comparison.GE:
            compared = left >= right
        case Comparison.LT:
            compared = left < right
        case Comparison.LE:
            compared = left <= right
        case _:
            assert_never(operator)
    return compared.fill_null(False)


# --- values ---------------------------------------------------------------------------------------------------------


def _typed(value: Value, dtype: pl.DataType) -> pl.Expr:
    return pl.lit(_plain(value), dtype=dtype)


def _plain(value: Value) -> Value:
    """``value`` as a frame holds it: texts folded, GUIDs as texts."""
    if isinstance(value, str):
        return folded(value)
    return str(value) if isinstance(value, UUID) else value


def _held(value: Value, dtype: pl.DataType) -> Value:
    """``value`` as a column of ``dtype`` would hold it; None when it cannot, and for null."""
    if not dtype.is_numeric() or not isinstance(value, int | Decimal):
        return _plain(value)
    number = Decimal(value)
    held, exact = _on_grid(number, dtype)
    low, high = _bounds(dtype)
    if not exact or not low <= held <= high:
        return None
    return held if isinstance(dtype, pl.Decimal) else int(held)


def _scale(dtype: pl.DataType) -> int:
    return dtype.scale if isinstance(dtype, pl.Decimal) else 0


def _bounds(dtype: pl.DataType) -> tuple[Decimal, Decimal]:
    if not isinstance(dtype, pl.Decimal):
        return _WHOLE_BOUNDS
    most = Decimal((0, (9,) * _DIGITS, -dtype.scale))
    return most.copy_negate(), most


def _on_grid(number: Decimal, dtype: pl.DataType) -> tuple[Decimal, bool]:
    """The greatest number that ``dtype`` can write and that is not above ``number``, and whether it is ``number``."""
    step = Decimal(1).scaleb(-_scale(dtype))
    below = number.quantize(step, rounding=ROUND_FLOOR, context=_EXACT)
    return below, below == number


def _number_compared(operator: Comparison, column: pl.Expr, dtype: pl.DataType, number: Decimal) -> pl.Expr:
    """Compared exactly, also with a number that no value of ``dtype`` equals."""
    below, exact = _on_grid(number, dtype)
    low, high = _bounds(dtype)
    if operator in _EQUALITIES and not (exact and low <= below <= high):
        return pl.lit(operator is Comparison.NE)
    if below > high or below < low:
        fits = operator in (Comparison.LT, Comparison.LE) if below > high else operator in _ABOVE
        return column.is_not_null() if fits else pl.lit(False)
    if not exact:
        # Nothing lies between the number and the grid below it: > and >= ask for more than that, < and <= for it.
        operator = Comparison.GT if operator in _ABOVE else Comparison.LE
    if not isinstance(dtype, pl.Decimal):
        return _ordered(operator, column, pl.lit(int(below), dtype=pl.Int64))
    return _ordered(operator, column, pl.lit(below, dtype=dtype))


_ABOVE = (Comparison.GT, Comparison.GE)
