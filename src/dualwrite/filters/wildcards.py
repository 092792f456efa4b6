"""Wildcards of finance and operations text: ``"A*"``, ``"*abc*"``, ``"a*z"``. A star stands for any text or none."""

from __future__ import annotations

import re

from dualwrite.errors import FilterRefused
from dualwrite.filters.text_case import folded
from dualwrite.filters.tree import (
    Always,
    And,
    ColumnPath,
    Compare,
    Comparison,
    Expression,
    Not,
    OneOf,
    TextMatch,
    TextTest,
)

STAR = "*"


def has_wildcard(text: str) -> bool:
    return STAR in text


def pattern_test(column: ColumnPath, pattern: str) -> Expression:
    """The test that ``column`` fits ``pattern``, which has at least one star.

    Raises: FilterRefused when the pattern has text between two stars and also at an end.
    """
    parts = re.sub(r"\*+", STAR, pattern).split(STAR)
    match parts:
        case ["", ""]:
            return Always(True)
        case [start, ""]:
            return TextMatch(TextTest.STARTS_WITH, column, start)
        case ["", end]:
            return TextMatch(TextTest.ENDS_WITH, column, end)
        case ["", middle, ""]:
            return TextMatch(TextTest.CONTAINS, column, middle)
        case [start, end]:
            return _framed(column, start, end)
        case _:
            raise FilterRefused(
                f"the pattern '{pattern}' for {column} has too many wildcards: write a*, *a, *a* or a*b, "
                "or join several such conditions"
            )


def _framed(column: ColumnPath, start: str, end: str) -> Expression:
    """``start*end``, without the texts in which the two would overlap (``ab*ba`` does not fit ``aba``)."""
    overlapping = tuple(
        start + end[shared:]
        for shared in range(1, min(len(start), len(end)) + 1)
        if folded(start[-shared:]) == folded(end[:shared])
    )
    framed = (TextMatch(TextTest.STARTS_WITH, column, start), TextMatch(TextTest.ENDS_WITH, column, end))
    if not overlapping:
        return And(framed)
    if len(overlapping) == 1:
        return And((*framed, Compare(Comparison.NE, column, overlapping[0])))
    return And((*framed, Not(OneOf(column, overlapping))))
