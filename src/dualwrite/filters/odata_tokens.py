"""The words of an OData filter: odata-query's lexer, mended, and a pass that refuses early what we do not support.

The library's lexer takes ``all`` and ``any`` out of ``allowance``, knows no enum literals and no ``[...]``, and its
grammar wants a comma after the only member of a list. All is put right here, where each word still has its place in
the text, so that a refusal can point at it.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeVar

from odata_query import ast
from odata_query.exceptions import TokenizingException
from odata_query.grammar import ODataLexer

from dualwrite.errors import FilterRefused
from dualwrite.filters.connectives import MAX_DEPTH
from dualwrite.filters.hints import ODATA_FUNCTIONS, ODATA_HINTS, hint_at

MAX_PATH_PARTS = 10
MEMBERSHIP = {"microsoft.dynamics.crm.in": False, "microsoft.dynamics.crm.notin": True}
"""The query functions that are read as ``in``, and whether they negate it."""
TEXT_FUNCTIONS = frozenset({"startswith", "endswith", "contains"})
CASE_FUNCTIONS = frozenset({"tolower", "toupper"})

_UNSUPPORTED = {
    "ADD": "arithmetic (add)",
    "SUB": "arithmetic (sub)",
    "MUL": "arithmetic (mul)",
    "DIV": "arithmetic (div)",
    "MOD": "arithmetic (mod)",
    "UMINUS": "arithmetic (-)",
    "ANY": "'any' over a collection",
    "ALL": "'all' over a collection",
    "TIME": "a time without a date",
    "DURATION": "a duration",
    "GEOGRAPHY": "a geography literal",
}
_CLOSING = {"(": ")", "[": "]"}
_NAME = r"[_a-z](?:\.?\w){0,127}"
_DAY = r"\d{4}-(?:0\d|1[0-2])-(?:[0-2]\d|3[01])"
_CLOCK = r"(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,12})?)?"

Rule = TypeVar("Rule", bound=Callable[..., object])


class Word(Protocol):
    """A token of the lexer: ``value`` is a node of the library's tree, or the character itself."""

    type: str
    value: object
    index: int


@dataclass(frozen=True)
class EnumWord(ast._Literal):
    """``Type'Member'``, which the library's tree does not have."""

    type_name: str
    member: str


def name_of(identifier: ast.Identifier) -> str:
    """The name with its namespace, as the text has it."""
    return ".".join((*identifier.namespace, identifier.name))


def _reads(pattern: str) -> Callable[[Rule], Rule]:
    """A lexer rule for ``pattern``; the library's own decorator exists only inside its metaclass' namespace."""

    def mark(rule: Rule) -> Rule:
        rule.pattern = pattern  # type: ignore[attr-defined]
        return rule

    return mark


class FilterLexer(ODataLexer):
    """The library's lexer with whole words, enum literals, ``not(`` and ``in(``, brackets, years before 1000."""

    tokens = ODataLexer.tokens
    literals = ODataLexer.literals | {"[", "]"}
    # Names and numbers are ASCII in both applications; other digits and letters would reach int() and the catalog.
    reflags = re.IGNORECASE | re.ASCII

    GUID = r"[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}(?!\w)"  # type: ignore[assignment]
    DATETIME = _DAY + "T" + _CLOCK + r"(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)?"  # type: ignore[assignment]
    DATE = _DAY  # type: ignore[assignment]
    BOOLEAN = r"(?:true|false)\b"  # type: ignore[assignment]
    NULL = r"null\b"  # type: ignore[assignment]
    NOT = r"not(?:\s+|(?=\())"  # type: ignore[assignment]
    IN = r"\s+in(?:\s+|(?=\())"  # type: ignore[assignment]
    ANY = r"any(?=\s*\()"  # type: ignore[assignment]
    ALL = r"all(?=\s*\()"  # type: ignore[assignment]

    @_reads(rf"(?!geography')(?:{_NAME})?'(?:[^']|'')*'")
    def STRING(self, t: Word) -> Word:  # noqa: N802  (the lexer finds its rules by name)
        assert isinstance(t.value, str)
        prefix, _, rest = t.value.partition("'")
        content = rest[:-1].replace("''", "'")
        t.value = EnumWord(prefix, content) if prefix else ast.String(content)
        return t


