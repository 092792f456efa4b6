"""Tables spelled as documents come back equal."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualwrite.catalog import load_schema
from dualwrite.errors import CatalogRefused
from dualwrite.metadata.document import own_enumeration, read_table, table_document
from dualwrite.metadata.schema import Column, ColumnRole, ColumnType, Enumeration, Side, Table

_names = st.text("abcdefgh_", min_size=1, max_size=8)
_texts = st.text(max_size=12)


@st.composite
def enumerations(draw: st.DrawFn, own: str) -> Enumeration:
    members = draw(st.dictionaries(_texts, st.integers(-(2**31), 2**31 - 1), min_size=1, max_size=4))
    return Enumeration(draw(st.sampled_from((own, "NoYes"))), tuple(members.items()))


@st.composite
def columns(draw: st.DrawFn, table: str, name: str) -> Column:
    kind = draw(st.sampled_from(ColumnType))
    has_members = kind in (ColumnType.ENUM, ColumnType.CHOICE)
    targets = tuple(draw(st.lists(_names, min_size=1, max_size=3))) if kind is ColumnType.LOOKUP else ()
    return Column(
        name=name,
        type=kind,
        length=draw(st.none() | st.integers(1, 4000)),
        scale=draw(st.none() | st.integers(0, 10)),
        required=draw(st.booleans()),
        label=draw(_texts),
        enumeration=draw(enumerations(own_enumeration(table, name))) if has_members else None,
        targets=targets,
        role=draw(st.sampled_from(ColumnRole)),
        inferred=tuple(draw(st.lists(_texts, max_size=2))),
        schema_name=draw(_texts),
        relationships=tuple(draw(st.lists(_texts, max_size=2))),
    )


@st.composite
def tables(draw: st.DrawFn) -> Table:
    name = draw(_names)
    names = draw(st.lists(_names, min_size=1, max_size=5, unique=True))
    keys = st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True).map(tuple)
    return Table(
        side=draw(st.sampled_from(Side)),
        name=name,
        entity_set=draw(_names),
        label=draw(_texts),
        key=draw(keys),
        columns=tuple(draw(columns(name, each)) for each in names),
        alternate_keys=tuple(draw(st.lists(keys, max_size=2))),
        primary_name=draw(st.none() | _names),
        company_column=draw(st.none() | st.sampled_from(names)),
        key_names=tuple(draw(st.lists(_texts, max_size=2))),
        schema_name=draw(_texts),
        collection_label=draw(_texts),
    )


@given(tables())
def test_a_table_comes_back_equal(table: Table) -> None:
    assert read_table(json.loads(json.dumps(table_document(table))), table.side) == table


@pytest.mark.parametrize("side", Side)
def test_every_table_of_the_catalog_comes_back_equal(side: Side) -> None:
    for table in load_schema(side):
        assert read_table(table_document(table), side) == table


def test_an_enum_that_nobody_lists_is_refused() -> None:
    column = {"name": "Kind", "type": "enum", "enum": "Missing"}
    document = {"name": "T", "entity_set": "Ts", "label": "T", "key": ["Kind"], "columns": [column]}
    with pytest.raises(CatalogRefused, match=r"T\.Kind.*'Missing'"):
        read_table(document, Side.FINOPS)  # type: ignore[arg-type]
