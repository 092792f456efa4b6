"""Ids made in bulk, and series as PostgreSQL arrays."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import polars as pl

from dualwrite.environments.hosted.bulk.transfer import array_text
from dualwrite.environments.new_ids import new_ids


def test_new_ids_are_different_and_in_order() -> None:
    ids = new_ids(10_000)
    assert ids.n_unique() == 10_000
    assert ids.is_sorted()
    parsed = [UUID(each) for each in ids.head(100)]
    assert [str(each) for each in parsed] == ids.head(100).to_list()
    assert {(each.version, each.variant) for each in parsed} == {(7, "specified in RFC 4122")}
    assert new_ids(0).to_list() == []


def test_a_series_as_an_array() -> None:
    assert array_text(pl.Series([], dtype=pl.String)) == "{}"
    assert array_text(pl.Series([1, None, -3])) == '{"1",NULL,"-3"}'
    assert array_text(pl.Series(["a", "", None, 'q"\\,}'])) == '{"a","",NULL,"q\\"\\\\,}"}'
    assert array_text(pl.Series([Decimal("1.50")])) == '{"1.50"}'
    assert array_text(pl.Series([True, False])) == '{"true","false"}'
    assert array_text(pl.Series([date(2024, 2, 29)])) == '{"2024-02-29"}'
    moment = pl.Series([datetime(2024, 2, 29, 1, 2, 3, 4, tzinfo=UTC)])
    assert array_text(moment) in ('{"2024-02-29 01:02:03.000004+00:00"}', '{"2024-02-29 01:02:03.000004 UTC"}')