def read_words(text: str) -> list[Word]:
    """The words of ``text`` as the library's grammar wants them. Raises: FilterRefused."""
    try:
        words: list[Word] = list(FilterLexer().tokenize(text))
    except TokenizingException as exc:
        position = exc.token.index
        hint = hint_at(ODATA_HINTS, text, position)
        if hint is not None:
            raise FilterRefused(hint[1], text=text, position=hint[0]) from exc
        kind = "the text that starts here never ends" if text[position] == "'" else f"unexpected {text[position]!r}"
        raise FilterRefused(f"the filter cannot be read: {kind}", text=text, position=position) from exc
    while words and words[0].type == "WS":
        del words[0]
    while words and words[-1].type == "WS":
        del words[-1]
    for word in words:
        word.index = _first_visible(text, word.index)
    return list(_Checking(text, words))


def _first_visible(text: str, index: int) -> int:
    """The place of a word: operators are read together with the blanks before them."""
    while index < len(text) - 1 and text[index].isspace():
        index += 1
    return index


class _Checking:
    """Passes words on, mended for the grammar, or refuses."""

    def __init__(self, text: str, words: list[Word]) -> None:
        self._text = text
        self._words = words
        self._open: list[_Bracket] = []
        self._path_parts = 1

    def __iter__(self) -> Iterator[Word]:
        for number, word in enumerate(self._words):
            before = self._words[number - 1] if number else None
            after = self._words[number + 1] if number + 1 < len(self._words) else None
            if word.type in _UNSUPPORTED:
                raise self._refusal(f"{_UNSUPPORTED[word.type]} is not supported in a filter", word)
            if isinstance(word.value, ast.Identifier):
                self._check_name(word, followed_by_call=after is not None and after.type == "(")
            self._measure_path(word)
            match word.type:
                case "(" | "[":
                    yield self._opened(word, before)
                case ")" | "]":
                    yield from self._closed(word)
                case _:
                    if word.type == "," and self._open:
                        self._open[-1].commas += 1
                    yield word

    def _check_name(self, word: Word, *, followed_by_call: bool) -> None:
        assert isinstance(word.value, ast.Identifier)
        name = name_of(word.value)
        if not followed_by_call:
            if word.value.namespace:
                raise self._refusal(f"'{name}' is not a column; type casts are not supported in a filter", word)
            return
        lower = name.lower()
        if lower in TEXT_FUNCTIONS or lower in CASE_FUNCTIONS:
            word.value = ast.Identifier(lower)
        elif lower not in MEMBERSHIP:
            instead = f": {ODATA_FUNCTIONS[lower]}" if lower in ODATA_FUNCTIONS else ""
            raise self._refusal(f"the function '{name}' is not supported in a filter{instead}", word)

    def _measure_path(self, word: Word) -> None:
        if word.type == "/":
            self._path_parts += 1
        elif word.type != "ODATA_IDENTIFIER":
            self._path_parts = 1
        if self._path_parts > MAX_PATH_PARTS:
            raise self._refusal(f"a path may have at most {MAX_PATH_PARTS} parts", word)

    def _opened(self, word: Word, before: Word | None) -> Word:
        if len(self._open) >= MAX_DEPTH:
            raise self._refusal(f"parentheses nest deeper than {MAX_DEPTH}", word)
        if word.type == "[" and (before is None or before.type != "="):
            raise self._refusal("unexpected '['", word)
        is_list = word.type == "[" or (before is not None and before.type == "IN")
        self._open.append(_Bracket(word.type, is_list))
        return _as(word, "(")

    def _closed(self, word: Word) -> Iterator[Word]:
        if not self._open or _CLOSING[self._open[-1].kind] != word.type:
            raise self._refusal(f"unexpected '{word.type}'", word)
        bracket = self._open.pop()
        if bracket.is_list and bracket.commas == 0:
            yield _as(word, ",")
        yield _as(word, ")")

    def _refusal(self, message: str, word: Word) -> FilterRefused:
        return FilterRefused(message, text=self._text, position=word.index)


@dataclass(slots=True)
class _Bracket:
    kind: str
    is_list: bool
    commas: int = 0


def _as(word: Word, character: str) -> Word:
    """A word at the same place that is ``character``."""
    other = copy.copy(word)
    other.type = other.value = character
    return other
