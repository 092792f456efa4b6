"""The expression tree that both filter languages parse into. Frozen values, compared by value.

A tree comes out of a parser *unbound*: literals are what the text said. :mod:`dualwrite.filters.bind` gives it the
columns' types (enum names, numbers of choices, dates) and refuses what does not fit; only bound trees are run.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

from dualwrite.metadata.values import Value


class Comparison(Enum):
    EQ = "eq"
    NE = "ne"
    GT = "gt"
    GE = "ge"
    LT = "lt"
    LE = "le"


class TextTest(Enum):
    STARTS_WITH = "startswith"
    ENDS_WITH = "endswith"
    CONTAINS = "contains"


@dataclass(frozen=True, slots=True)
class ColumnPath:
    """A column, or a column reached through lookups: ``("primarycontactid", "fullname")``.

    ``position`` is where the filter's text names it, for refusals; two paths are equal wherever they stand.
    """

    parts: tuple[str, ...]
    position: int | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        return "/".join(self.parts)


@dataclass(frozen=True, slots=True)
class EnumLiteral:
    """A named member of an enum type: ``Microsoft.Dynamics.DataEntities.NoYes'Yes'``, ``NoYes::Yes``."""

    type_name: str
    member: str


Literal: TypeAlias = Value | EnumLiteral


@dataclass(frozen=True, slots=True)
class Compare:
    """``column <comparison> literal``, or against another column of the same row."""

    operator: Comparison
    left: ColumnPath
    right: Literal | ColumnPath


@dataclass(frozen=True, slots=True)
class TextMatch:
    """``startswith(column, text)`` and its siblings. Wildcards of the source text are already taken out."""

    test: TextTest
    column: ColumnPath
    text: str


@dataclass(frozen=True, slots=True)
class OneOf:
    column: ColumnPath
    values: tuple[Literal, ...]


@dataclass(frozen=True, slots=True)
class Not:
    operand: Expression


@dataclass(frozen=True, slots=True)
class And:
    operands: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Or:
    operands: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Always:
    """True or false whatever the row holds."""

    value: bool


Expression: TypeAlias = Compare | TextMatch | OneOf | Not | And | Or | Always


def conjunction(*operands: Expression | None) -> Expression | None:
    """All of ``operands`` that are there, as one expression; None when there is none."""
    present = tuple(operand for operand in operands if operand is not None)
    if not present:
        return None
    return present[0] if len(present) == 1 else And(present)
