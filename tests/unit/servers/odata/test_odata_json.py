"""JSON bodies keep numbers exact and hold nothing that a database could not store."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualwrite.servers.odata.json_body import check_json_type, read_json, read_object, write_json
from dualwrite.servers.odata.refusals import MalformedRequest, RequestRefused, UnsupportedBody


def test_numbers_are_decimal_both_ways() -> None:
    body = read_object(b'{"a":0.1,"b":1e3,"c":-7,"d":123456789012345678901.2345678901,"e":true}')
    assert body == {
        "a": Decimal("0.1"),
        "b": Decimal("1e3"),
        "c": -7,
        "d": Decimal("123456789012345678901.2345678901"),
        "e": True,
    }
    assert write_json(body) == b'{"a":0.1,"b":1000,"c":-7,"d":123456789012345678901.2345678901,"e":true}'


def test_other_values_are_written_as_odata_has_them() -> None:
    moment = datetime(2024, 1, 31, 12, 30, tzinfo=UTC)
    assert write_json({"t": moment, "g": UUID(int=1)}) == (
        b'{"t":"2024-01-31T12:30:00Z","g":"00000000-0000-0000-0000-000000000001"}'
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"NaN",
        b"[Infinity]",
        b"[-Infinity]",
        b'{"a":1,"a":2}',
        b'{"a":{"b":1,"b":1}}',
        b'"\\u0000"',
        b'"\x00"',
        b'"\\ud800"',
        b'"\\udc00\\ud800"',
        b'{"\\ud800":1}',
        b"\xff",
        b'"\xed\xa0\x80"',
        b"1e99999",
        b"9" * 10_000,
        b"[" * 33 + b"]" * 33,
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"{} x",
        b"'a'",
        b"[1,]",
        b"1e9999999999999999999999",
    ],
)
def test_what_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedRequest):
        read_json(body)


def test_a_proper_surrogate_pair_is_one_character() -> None:
    assert read_json(b'"\\ud83d\\ude00"') == "😀"
    assert read_json(b'\xef\xbb\xbf{"a":"\xf0\x9f\x98\x80"}') == {"a": "😀"}


@pytest.mark.parametrize("body", [b"[]", b"null", b"1", b'"x"'])
def test_a_row_is_an_object(body: bytes) -> None:
    with pytest.raises(MalformedRequest):
        read_object(body)


def test_json_goes_by_many_names() -> None:
    for accepted in (
        None,
        "",
        "application/json",
        "Application/JSON; type=entry",
        "application/problem+json; charset=utf-8",
    ):
        check_json_type(accepted)
    with pytest.raises(UnsupportedBody):
        check_json_type("text/xml")


_TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=8)
_NUMBERS = st.integers(-(2**63), 2**63 - 1) | st.decimals(allow_nan=False, allow_infinity=False, places=6)
_VALUES = st.recursive(
    st.none() | st.booleans() | _NUMBERS | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(_TEXT, _VALUES, max_size=4))
def test_what_is_written_is_read_again(value: dict[str, object]) -> None:
    assert read_json(write_json(value)) == value


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        read_json(body)
    except RequestRefused as refusal:
        assert refusal.status == 400
