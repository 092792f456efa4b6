"""Which columns an expression reads."""

from __future__ import annotations

from typing import assert_never

from dualwrite.filters.tree import Always, And, ColumnPath, Compare, Expression, Not, OneOf, Or, TextMatch


def columns_of(expression: Expression) -> frozenset[ColumnPath]:
    """Every column and path that ``expression`` reads, on either side of its comparisons; each as it is named first."""
    found: set[ColumnPath] = set()
    waiting: list[Expression] = [expression]
    while waiting:
        node = waiting.pop()
        match node:
            case Compare(left=left, right=right):
                found.add(left)
                if isinstance(right, ColumnPath):
                    found.add(right)
            case TextMatch(column=column) | OneOf(column=column):
                found.add(column)
            case Not(operand=operand):
                waiting.append(operand)
            case And(operands=operands) | Or(operands=operands):
                waiting.extend(reversed(operands))
            case Always():
                pass
            case _:
                assert_never(node)
    return frozenset(found)
