"""Values as callers send them, read as their column's type."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID, uuid4

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualwrite.metadata.schema import Column, ColumnType
from dualwrite.metadata.values import Value
from dualwrite.servers.dataverse.formatting import format_value
from dualwrite.servers.dataverse.scalars import from_literal, reader
from dualwrite.servers.odata.json_body import read_json, write_json
from dualwrite.servers.odata.literals import UrlLiteral
from dualwrite.servers.odata.refusals import MalformedRequest

_DECIMALS = st.decimals(min_value=-(10**11), max_value=10**11, places=10, allow_nan=False)
_MOMENTS = st.datetimes(min_value=datetime(1753, 1, 1), timezones=st.just(UTC))
_TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)


@given(
    st.one_of(
        st.tuples(st.just(ColumnType.STRING), _TEXTS),
        st.tuples(st.just(ColumnType.INTEGER), st.integers(-(2**31), 2**31 - 1)),
        st.tuples(st.just(ColumnType.BIGINT), st.integers(-(2**63), 2**63 - 1)),
        st.tuples(st.just(ColumnType.DECIMAL), _DECIMALS),
        st.tuples(st.just(ColumnType.BOOLEAN), st.booleans()),
        st.tuples(st.just(ColumnType.DATE), st.dates(min_value=date(1753, 1, 1))),
        st.tuples(st.just(ColumnType.DATETIME), _MOMENTS),
        st.tuples(st.just(ColumnType.GUID), st.uuids()),
    )
)
def test_what_the_service_writes_it_reads_back(pair: tuple[ColumnType, Value]) -> None:
    kind, value = pair
    body = read_json(write_json({"value": value}))
    assert isinstance(body, dict)
    assert reader(Column("x", kind))(body["value"]) == value


@given(st.sampled_from(ColumnType), st.recursive(st.none() | st.booleans() | st.text() | st.integers(), st.lists))
def test_anything_is_read_or_refused(kind: ColumnType, sent: object) -> None:
    try:
        reader(Column("x", kind))(sent)
    except MalformedRequest as refusal:
        assert "'x'" in refusal.message
        orjson.dumps(refusal.message)


@pytest.mark.parametrize(
    ("kind", "literal", "value"),
    [
        (ColumnType.STRING, "A'1", "A'1"),
        (ColumnType.INTEGER, 5, 5),
        (ColumnType.DECIMAL, 5, Decimal(5)),
        (ColumnType.DATE, date(2026, 1, 1), date(2026, 1, 1)),
        (ColumnType.DATETIME, datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)),
        (ColumnType.LOOKUP, UUID(int=5), UUID(int=5)),
    ],
)
def test_parts_of_keys_are_read(kind: ColumnType, literal: UrlLiteral, value: Value) -> None:
    assert from_literal(Column("x", kind), literal) == value


@pytest.mark.parametrize(
    ("kind", "literal"),
    [(ColumnType.STRING, 5), (ColumnType.INTEGER, "5"), (ColumnType.STRING, None), (ColumnType.DATE, uuid4())],
)
def test_parts_of_keys_of_another_type_are_refused(kind: ColumnType, literal: UrlLiteral) -> None:
    with pytest.raises(MalformedRequest):
        from_literal(Column("x", kind), literal)


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (ColumnType.MONEY, Decimal("1234.5678"), "1,234.57"),
        (ColumnType.DECIMAL, Decimal("0.5"), "0.50"),
        (ColumnType.BIGINT, 1234567, "1,234,567"),
        (ColumnType.BOOLEAN, False, "No"),
        (ColumnType.DATE, date(1899, 12, 31), "12/31/1899"),
        (ColumnType.DATETIME, datetime(2026, 1, 2, 0, 5, tzinfo=UTC), "1/2/2026 12:05 AM"),
        (ColumnType.STRING, "x", None),
    ],
)
def test_values_are_formatted_for_people(kind: ColumnType, value: Value, text: str | None) -> None:
    assert format_value(Column("x", kind), value) == text
