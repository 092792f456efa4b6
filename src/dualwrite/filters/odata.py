"""OData ``$filter`` text to a tree and back: the language of Dataverse filters and of both services' queries.

Read: ``eq ne gt ge lt le in``, ``and or not``, parentheses, ``startswith endswith contains`` (``tolower`` and
``toupper`` around a column or a text change nothing, comparing texts disregards case), ``Microsoft.Dynamics.CRM.In``
and ``NotIn``, paths through lookups, enum literals, a yes/no column on its own. Everything else of the language is
refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import assert_never
from uuid import UUID

from odata_query import ast
from odata_query.exceptions import FunctionCallException, ODataException, ParsingException
from odata_query.grammar import ODataParser

from dualwrite.errors import FilterRefused
from dualwrite.filters import literals
from dualwrite.filters.connectives import MAX_DEPTH, all_of, any_of
from dualwrite.filters.hints import ODATA_HINTS, OLD_LITERALS, hint_at
from dualwrite.filters.odata_tokens import (
    CASE_FUNCTIONS,
    MEMBERSHIP,
    TEXT_FUNCTIONS,
    EnumWord,
    Word,
    name_of,
    read_words,
)
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

_COMPARISONS: dict[type[ast._Comparator], Comparison] = {
    ast.Eq: Comparison.EQ,
    ast.NotEq: Comparison.NE,
    ast.Gt: Comparison.GT,
    ast.GtE: Comparison.GE,
    ast.Lt: Comparison.LT,
    ast.LtE: Comparison.LE,
}
_WORD = re.compile(r"\s*([\w']+|.)", re.DOTALL)


def parse_odata(text: str) -> Expression | None:
    """The tree of a ``$filter``; None when the text is blank. Raises: FilterRefused, and nothing else."""
    if not text.strip():
        return None
    return _Reading(text).expression()


def render_odata(expression: Expression) -> str:
    """The ``$filter`` text that parses into ``expression`` again."""
    match expression:
        case Compare(operator=operator, left=left, right=right):
            shown = str(right) if isinstance(right, ColumnPath) else _rendered(right)
            return f"{left} {operator.value} {shown}"
        case TextMatch(test=test, column=column, text=text):
            return f"{test.value}({column},{_quoted(text)})"
        case OneOf(column=column, values=values):
            return f"{column} in ({','.join(_rendered(value) for value in values)})" if values else "false"
        case Not(operand=operand):
            return f"not ({render_odata(operand)})"
        case And(operands=operands):
            return " and ".join(_grouped(operand) for operand in operands) or "true"
        case Or(operands=operands):
            return " or ".join(_grouped(operand) for operand in operands) or "false"
        case Always(value=value):
            return "true" if value else "false"
        case _:
            assert_never(expression)


def _grouped(operand: Expression) -> str:
    text = render_odata(operand)
    return f"({text})" if isinstance(operand, And | Or) else text


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


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
            return literal.isoformat()
        case UUID():
            return str(literal)
        case EnumLiteral(type_name=type_name, member=member):
            return type_name + _quoted(member)
        case _:
            assert_never(literal)


class _Reading:
    """One text being read. The library's tree has no places: nodes made from words are remembered by identity."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._words = read_words(text)
        self._at = {id(word.value): word.index for word in self._words if isinstance(word.value, ast._Node)}
        self._last: Word | None = None

    def expression(self) -> Expression:
        try:
            root: ast._Node = ODataParser().parse(self._consumed())
        except ParsingException as exc:
            raise self._syntax_refusal(exc) from exc
        except FunctionCallException as exc:
            raise self._refusal(f"a function has the wrong number of arguments: {exc}", self._last_call()) from exc
        except (ODataException, AttributeError, NotImplementedError) as exc:
            # The library's actions stumble over a few sequences that its grammar lets through (three named parameters).
            raise FilterRefused(
                "the filter cannot be read", text=self._text, position=self._last.index if self._last else 0
            ) from exc
        return self._condition(root, 0)

    def _consumed(self) -> Iterator[Word]:
        for word in self._words:
            self._last = word
            yield word

    # --- conditions -------------------------------------------------------------------------------------------------

    def _condition(self, node: ast._Node, depth: int) -> Expression:
        if depth > MAX_DEPTH:
            raise self._refusal(f"conditions nest deeper than {MAX_DEPTH}", node)
        match node:
            case ast.BoolOp():
                operands = (self._condition(operand, depth + 1) for operand in _chain(node))
                return all_of(operands) if isinstance(node.op, ast.And) else any_of(operands)
            case ast.UnaryOp(op=ast.Not()):
                return Not(self._condition(node.operand, depth + 1))
            case ast.Compare(comparator=ast.In()):
                return self._membership(node)
            case ast.Compare():
                return self._comparison(node, depth)
            case ast.Call():
                return self._call(node)
            case ast.Boolean():
                return Always(node.py_val)
            case ast.Identifier() | ast.Attribute():
                return Compare(Comparison.EQ, self._path(node), True)
            case _:
                raise self._refusal("a condition was expected here", node)

    def _comparison(self, node: ast.Compare, depth: int) -> Expression:
        if isinstance(node.left, ast.UnaryOp):
            # The grammar binds `not` tighter than `eq`; nobody who writes `not a eq 1` means `(not a) eq 1`.
            inner = ast.Compare(node.comparator, node.left.operand, node.right)
            return Not(self._condition(inner, depth + 1))
        operator = _COMPARISONS[type(node.comparator)]
        left, right = self._plain(node.left), self._plain(node.right)
        for side, other in ((left, right), (right, left)):
            if _is_condition(side):
                return self._truth(side, operator, other, depth)
        if _is_column(left):
            value = self._path(right) if _is_column(right) else self._literal(right)
            return Compare(operator, self._path(left), value)
        if _is_column(right):
            return Compare(literals.flipped(operator), self._path(right), self._literal(left))
        raise self._refusal("a comparison needs a column on one of its sides", node)

    def _truth(self, side: ast._Node, operator: Comparison, other: ast._Node, depth: int) -> Expression:
        """``condition eq true`` and its relatives."""
        if not isinstance(other, ast.Boolean) or operator not in (Comparison.EQ, Comparison.NE):
            raise self._refusal("a condition can only be compared with true or false, by eq or ne", other)
        condition = self._condition(side, depth + 1)
        return condition if other.py_val is (operator is Comparison.EQ) else Not(condition)

    def _membership(self, node: ast.Compare) -> Expression:
        left = self._plain(node.left)
        if not _is_column(left):
            raise self._refusal("'in' needs a column on its left", left)
        return OneOf(self._path(left), self._members(node.right))

    def _members(self, node: ast._Node) -> tuple[Literal, ...]:
        if not isinstance(node, ast.List):
            raise self._refusal("a list of values was expected here", node)
        return tuple(self._literal(self._plain(member)) for member in node.val)

    def _call(self, node: ast.Call) -> Expression:
        name = name_of(node.func).lower()
        if name in MEMBERSHIP:
            one_of = self._query_function(node)
            return Not(one_of) if MEMBERSHIP[name] else one_of
        if name not in TEXT_FUNCTIONS:
            raise self._refusal(f"'{name}' is not a condition", node)
        column, text = (self._plain(argument) for argument in node.args)
        if not _is_column(column):
            raise self._refusal(f"the first argument of {name} must be a column", column)
        if not isinstance(text, ast.String):
            raise self._refusal(f"the second argument of {name} must be a text in quotes", text)
        return TextMatch(TextTest(name), self._path(column), text.val)

    def _query_function(self, node: ast.Call) -> OneOf:
        given = {
            argument.name.name.lower(): argument.param for argument in node.args if isinstance(argument, ast.NamedParam)
        }
        name, values = given.get("propertyname"), given.get("propertyvalues")
        if not isinstance(name, ast.String) or values is None or len(node.args) != 2:
            raise self._refusal(f"{name_of(node.func)} needs PropertyName='...' and PropertyValues=[...]", node)
        return OneOf(ColumnPath(tuple(name.val.split("/")), self._position(name)), self._members(values))

    # --- operands ---------------------------------------------------------------------------------------------------

    def _plain(self, node: ast._Node) -> ast._Node:
        """``node`` without ``tolower`` and ``toupper`` around a column or a text."""
        for _ in range(MAX_DEPTH):
            if not isinstance(node, ast.Call) or name_of(node.func) not in CASE_FUNCTIONS:
                return node
            (inner,) = node.args
            if not isinstance(inner, ast.Call | ast.String) and not _is_column(inner):
                raise self._refusal(f"the argument of {node.func.name} must be a column or a text", inner)
            node = inner
        return node

    def _path(self, node: ast._Node) -> ColumnPath:
        position = self._position(node)
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.owner
        if not isinstance(node, ast.Identifier):
            raise self._refusal("a column was expected here", node)
        return ColumnPath((node.name, *reversed(parts)), position)

    def _literal(self, node: ast._Node) -> Literal:
        try:
            match node:
                case ast.Null():
                    return None
                case ast.String(val=text):
                    return text
                case EnumWord(type_name=type_name, member=member):
                    return self._enum(node, EnumLiteral(type_name, member))
                case ast.Boolean():
                    return node.py_val
                case ast.Integer(val=digits) | ast.Float(val=digits):
                    return literals.read_number(digits)
                case ast.Date(val=day):
                    return literals.read_date(day)
                case ast.DateTime(val=moment):
                    return literals.read_moment(moment)
                case ast.GUID(val=guid):
                    return literals.read_guid(guid)
        except ValueError as exc:
            raise FilterRefused(
                f"a value cannot be read: {exc}", text=self._text, position=self._position(node) or 0
            ) from exc
        raise self._refusal("a value was expected here", node)

    def _enum(self, node: ast._Node, literal: EnumLiteral) -> EnumLiteral:
        instead = OLD_LITERALS.get(literal.type_name.lower())
        if instead is not None:
            raise self._refusal(f"{literals.spoken(literal)} is not supported in a filter: {instead}", node)
        return literal

    # --- refusing ---------------------------------------------------------------------------------------------------

    def _refusal(self, message: str, node: ast._Node) -> FilterRefused:
        return FilterRefused(message, text=self._text, position=self._position(node) or 0)

    def _syntax_refusal(self, failure: ParsingException) -> FilterRefused:
        if failure.token is None:
            return FilterRefused("the filter ends too early", text=self._text, position=len(self._text))
        position: int = failure.token.index
        match = _WORD.match(self._text, position)
        word = match.group(1) if match else ""
        position = match.start(1) if match else position
        hint = hint_at(ODATA_HINTS, self._text, position)
        if hint is not None:
            return FilterRefused(hint[1], text=self._text, position=hint[0])
        message = f"the filter cannot be read: unexpected {literals.spoken(word)}"
        return FilterRefused(message, text=self._text, position=position)

    def _last_call(self) -> ast._Node:
        """The function whose arguments were read last."""
        consumed = self._words[: self._words.index(self._last) + 1] if self._last else []
        names = [word.value for word in consumed if isinstance(word.value, ast.Identifier)]
        calls = [name for name in names if name.name in TEXT_FUNCTIONS or name.name in CASE_FUNCTIONS]
        return calls[-1] if calls else ast.Null()

    def _position(self, node: ast._Node) -> int | None:
        """Where ``node`` starts in the text; None when nothing tells."""
        while id(node) not in self._at:
            match node:
                case ast.Attribute():
                    node = node.owner
                case ast.Compare() | ast.BoolOp():
                    node = node.left
                case ast.UnaryOp():
                    node = node.op
                case ast.Call():
                    node = node.func
                case ast.NamedParam():
                    node = node.name
                case ast.List(val=[first, *_]):
                    node = first
                case ast.Identifier():
                    # The library rebuilds the names of a path; the first word of that name stands for it.
                    return next((word.index for word in self._words if word.value == node), None)
                case _:
                    return None
        return self._at[id(node)]


def _chain(node: ast.BoolOp) -> Iterator[ast._Node]:
    """The operands of a chain of the same connective, without recursion: chains may be long."""
    waiting: list[ast._Node] = [node]
    while waiting:
        current = waiting.pop()
        if isinstance(current, ast.BoolOp) and type(current.op) is type(node.op):
            waiting += (current.right, current.left)
        else:
            yield current


def _is_column(node: ast._Node) -> bool:
    return isinstance(node, ast.Identifier | ast.Attribute)


def _is_condition(node: ast._Node) -> bool:
    return isinstance(node, ast.BoolOp | ast.Compare | ast.UnaryOp | ast.Call)
