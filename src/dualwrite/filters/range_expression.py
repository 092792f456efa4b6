"""X++ query range expressions to a tree and back: the language of finance and operations filters.

``((PartyType == "Organization") || (AssociatedContactType = 1))``. Compared are a column (``Table.Column`` and
brackets are accepted, the table is dropped) and a literal, or two columns. ``&&`` binds tighter than ``||``. A star
in a text that is compared by ``==``, ``!=`` or ``like`` is a wildcard and cannot be escaped. ``in`` takes a list.
Dates: ``2020-12-31``, ``12/31/2020``, ``31\\12\\2020``, ``{d'2020-12-31'}``, ``{ts'2020-12-31 23:59:59'}``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import assert_never
from uuid import UUID

from lark import Lark, Token, Transformer
from lark.exceptions import UnexpectedCharacters, UnexpectedEOF, UnexpectedInput, UnexpectedToken

from dualwrite.errors import FilterRefused
from dualwrite.filters import literals
from dualwrite.filters.connectives import MAX_DEPTH, all_of, any_of, is_too_deep
from dualwrite.filters.hints import RANGE_HINTS, hint_at
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
from dualwrite.filters.wildcards import STAR, has_wildcard, pattern_test

_GRAMMAR = r"""
start: disjunction
disjunction: conjunction ("||" conjunction)*
conjunction: _negatable ("&&" _negatable)*
_negatable: comparison | negation | "(" disjunction ")"
negation: "!" _negatable
comparison: operand OPERATOR operand
    | operand LIKE operand -> likeness
    | operand IN (("(" operand ("," operand)* ")") | ("[" operand ("," operand)* "]")) -> membership
operand: MOMENT | DATE | US_DATE | XPP_DATE | ODBC_DATE | ODBC_MOMENT | GUID | NUMBER | TEXT | WORD | ENUM | COLUMN

LIKE.5: /like(?![a-z0-9_])/i
IN.5: /in(?![a-z0-9_])/i
OPERATOR: /==|!=|<>|<=|>=|=|<|>/
GUID.9: /\{?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\}?/i
MOMENT.8: /[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,12})?)?(Z|[+-][0-9]{2}:[0-9]{2})?/i
DATE.7: /[0-9]{4}-[0-9]{2}-[0-9]{2}/
US_DATE.7: /[0-9]{1,2}\/[0-9]{1,2}\/[0-9]{4}/
XPP_DATE.7: /[0-9]{1,2}\\[0-9]{1,2}\\[0-9]{4}/
ODBC_DATE.7: /\{\s*d\s*'[^']*'\s*\}/i
ODBC_MOMENT.7: /\{\s*ts\s*'[^']*'\s*\}/i
NUMBER.6: /[+-]?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?/i
TEXT.6: /"([^"\\]|\\.)*"|'([^'\\]|\\.)*'/s
ENUM.5: /[a-z_][a-z0-9_]*\s*::\s*[a-z_][a-z0-9_]*/i
WORD.4: /(true|false|null)(?![a-z0-9_.])/i
COLUMN: /(([a-z_][a-z0-9_]*|\[[a-z_][a-z0-9_]*\])\s*\.\s*)?([a-z_][a-z0-9_]*|\[[a-z_][a-z0-9_]*\])/i

