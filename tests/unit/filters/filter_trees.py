"""Expressions as hypothesis draws them, in the flat form that the parsers give."""

from __future__ import annotations

import string
from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

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

_WORDS = {"true", "false", "null", "not", "and", "or", "in"}

names = st.text(string.ascii_letters + "_", min_size=1, max_size=8).filter(lambda name: name.lower() not in _WORDS)
texts = st.text(max_size=12)
starless = texts.filter(lambda text: "*" not in text)
numbers: SearchStrategy[Literal] = st.integers() | st.decimals(allow_nan=False, allow_infinity=False, places=10).map(
    Decimal
)
moments = st.datetimes(timezones=st.just(UTC)) | st.just(datetime(1900, 1, 1, tzinfo=UTC))


def literals(text: SearchStrategy[str]) -> SearchStrategy[Literal]:
    enums = st.builds(EnumLiteral, names, names)
    return st.one_of(st.none(), st.booleans(), text, numbers, st.dates(), moments, st.uuids(), enums)


def _nested(leaves: SearchStrategy[Expression]) -> SearchStrategy[Expression]:
    def deeper(inner: SearchStrategy[Expression]) -> SearchStrategy[Expression]:
        def of(kind: type[And] | type[Or]) -> SearchStrategy[Expression]:
            operands = st.lists(inner.filter(lambda operand: not isinstance(operand, kind)), min_size=2, max_size=4)
            return operands.map(lambda given: kind(tuple(given)))

        return st.builds(Not, inner) | of(And) | of(Or)

    return st.recursive(leaves, deeper, max_leaves=12)


def odata_trees() -> SearchStrategy[Expression]:
    paths = st.lists(names, min_size=1, max_size=3).map(lambda parts: ColumnPath(tuple(parts)))
    values = literals(texts)
    leaves: SearchStrategy[Expression] = st.one_of(
        st.builds(Compare, st.sampled_from(Comparison), paths, values | paths),
        st.builds(TextMatch, st.sampled_from(TextTest), paths, texts),
        st.builds(OneOf, paths, st.lists(values, min_size=1, max_size=4).map(tuple)),
        st.builds(Always, st.booleans()),
    )
    return _nested(leaves)


def range_trees() -> SearchStrategy[Expression]:
    paths = names.map(lambda name: ColumnPath((name,)))
    leaves: SearchStrategy[Expression] = st.one_of(
        st.builds(Compare, st.sampled_from(Comparison), paths, literals(starless) | paths),
        st.builds(TextMatch, st.sampled_from(TextTest), paths, starless.filter(bool)),
        st.builds(Always, st.booleans()),
    )
    return _nested(leaves)
