"""Running a bound expression on one row in memory. Says exactly what :mod:`dualwrite.filters.sql` says in the database.

Two-valued: every test is true or false, ``not`` turns it round. A null equals only null and is neither less nor
greater than anything. Text is compared without regard to case.
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import ge, gt, le, lt
from typing import assert_never

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
from dualwrite.metadata.values import Row, Value

RelatedValues = Mapping[tuple[str, ...], Value]
"""The values behind paths of several parts, by those parts."""

_ORDER = {Comparison.GT: gt, Comparison.GE: ge, Comparison.LT: lt, Comparison.LE: le}


def matches(expression: Expression, row: Row, related: RelatedValues | None = None) -> bool:
    """Whether ``row`` fulfils a bound ``expression``. ``related`` holds what paths lead to; absent is null."""
    return _Evaluation(row, related or {}).of(expression)


class _Evaluation:
    def __init__(self, row: Row, related: RelatedValues) -> None:
        self._row = row
        self._related = related

    def of(self, expression: Expression) -> bool:
        match expression:
            case Compare(operator=operator, left=left, right=right):
                other = self._value(right) if isinstance(right, ColumnPath) else _bound(right)
                return _compared(operator, self._value(left), other)
            case TextMatch(test=test, column=column, text=text):
                return _text_fits(test, self._value(column), text)
            case OneOf(column=column, values=values):
                value = _folded(self._value(column))
                return any(value == _folded(_bound(member)) for member in values)
            case Not(operand=operand):
                return not self.of(operand)
            case And(operands=operands):
                return all(self.of(operand) for operand in operands)
            case Or(operands=operands):
                return any(self.of(operand) for operand in operands)
            case Always(value=always):
                return always
            case _:
                assert_never(expression)

    def _value(self, path: ColumnPath) -> Value:
        if len(path.parts) == 1:
            return self._row.get(path.parts[0])
        return self._related.get(path.parts)


def _bound(literal: Literal) -> Value:
    if isinstance(literal, EnumLiteral):
        raise TypeError(f"the expression is not bound: {literal}")
    return literal


def _folded(value: Value) -> Value:
    return folded(value) if isinstance(value, str) else value


def _compared(operator: Comparison, value: Value, other: Value) -> bool:
    left, right = _folded(value), _folded(other)
    if operator is Comparison.EQ:
        return left == right
    if operator is Comparison.NE:
        return left != right
    if left is None or right is None:
        return False
    # Binding has made both sides of one type; the order of mixed values would be a programming error and raises.
    return bool(_ORDER[operator](left, right))


def _text_fits(test: TextTest, value: Value, text: str) -> bool:
    if not isinstance(value, str):
        return False
    match test:
        case TextTest.STARTS_WITH:
            return folded(value).startswith(folded(text))
        case TextTest.ENDS_WITH:
            return folded(value).endswith(folded(text))
        case TextTest.CONTAINS:
            return folded(text) in folded(value)
        case _:
            assert_never(test)
