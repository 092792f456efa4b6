"""Reading the path of a request."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualwrite.filters.tree import EnumLiteral
from dualwrite.servers.odata.literals import ParameterAlias, read_literal, write_literal
from dualwrite.servers.odata.path import KeyPredicate, Segment, parse_path
from dualwrite.servers.odata.refusals import MalformedRequest, RequestRefused

ID = "0f5c1a2b-0000-4000-8000-00000000abcd"


@pytest.mark.parametrize(
    ("path", "segments"),
    [
        ("", ()),
        ("/", ()),
        ("$metadata", (Segment("$metadata"),)),
        ("accounts/$count/", (Segment("accounts"), Segment("$count"))),
        ("WhoAmI()", (Segment("WhoAmI", KeyPredicate()),)),
        (f"accounts({ID})", (Segment("accounts", KeyPredicate((("", UUID(ID)),))),)),
        ("s('it''s')", (Segment("s", KeyPredicate((("", "it's"),))),)),
        ("s('a/b')", (Segment("s", KeyPredicate((("", "a/b"),))),)),
        ("s(%27a%2Fb%27)", (Segment("s", KeyPredicate((("", "a/b"),))),)),
        ("s('a%252Fb')", (Segment("s", KeyPredicate((("", "a/b"),))),)),
        ("s('a%2520b')", (Segment("s", KeyPredicate((("", "a%20b"),))),)),
        ("s('a(b),c')", (Segment("s", KeyPredicate((("", "a(b),c"),))),)),
        ("s('')", (Segment("s", KeyPredicate((("", ""),))),)),
        ("f(a=@p1)", (Segment("f", KeyPredicate((("a", ParameterAlias("p1")),))),)),
        (
            "s(c='usmf', n=1.50,d=2024-01-31T12:00:00Z,e=N.S.NoYes'Yes',b=true,i=-7)",
            (
                Segment(
                    "s",
                    KeyPredicate(
                        (
                            ("c", "usmf"),
                            ("n", Decimal("1.50")),
                            ("d", datetime(2024, 1, 31, 12, tzinfo=UTC)),
                            ("e", EnumLiteral("N.S.NoYes", "Yes")),
                            ("b", True),
                            ("i", -7),
                        )
                    ),
                ),
            ),
        ),
        (
            "EntityDefinitions(LogicalName='x')/Attributes/Microsoft.Dynamics.CRM.PicklistAttributeMetadata",
            (
                Segment("EntityDefinitions", KeyPredicate((("LogicalName", "x"),))),
                Segment("Attributes"),
                Segment("Microsoft.Dynamics.CRM.PicklistAttributeMetadata"),
            ),
        ),
    ],
)
def test_paths_that_clients_send(path: str, segments: tuple[Segment, ...]) -> None:
    assert parse_path(path) == segments


def test_a_content_reference_is_known_as_one() -> None:
    first, second, third = parse_path("$12/nav/$ref")
    assert (first.content_reference, second.content_reference, third.content_reference) == ("12", None, None)


@pytest.mark.parametrize(
    "path",
    [
        "a//b",
        "a(",
        "a(1",
        "a)1(",
        "a(1))",
        "a('x)",
        "a(b=1,b=2)",
        "a(1,2)",
        "a(b=1,2)",
        "a(b=)",
        "a(,)",
        "a(x)",
        "%",
        "a%2",
        "a('%00')",
        "a('%FF')",
        "a b",
        "(1)",
        "a(99-99)",
        "a(2024-02-30)",
        "a(" + "9" * 100 + ")",
        "a/" * 20,
        "a" * 40_000,
        "a(1e9999)",
        "é",
    ],
)
def test_paths_that_mean_nothing_are_refused(path: str) -> None:
    with pytest.raises(MalformedRequest):
        parse_path(path)


@given(st.text())
def test_a_path_is_read_or_refused(text: str) -> None:
    try:
        parse_path(text)
    except RequestRefused as refusal:
        assert refusal.status == 400


_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63),
    st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**12), max_value=10**12),
    st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",))).filter(lambda t: "%2" not in t),
    st.uuids(),
    st.dates(),
    st.datetimes(timezones=st.just(UTC)),
)


@given(_VALUES)
def test_a_written_literal_is_read_as_what_it_was(value: bool | int | Decimal | str | None) -> None:
    (segment,) = parse_path(f"s(k={write_literal(value)})")
    assert segment.key is not None
    read = segment.key.get("k")
    assert read == value
    assert read_literal("null") is None
