"""The Prefer header in the spellings that clients send."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualwrite.servers.dataverse.preferences import FORMATTED_VALUE, Preferences, parse_preferences


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, Preferences()),
        ("odata.maxpagesize=50", Preferences(page_rows=50)),
        ("odata.maxpagesize=0", Preferences()),
        ("odata.maxpagesize=many", Preferences()),
        ("return=representation", Preferences(representation=True)),
        ("return=minimal", Preferences()),
        ("odata.continue-on-error", Preferences(continue_on_error=True)),
        ("respond-async, something=else", Preferences()),
        ('odata.include-annotations="*"', Preferences(annotations=("*",))),
        (
            'odata.include-annotations="A.b,C.d";odata.maxpagesize=3',
            Preferences(page_rows=3, annotations=("A.b", "C.d")),
        ),
        ("odata.include-annotations=A.b,C.d,return=representation", Preferences(None, True, ("A.b", "C.d"))),
        ('odata.include-annotations="bad\tname,A.b"', Preferences(annotations=("A.b",))),
    ],
)
def test_preferences_are_read(header: str | None, expected: Preferences) -> None:
    assert parse_preferences(header) == expected


@pytest.mark.parametrize(
    ("patterns", "wanted"),
    [
        (("*",), True),
        (("OData.Community.Display.V1.*",), True),
        ((FORMATTED_VALUE,), True),
        (("Microsoft.*",), False),
        (("*", f"-{FORMATTED_VALUE}"), False),
        ((), False),
    ],
)
def test_patterns_choose_annotations(patterns: tuple[str, ...], wanted: bool) -> None:
    assert Preferences(annotations=patterns).wants(FORMATTED_VALUE) is wanted


@given(st.text(max_size=60) | st.text('"=,; odata.includ-ntsmxpgz*', max_size=60))
def test_any_header_is_read_and_its_echo_is_a_header(header: str) -> None:
    for _, value in parse_preferences(header).applied(paged=True):
        assert value.isascii()
        assert value.isprintable()
