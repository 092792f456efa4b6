"""A bound expression as a PostgreSQL condition with ``%s`` placeholders. Says exactly what ``evaluate.matches`` says.

The condition is TRUE for the rows that match and FALSE or NULL for the others, which is the same to ``WHERE``. Only
below a ``NOT`` is the difference made to vanish, so that a plain ``lower(column) = lower(%s)`` can use an index.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TypeAlias, assert_never
from uuid import UUID

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

ColumnSql: TypeAlias = Callable[[ColumnPath], tuple[str, bool]]
"""The SQL text of a column (quoted, qualified; a percent sign as it is) and whether the column holds text."""

_ORDER = {Comparison.GT: ">", Comparison.GE: ">=", Comparison.LT: "<", Comparison.LE: "<="}
_BIGINT_END = 2**63


def compile_sql(expression: Expression, *, column: ColumnSql) -> tuple[str, list[Value]]:
    """The condition and the values of its placeholders in order. Percent signs in column names come out doubled."""
    compilation = _Compilation(column)
    return compilation.of(expression), compilation.values


class _Compilation:
    def __init__(self, column: ColumnSql) -> None:
        self._column = column
        self.values: list[Value] = []

    def of(self, expression: Expression) -> str:
        match expression:
            case Compare():
                return self._comparison(expression)
            case TextMatch():
                return self._text_match(expression)
            case OneOf(column=path, values=values):
                return self._one_of(path, values)
            case Not(operand=operand):
                return f"(NOT COALESCE({self.of(operand)}, FALSE))"
            case And(operands=operands):
                return self._joined(operands, "AND") or "TRUE"
            case Or(operands=operands):
                return self._joined(operands, "OR") or "FALSE"
            case Always(value=value):
                return "TRUE" if value else "FALSE"
            case _:
                assert_never(expression)

    def _joined(self, operands: Sequence[Expression], word: str) -> str:
        parts = [self.of(operand) for operand in operands]
        return "(" + f" {word} ".join(parts) + ")" if parts else ""

    def _comparison(self, comparison: Compare) -> str:
        operator, right = comparison.operator, comparison.right
        left, is_text = self._folded_column(comparison.left)
        if isinstance(right, ColumnPath):
            return self._ordered(operator, left, self._folded_column(right)[0], is_text=is_text, nullable=True)
        if right is None:
            return self._null_test(operator, comparison.left)
        return self._ordered(operator, left, self._placed(right, is_text=is_text), is_text=is_text, nullable=False)

    def _null_test(self, operator: Comparison, path: ColumnPath) -> str:
        column = self._plain_column(path)[0]
        match operator:
            case Comparison.EQ:
                return f"({column} IS NULL)"
            case Comparison.NE:
                return f"({column} IS NOT NULL)"
            case _:
                return "FALSE"

    def _ordered(self, operator: Comparison, left: str, right: str, *, is_text: bool, nullable: bool) -> str:
        """``nullable`` tells that the right side may be null as well; null then equals null."""
        match operator:
            case Comparison.EQ:
                return f"({left} IS NOT DISTINCT FROM {right})" if nullable else f"({left} = {right})"
            case Comparison.NE:
                return f"({left} IS DISTINCT FROM {right})"
            case _:
                # By code point, as in memory: the database's own collation may order letters otherwise.
                collation = ' COLLATE "C"' if is_text else ""
                return f"({left}{collation} {_ORDER[operator]} {right})"

    def _text_match(self, match_: TextMatch) -> str:
        column, _ = self._plain_column(match_.column)
        match match_.test:
            case TextTest.STARTS_WITH:
                return f"starts_with(lower({column}), {self._placed(match_.text, is_text=True)})"
            case TextTest.ENDS_WITH:
                length = f"length({self._placed(match_.text, is_text=True)})"
                return f"(right(lower({column}), {length}) = {self._placed(match_.text, is_text=True)})"
            case TextTest.CONTAINS:
                return f"(position({self._placed(match_.text, is_text=True)} in lower({column})) > 0)"
            case _:
                assert_never(match_.test)

    def _one_of(self, path: ColumnPath, members: Sequence[Literal]) -> str:
        tests = []
        present = [member for member in members if member is not None]
        if present:
            column, is_text = self._folded_column(path)
            tests.append(f"({column} IN ({', '.join(self._placed(member, is_text=is_text) for member in present)}))")
        if len(present) < len(members):
            tests.append(f"({self._plain_column(path)[0]} IS NULL)")
        match tests:
            case []:
                return "FALSE"
            case [test]:
                return test
            case _:
                return "(" + " OR ".join(tests) + ")"

    def _plain_column(self, path: ColumnPath) -> tuple[str, bool]:
        text, is_text = self._column(path)
        return text.replace("%", "%%"), is_text

    def _folded_column(self, path: ColumnPath) -> tuple[str, bool]:
        column, is_text = self._plain_column(path)
        return (f"lower({column})" if is_text else column), is_text

    def _placed(self, literal: Literal, *, is_text: bool) -> str:
        """A typed placeholder for ``literal``, lower-cased where the column beside it is text."""
        if isinstance(literal, EnumLiteral):
            raise TypeError(f"the expression is not bound: {literal}")
        self.values.append(literal)
        placeholder = f"%s::{_sql_type(literal)}"
        return f"lower({placeholder})" if is_text else placeholder


def _sql_type(value: Value) -> str:
    """The type that PostgreSQL is told, since a bare parameter has none."""
    match value:
        case bool():
            return "boolean"
        case int():
            return "bigint" if -_BIGINT_END <= value < _BIGINT_END else "numeric"
        case Decimal():
            return "numeric"
        case datetime():
            return "timestamptz"
        case date():
            return "date"
        case UUID():
            return "uuid"
        case str() | None:
            return "text"
        case _:
            assert_never(value)