%ignore /\s+/
"""
_OPERATORS = {
    "==": Comparison.EQ,
    "=": Comparison.EQ,
    "!=": Comparison.NE,
    "<>": Comparison.NE,
    "<": Comparison.LT,
    "<=": Comparison.LE,
    ">": Comparison.GT,
    ">=": Comparison.GE,
}
_SYMBOLS = {
    Comparison.EQ: "==",
    Comparison.NE: "!=",
    Comparison.LT: "<",
    Comparison.LE: "<=",
    Comparison.GT: ">",
    Comparison.GE: ">=",
}
_EQUALITY = (Comparison.EQ, Comparison.NE)
_WORDS: dict[str, Literal] = {"true": True, "false": False, "null": None}
_ESCAPED = re.compile(r"\\([\"'\\])")


def parse_range(text: str) -> Expression | None:
    """The tree of a range expression; None when the text is blank. Raises: FilterRefused, and nothing else."""
    if not text.strip():
        return None
    try:
        # The transformer is built into the parser, so that the parser gives expressions and not its own trees.
        expression: Expression = _parser().parse(text)  # type: ignore[assignment]
    except FilterRefused as exc:
        raise FilterRefused(exc.message, text=text, position=exc.position) from exc
    except UnexpectedInput as exc:
        raise _refusal(text, exc) from exc
    if is_too_deep(expression):
        raise FilterRefused(f"conditions nest deeper than {MAX_DEPTH}", text=text, position=0)
    return expression


def _refusal(text: str, failure: UnexpectedInput) -> FilterRefused:
    at_end = isinstance(failure, UnexpectedEOF) or (
        isinstance(failure, UnexpectedToken) and failure.token.type == "$END"
    )
    if at_end or failure.pos_in_stream is None:
        return FilterRefused("the filter ends too early", text=text, position=len(text))
    position = failure.pos_in_stream
    hint = hint_at(RANGE_HINTS, text, position)
    if hint is not None:
        return FilterRefused(hint[1], text=text, position=hint[0])
    if isinstance(failure, UnexpectedCharacters) and text[position] in "\"'":
        return FilterRefused(
            "the text that starts here never ends, or stands at a wrong place", text=text, position=position
        )
    return FilterRefused(
        f"the filter cannot be read: unexpected {literals.spoken(text[position])}", text=text, position=position
    )


@dataclass(frozen=True, slots=True)
class _Operand:
    value: Literal | ColumnPath
    position: int


class _Builder(Transformer[Token, Expression]):
    """Builds the expression while the parser reads; the names are those of the grammar's rules."""

    def start(self, children: list[Expression]) -> Expression:
        return children[0]

    def disjunction(self, children: list[Expression]) -> Expression:
        return any_of(children)

    def conjunction(self, children: list[Expression]) -> Expression:
        return all_of(children)

    def negation(self, children: list[Expression]) -> Expression:
        return Not(children[0])

    def comparison(self, children: tuple[_Operand, Token, _Operand]) -> Expression:
        left, symbol, right = children
        operator = _OPERATORS[symbol]
        if isinstance(left.value, ColumnPath):
            return _comparison(left.value, operator, right)
        if isinstance(right.value, ColumnPath):
            return _comparison(right.value, literals.flipped(operator), left)
        return _constant(left, operator, right)

    def likeness(self, children: tuple[_Operand, Token, _Operand]) -> Expression:
        left, symbol, right = children
        if not isinstance(right.value, str):
            raise FilterRefused("'like' needs a text in quotes on its right", position=right.position)
        if "?" in right.value:
            raise FilterRefused("'?' as a wildcard is not supported: write *", position=right.position)
        return _comparison(_column_before(left, symbol), Comparison.EQ, right)

    def membership(self, children: list[_Operand | Token]) -> Expression:
        left, symbol, *others = children
        assert isinstance(left, _Operand) and isinstance(symbol, Token)
        column = _column_before(left, symbol)
        members = [other for other in others if isinstance(other, _Operand)]
        values: list[Literal] = []
        for member in members:
            if isinstance(member.value, ColumnPath):
                raise FilterRefused("a list holds values, not columns", position=member.position)
            values.append(member.value)
        if any(isinstance(value, str) and has_wildcard(value) for value in values):
            return any_of(_comparison(column, Comparison.EQ, member) for member in members)
        return OneOf(column, tuple(values))

    def operand(self, children: list[Token]) -> _Operand:
        token = children[0]
        position = token.start_pos or 0
        try:
            value = _read(token.type, str(token))
            return _Operand(ColumnPath(value.parts, position) if isinstance(value, ColumnPath) else value, position)
        except ValueError as exc:
            raise FilterRefused(f"a value cannot be read: {exc}", position=position) from exc


@cache
def _parser() -> Lark:
    return Lark(_GRAMMAR, parser="lalr", transformer=_Builder())


def _read(kind: str, text: str) -> Literal | ColumnPath:
    match kind:
        case "MOMENT":
            return literals.read_moment(text)
        case "DATE" | "US_DATE":
            return literals.read_date(text)
        case "ODBC_DATE":
            return literals.read_date(text.split("'")[1].strip())
        case "ODBC_MOMENT":
            return literals.read_moment(text.split("'")[1].strip())
        case "XPP_DATE":
            day, month, year = text.split("\\")
            return date(int(year), int(month), int(day))
        case "GUID":
            return literals.read_guid(text)
        case "NUMBER":
            return literals.read_number(text)
        case "TEXT":
            return _ESCAPED.sub(r"\1", text[1:-1])
        case "ENUM":
            type_name, member = text.split("::")
            return EnumLiteral(type_name.strip(), member.strip())
        case "WORD":
            return _WORDS[text.lower()]
        case _:
            return ColumnPath((text.rpartition(".")[2].strip().strip("[]"),))


