"""Continuation tokens come back as they were sealed, or not at all."""

from __future__ import annotations

from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualwrite.metadata.values import Value
from dualwrite.servers.odata.refusals import MalformedRequest
from dualwrite.servers.odata.skiptoken import Continuation, SkipTokens

TOKENS = SkipTokens(b"one secret")
VALUES: st.SearchStrategy[Value] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=("Cs",))),
    st.uuids(),
    st.dates(),
    st.datetimes(timezones=st.just(UTC)),
)


@given(st.lists(VALUES, max_size=4).map(tuple), st.none() | st.integers(0, 10**6), st.integers(2, 99))
def test_a_token_opens_as_it_was_sealed(after: tuple[Value, ...], remaining: int | None, page: int) -> None:
    sealed = Continuation(after, remaining, page)
    opened = TOKENS.open(TOKENS.seal(sealed, context="q"), context="q")
    assert opened == sealed
    assert [type(value) for value in opened.after] == [type(value) for value in after]


@given(st.integers(0, 200), st.characters(codec="ascii"))
def test_an_altered_token_does_not_open(position: int, replacement: str) -> None:
    token = TOKENS.seal(Continuation(("usmf", 5637144576)), context="q")
    position %= len(token)
    altered = token[:position] + replacement + token[position + 1 :]
    # The last character of base64 has bits that carry nothing.
    if altered != token and position < len(token) - 1:
        with pytest.raises(MalformedRequest):
            TOKENS.open(altered, context="q")


@pytest.mark.parametrize("token", ["", "A", "AAAA", "é", "%", "=" * 9, "\ud800", "A" * 5000])
def test_rubbish_does_not_open(token: str) -> None:
    with pytest.raises(MalformedRequest):
        TOKENS.open(token, context="q")


def test_a_token_belongs_to_its_query_and_its_service() -> None:
    token = TOKENS.seal(Continuation((1,)), context="q")
    with pytest.raises(MalformedRequest):
        TOKENS.open(token, context="another")
    with pytest.raises(MalformedRequest):
        SkipTokens(b"another secret").open(token, context="q")
