"""Giving an expression the columns and types of a table: canonical names, literals as the column holds them.

The sides differ. Finance and operations has no nulls: a test for null becomes one for the empty value of the type
(``''``, 0, 1900-01-01), and a star in a text is a wildcard. Dataverse stores an empty text as null, and shows a
lookup as ``_x_value``. Binding a bound expression changes nothing.
"""

from __future__ import annotations

from typing import assert_never

from dualwrite.errors import FilterRefused
from dualwrite.filters.coercion import coerced
from dualwrite.filters.connectives import all_of, any_of
from dualwrite.filters.tree import (
    Always,
    And,
    ColumnPath,
    Compare,
    Comparison,
    Expression,
    Literal,
    Not,
    OneOf,
    Or,
    TextMatch,
)
from dualwrite.filters.wildcards import has_wildcard, pattern_test
from dualwrite.metadata.schema import Column, ColumnType, EnvironmentSchema, Side, Table
from dualwrite.metadata.values import Value

MAX_LITERALS = 20_000
"""How many values one expression may compare with; a database statement has room for about three times as many."""

_EQUALITY = (Comparison.EQ, Comparison.NE)
_UNORDERED = frozenset(
    {ColumnType.ENUM, ColumnType.BOOLEAN, ColumnType.GUID, ColumnType.LOOKUP},
)
_NUMBERS = frozenset(
    {ColumnType.INTEGER, ColumnType.BIGINT, ColumnType.DECIMAL, ColumnType.MONEY, ColumnType.CHOICE},
)
_IDS = frozenset({ColumnType.GUID, ColumnType.LOOKUP})
_TEXTS = frozenset({ColumnType.STRING, ColumnType.MEMO})


def bind(expression: Expression, *, table: Table, schema: EnvironmentSchema) -> Expression:
    """``expression`` with the columns of ``table`` in their own spelling and every literal of its column's type.

    Raises: FilterRefused, naming column and table, for unknown columns, literals that do not fit, operators that the
    type does not have. Its position is that of the column in the text, where the expression was read from one.
    """
    return _Binding(table, schema).of(expression)