def _column_before(operand: _Operand, symbol: Token) -> ColumnPath:
    if not isinstance(operand.value, ColumnPath):
        raise FilterRefused(f"'{symbol}' needs a column on its left", position=operand.position)
    return operand.value


def _comparison(column: ColumnPath, operator: Comparison, other: _Operand) -> Expression:
    value = other.value
    if operator in _EQUALITY and isinstance(value, str) and has_wildcard(value):
        try:
            fits = pattern_test(column, value)
        except FilterRefused as exc:
            raise FilterRefused(exc.message, position=other.position) from exc
        return fits if operator is Comparison.EQ else Not(fits)
    return Compare(operator, column, value)


def _constant(left: _Operand, operator: Comparison, right: _Operand) -> Expression:
    """``(1 == 1)``, which range expressions use for *always*."""
    if operator not in _EQUALITY or type(left.value) is not type(right.value):
        raise FilterRefused("a comparison needs a column on one of its sides", position=left.position)
    return Always((left.value == right.value) is (operator is Comparison.EQ))


# --- back to text ----------------------------------------------------------------------------------------------------


def render_range(expression: Expression) -> str:
    """The range text that says the same; parsed, it is ``expression`` again, except that ``in`` becomes ``||``.

    Raises: FilterRefused for what the language cannot say: paths through lookups, texts with a star.
    """
    match expression:
        case Compare():
            return _rendered_comparison(expression)
        case TextMatch():
            return _rendered_match(expression)
        case OneOf(column=column, values=values):
            return render_range(Or(tuple(Compare(Comparison.EQ, column, value) for value in values)))
        case Not(operand=operand):
            inner = render_range(operand)
            return f"!{inner}" if inner.startswith("(") else f"!({inner})"
        case And(operands=operands):
            return "(" + " && ".join(render_range(operand) for operand in operands) + ")" if operands else "(1 == 1)"
        case Or(operands=operands):
            return "(" + " || ".join(render_range(operand) for operand in operands) + ")" if operands else "(1 == 0)"
        case Always(value=value):
            return "(1 == 1)" if value else "(1 == 0)"
        case _:
            assert_never(expression)


def _rendered_comparison(comparison: Compare) -> str:
    column, right = _named(comparison.left), comparison.right
    if isinstance(right, ColumnPath):
        return f"({column} {_SYMBOLS[comparison.operator]} {_named(right)})"
    if comparison.operator in _EQUALITY and isinstance(right, str):
        _require_starless(right)
    return f"({column} {_SYMBOLS[comparison.operator]} {_rendered(right)})"


def _rendered_match(match_: TextMatch) -> str:
    _require_starless(match_.text)
    before = "" if match_.test is TextTest.STARTS_WITH else STAR
    after = "" if match_.test is TextTest.ENDS_WITH else STAR
    return f"({_named(match_.column)} == {_quoted(before + match_.text + after)})"


def _require_starless(text: str) -> None:
    if has_wildcard(text):
        raise FilterRefused(
            f"the text {literals.spoken(text)} has a star, which a range expression takes as a wildcard"
        )


def _named(path: ColumnPath) -> str:
    if len(path.parts) != 1:
        raise FilterRefused(f"a range expression cannot follow the lookup in {path}")
    return path.parts[0]


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _rendered(literal: Literal) -> str:
    match literal:
        case None:
            return "null"
        case bool():
            return "true" if literal else "false"
        case str():
            return _quoted(literal)
        case int() | Decimal():
            return literals.write_number(literal)
        case datetime():
            return literals.write_moment(literal)
        case date():
            return f"{literal.day:02}\\{literal.month:02}\\{literal.year:04}"
        case UUID():
            return f"{{{literal}}}"
        case EnumLiteral(type_name=type_name, member=member):
            return f"{type_name}::{member}"
        case _:
            assert_never(literal)
