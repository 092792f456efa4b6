"""Bound filters and the rows they run on, as hypothesis draws them: what every way of running a filter is tried with.

Texts fold in odd ways, numbers lie at the ends of their columns and beyond, dates at the ends of the calendar.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import polars as pl
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from dualwrite.filters.tree import (
    Always,
    And,
    ColumnPath,
    Compare,
    Comparison,
    Expression,
    Not,
    OneOf,
    Or,
    TextMatch,
    TextTest,
)
from dualwrite.metadata.values import Value

COLUMNS = {
    "title": "text",
    "note": "text",
    "member": "text",
    "kind": "integer",
    "size": "bigint",
    "price": "numeric(19,4)",
    "amount": "numeric(38,10)",
    "open": "boolean",
    "day": "date",
    "moment": "timestamptz",
    "id": "uuid",
}
"""The columns of a row and their types in the database."""
DTYPES = {
    "text": pl.String,
    "integer": pl.Int32,
    "bigint": pl.Int64,
    "numeric(19,4)": pl.Decimal(38, 4),
    "numeric(38,10)": pl.Decimal(38, 10),
    "boolean": pl.Boolean,
    "date": pl.Date,
    "timestamptz": pl.Datetime("us", "UTC"),
    "uuid": pl.String,
}
"""The dtypes of a frame for the types in the database."""
TEXTS = ("title", "note", "member")

_UNORDERED = ("open", "id", "member")
_PEERS = {"title": TEXTS, "note": TEXTS, "kind": ("size", "amount"), "size": ("price", "kind"), "price": ("amount",)}
_SMALL_TEXTS = (
    "",
    "a",
    "A",
    "ab",
    "Ba",
    "b%",
    "_",
    "\\",
    "ä",
    "Ä",
    "É",
    "ß",
    "ẞ",
    "'",
    "z",
    "Ż",
    "😀",
    "a b",
    "[a]",
    "*",
)
_GREEK_AND_TURKISH = ("İ", "i", "I", "ı", "ΑΣ", "ας", "ασ", "Σ", "ς", " ", "  ", "K", "k", "ﬀ", "ﬀi", "\u212a")
_NUMBERS = [Decimal(text) for text in ("0", "-0", "0.0", "0.5", "1", "1.0000", "-1", "10.50", "-0.0001")]

_texts = st.sampled_from(_SMALL_TEXTS + _GREEK_AND_TURKISH) | st.text("aAbB%_ äÄéÉ\\'İΣςß", max_size=4)
_days = [date(1, 1, 1), date(1900, 1, 1), date(1600, 2, 29), date(2024, 2, 29), date(2024, 3, 1), date(9999, 12, 31)]
_moments = [
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(1900, 1, 1, tzinfo=UTC),
    datetime(2024, 2, 29, 10, 0, 0, 123456, tzinfo=UTC),
    datetime(2024, 2, 29, 10, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
]
_values: dict[str, SearchStrategy[Value]] = {
    "title": _texts,
    "note": _texts,
    "member": st.sampled_from(["No", "Yes", "yes", "Organization"]),
    "kind": st.integers(-2, 2) | st.sampled_from([2**31 - 1, -(2**31)]),
    "size": st.integers(-2, 2) | st.sampled_from([2**63 - 1, -(2**63)]),
    "price": st.sampled_from([*_NUMBERS, Decimal("999999999999999.9999"), Decimal("-922337203685477.5808")]),
    "amount": st.sampled_from([*_NUMBERS, Decimal("-0.0000000001"), Decimal("9" * 28 + "." + "9" * 10)]),
    "open": st.booleans(),
    "day": st.sampled_from(_days),
    "moment": st.sampled_from(_moments),
    "id": st.sampled_from([UUID(int=0), UUID("3f2504e0-4f89-11d3-9a0c-0305e82c3301"), UUID(int=2**128 - 1)]),
}
_odd = st.sampled_from([2**70, -(2**70), Decimal("1.5"), Decimal("0.00005"), Decimal("-0.00000000005"), 10**40])
_literals = {
    **_values,
    **{name: _values[name] | _odd for name in ("kind", "size", "price", "amount")},
}


def _leaf(name: str) -> SearchStrategy[Expression]:
    path = ColumnPath((name,))
    operators = st.sampled_from([Comparison.EQ, Comparison.NE] if name in _UNORDERED else list(Comparison))
    literal = st.none() | _literals[name]
    leaves: list[SearchStrategy[Expression]] = [
        st.builds(Compare, operators, st.just(path), literal),
        st.builds(OneOf, st.just(path), st.lists(literal, max_size=4).map(tuple)),
    ]
    if name in TEXTS:
        leaves.append(st.builds(TextMatch, st.sampled_from(TextTest), st.just(path), _texts))
    peers = st.sampled_from([ColumnPath((other,)) for other in (name, *_PEERS.get(name, ()))])
    leaves.append(st.builds(Compare, operators, st.just(path), peers))
    return st.one_of(leaves)


_leaves: SearchStrategy[Expression] = st.one_of(st.builds(Always, st.booleans()), *(_leaf(name) for name in COLUMNS))


def _deeper(inner: SearchStrategy[Expression]) -> SearchStrategy[Expression]:
    operands = st.lists(inner, max_size=4).map(tuple)
    return st.one_of(st.builds(Not, inner), st.builds(And, operands), st.builds(Or, operands))


def bound_filters() -> SearchStrategy[Expression]:
    return st.recursive(_leaves, _deeper, max_leaves=10)


def rows_of() -> SearchStrategy[list[dict[str, Value]]]:
    row = st.fixed_dictionaries({name: st.none() | values for name, values in _values.items()})
    return st.lists(row, min_size=1, max_size=8)


def framed(rows: list[dict[str, Value]]) -> pl.DataFrame:
    """The rows as a frame holds them."""
    held = [{name: str(value) if isinstance(value, UUID) else value for name, value in row.items()} for row in rows]
    return pl.DataFrame(held, schema={name: DTYPES[kind] for name, kind in COLUMNS.items()})