class _Binding:
    def __init__(self, table: Table, schema: EnvironmentSchema) -> None:
        self._table = table
        self._schema = schema
        self._literals = 0

    def of(self, expression: Expression) -> Expression:
        match expression:
            case Compare():
                return self._comparison(expression)
            case TextMatch():
                return self._text_match(expression)
            case OneOf():
                return self._one_of(expression)
            case Not(operand=operand):
                return Not(self.of(operand))
            case And(operands=operands):
                return all_of(self.of(operand) for operand in operands)
            case Or(operands=operands):
                return any_of(self.of(operand) for operand in operands)
            case Always():
                return expression
            case _:
                assert_never(expression)

    # --- tests ------------------------------------------------------------------------------------------------------

    def _comparison(self, comparison: Compare) -> Expression:
        if isinstance(comparison.right, ColumnPath):
            return self._columns_compared(comparison, comparison.right)
        path, column = self._resolved(comparison.left)
        return self._compared(comparison.operator, path, column, comparison.right)

    def _compared(self, operator: Comparison, path: ColumnPath, column: Column, literal: Literal) -> Expression:
        self._require_operator(operator, path, column)
        if self._is_pattern(column, literal) and operator in _EQUALITY:
            assert isinstance(literal, str)
            self._value(path, column, literal)
            fits = self._pattern_test(path, literal)
            return fits if operator is Comparison.EQ else Not(fits)
        value = self._value(path, column, literal)
        if operator in _EQUALITY:
            value = self._stored_empty(column, value)
        return Compare(operator, path, value)

    def _pattern_test(self, path: ColumnPath, pattern: str) -> Expression:
        try:
            return pattern_test(path, pattern)
        except FilterRefused as refusal:
            raise FilterRefused(refusal.message, position=path.position) from refusal

    def _columns_compared(self, comparison: Compare, other: ColumnPath) -> Expression:
        path, column = self._resolved(comparison.left)
        other_path, other_column = self._resolved(other)
        self._require_operator(comparison.operator, path, column)
        if _family(column.type) != _family(other_column.type):
            raise self._refusal(
                path, f"({column.type.value}) cannot be compared with column {other_path} ({other_column.type.value})"
            )
        return Compare(comparison.operator, path, other_path)

    def _text_match(self, test: TextMatch) -> Expression:
        path, column = self._resolved(test.column)
        if not column.type.is_text:
            raise self._refusal(path, f"is not text ({column.type.value}): {test.test.value} cannot be asked of it")
        self._value(path, column, test.text)
        return TextMatch(test.test, path, test.text)

    def _one_of(self, test: OneOf) -> Expression:
        path, column = self._resolved(test.column)
        if any(self._is_pattern(column, member) for member in test.values):
            return any_of(self._compared(Comparison.EQ, path, column, member) for member in test.values)
        return OneOf(path, tuple(self._stored_empty(column, self._value(path, column, m)) for m in test.values))

    def _is_pattern(self, column: Column, literal: Literal) -> bool:
        return (
            self._schema.side is Side.FINOPS
            and column.type.is_text
            and isinstance(literal, str)
            and has_wildcard(literal)
        )

    def _require_operator(self, operator: Comparison, path: ColumnPath, column: Column) -> None:
        if operator not in _EQUALITY and column.type in _UNORDERED:
            raise self._refusal(
                path, f"({column.type.value}) can only be compared by eq and ne, not by {operator.value}"
            )

    # --- values -----------------------------------------------------------------------------------------------------

    def _value(self, path: ColumnPath, column: Column, literal: Literal) -> Value:
        self._literals += 1
        if self._literals > MAX_LITERALS:
            raise FilterRefused(
                f"the filter on {self._table.name} compares with more than {MAX_LITERALS} values",
                position=path.position,
            )
        try:
            return coerced(column, literal, side=self._schema.side)
        except ValueError as exc:
            raise self._refusal(path, f"({column.type.value}): {exc}") from exc

    def _stored_empty(self, column: Column, value: Value) -> Value:
        """Dataverse keeps no empty texts: there the test for one is the test for null."""
        return None if self._schema.side is Side.DATAVERSE and column.type.is_text and value == "" else value

    # --- columns ----------------------------------------------------------------------------------------------------

    def _resolved(self, path: ColumnPath) -> tuple[ColumnPath, Column]:
        """The path in canonical spelling, and the column at its end."""
        tables: tuple[Table, ...] = (self._table,)
        names: list[str] = []
        column: Column | None = None
        for part in path.parts:
            if column is not None:
                tables = self._targets(path, column)
            column = next((found for table in tables if (found := self._found(table, part)) is not None), None)
            if column is None:
                where = " or ".join(table.name for table in tables)
                through = f", which {path} leads to," if names else ""
                raise FilterRefused(f"{where}{through} has no column '{part}'", position=path.position)
            names.append(column.name)
        if column is None:
            raise FilterRefused(f"a filter on {self._table.name} names no column")
        return ColumnPath(tuple(names), path.position), column

    def _found(self, table: Table, name: str) -> Column | None:
        column = table.find(name)
        if column is None and table.side is Side.DATAVERSE and name[:1] == "_" and name[-6:].lower() == "_value":
            column = table.find(name[1:-6])
            return column if column is not None and column.type is ColumnType.LOOKUP else None
        return column

    def _targets(self, path: ColumnPath, column: Column) -> tuple[Table, ...]:
        """The tables that a lookup in the middle of ``path`` may lead to, those of the schema only."""
        if not column.targets:
            raise self._refusal(path, f"cannot be followed: {column.name} is not a lookup")
        found = (self._schema.find(target) for target in column.targets)
        tables = tuple(table for table in found if table is not None)
        if not tables:
            raise self._refusal(path, f"cannot be followed: no table {' or '.join(column.targets)} is known")
        return tables

    def _refusal(self, path: ColumnPath, what: str) -> FilterRefused:
        return FilterRefused(f"{self._table.name}, column {path} {what}", position=path.position)


def _family(column_type: ColumnType) -> frozenset[ColumnType]:
    """The types that a column of this type may be compared with."""
    for family in (_TEXTS, _NUMBERS, _IDS):
        if column_type in family:
            return family
    return frozenset({column_type})
