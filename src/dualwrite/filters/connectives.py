"""Building *and*, *or* and *not* so that equal conditions come out as equal trees, and measuring how deep a tree is."""

from __future__ import annotations

from collections.abc import Iterable

from dualwrite.filters.tree import And, Expression, Not, Or

MAX_DEPTH = 100
"""How many connectives may nest. Chains (``a or b or c ...``) are flat and may be of any length."""


def all_of(operands: Iterable[Expression]) -> Expression:
    """The conjunction without conjunctions directly inside; a single operand is itself."""
    flat: list[Expression] = []
    for operand in operands:
        flat.extend(operand.operands if isinstance(operand, And) else (operand,))
    return flat[0] if len(flat) == 1 else And(tuple(flat))


def any_of(operands: Iterable[Expression]) -> Expression:
    """The disjunction without disjunctions directly inside; a single operand is itself."""
    flat: list[Expression] = []
    for operand in operands:
        flat.extend(operand.operands if isinstance(operand, Or) else (operand,))
    return flat[0] if len(flat) == 1 else Or(tuple(flat))


def is_too_deep(expression: Expression) -> bool:
    """Whether connectives nest deeper than MAX_DEPTH; found without recursion."""
    level: list[Expression] = [expression]
    for _ in range(MAX_DEPTH):
        below: list[Expression] = []
        for node in level:
            if isinstance(node, Not):
                below.append(node.operand)
            elif isinstance(node, And | Or):
                below.extend(node.operands)
        if not below:
            return False
        level = below
    return True
