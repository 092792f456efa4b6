"""Companies grouped and tables cut."""

from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from dualwrite.environments.bulk import Span
from dualwrite.environments.hosted.bulk.extents import part_rows, shared, spans


def test_small_companies_share_and_large_ones_do_not() -> None:
    counts = {"a": 4, "b": 5, "c": 11, "d": 0, "e": 2, "f": 10}
    assert shared(counts, most_rows=10) == [(("a", "b"), 9), (("e",), 2), (("f",), 10)]


@given(rows=st.integers(0, 10**7), most_rows=st.integers(1, 10**6))
def test_parts_are_even_and_as_few_as_possible(rows: int, most_rows: int) -> None:
    parts = part_rows(rows, most_rows=most_rows) if rows // most_rows < 10_000 else [rows]
    assert sum(parts) == rows
    if len(parts) > 1:
        assert max(parts) <= most_rows
        assert max(parts) - min(parts) <= 1
        assert (len(parts) - 1) * most_rows < rows


def test_spans_leave_no_gap() -> None:
    assert spans([], last=None) == [Span(None, None)]
    assert spans([5, 9], last=20) == [Span(None, 5), Span(6, 9), Span(10, 20)]
    assert spans([UUID(int=0xFF)], last=None) == [Span(None, UUID(int=0xFF)), Span(UUID(int=0x100), None)]
