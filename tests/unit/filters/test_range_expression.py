"""X++ range expressions: what is read, what is refused and where, and the way back."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from filter_trees import range_trees
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dualwrite.errors import FilterRefused
from dualwrite.filters.range_expression import parse_range, render_range
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


def col(name: str) -> ColumnPath:
    return ColumnPath((name,))


def eq(name: str, value: Literal | ColumnPath) -> Compare:
    return Compare(Comparison.EQ, col(name), value)


PUBLISHED: tuple[tuple[str, Expression], ...] = (
    ('((CURRENCYCODE != "999"))', Compare(Comparison.NE, col("CURRENCYCODE"), "999")),
    (
        '((DocumentAttachmentTypeCode == "Note") || (DocumentAttachmentTypeCode == "URL"))',
        Or((eq("DocumentAttachmentTypeCode", "Note"), eq("DocumentAttachmentTypeCode", "URL"))),
    ),
    ('((PartyType == "Organization"))', eq("PartyType", "Organization")),
    ('((PartyType == "Person"))', eq("PartyType", "Person")),
    ('((TypeId == "Note") || (TypeId == "URL"))', Or((eq("TypeId", "Note"), eq("TypeId", "URL")))),
    (
        '((VendorPartyType == "Organization") || (VendorPartyType == "Person"))',
        Or((eq("VendorPartyType", "Organization"), eq("VendorPartyType", "Person"))),
    ),
    ("(AssociatedContactType = 1)", eq("AssociatedContactType", 1)),
    ("(IsB2BProspect == 1)", eq("IsB2BProspect", 1)),
    ('(SalesOrderNumber != "")', Compare(Comparison.NE, col("SalesOrderNumber"), "")),
)


@pytest.mark.parametrize(("text", "tree"), PUBLISHED)
def test_filters_of_the_published_maps(text: str, tree: Expression) -> None:
    assert parse_range(text) == tree
    assert parse_range(render_range(tree)) == tree


@pytest.mark.parametrize("text", ["", "   "])
def test_a_blank_filter_is_none(text: str) -> None:
    assert parse_range(text) is None


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ('a == "say \\"hi\\" \\\\ C:\\dir"', eq("a", 'say "hi" \\ C:\\dir')),
        ("a == 'x'", eq("a", "x")),
        ("a == 1.25", eq("a", Decimal("1.25"))),
        ("a == -3", eq("a", -3)),
        ("a == NoYes::Yes", eq("a", EnumLiteral("NoYes", "Yes"))),
        ("a == 31\\12\\2019", eq("a", date(2019, 12, 31))),
        ("a == 2019-12-31", eq("a", date(2019, 12, 31))),
        ("a == 12/31/2019", eq("a", date(2019, 12, 31))),
        ("a == {d'2019-12-31'}", eq("a", date(2019, 12, 31))),
        ("a == {ts'2019-12-31 23:00:00'}", eq("a", datetime(2019, 12, 31, 23, tzinfo=UTC))),
        ('a in ("x", 2, null)', OneOf(col("a"), ("x", 2, None))),
        ("a in [NoYes::Yes]", OneOf(col("a"), (EnumLiteral("NoYes", "Yes"),))),
        ('a in ("x*", "y")', Or((TextMatch(TextTest.STARTS_WITH, col("a"), "x"), eq("a", "y")))),
        ('a like "x*"', TextMatch(TextTest.STARTS_WITH, col("a"), "x")),
        ('a LIKE "x"', eq("a", "x")),
        ("in == 1 && like == 2", And((eq("in", 1), eq("like", 2)))),
        ("a == 2019-12-31T23:00:00", eq("a", datetime(2019, 12, 31, 23, tzinfo=UTC))),
        ("a == {3f2504e0-4f89-11d3-9a0c-0305e82c3301}", eq("a", UUID("3f2504e0-4f89-11d3-9a0c-0305e82c3301"))),
        ("a == true", eq("a", True)),
        ("CustTable.PartyType == 1", eq("PartyType", 1)),
        ("[CustTable].[PartyType] == 1", eq("PartyType", 1)),
        ("a <> b", Compare(Comparison.NE, col("a"), col("b"))),
        ("3 < a", Compare(Comparison.GT, col("a"), 3)),
        ('a == "A*"', TextMatch(TextTest.STARTS_WITH, col("a"), "A")),
        ('a == "*A"', TextMatch(TextTest.ENDS_WITH, col("a"), "A")),
        ('a != "*abc*"', Not(TextMatch(TextTest.CONTAINS, col("a"), "abc"))),
        ('a == "*"', Always(True)),
        (
            'a == "x*y"',
            And((TextMatch(TextTest.STARTS_WITH, col("a"), "x"), TextMatch(TextTest.ENDS_WITH, col("a"), "y"))),
        ),
        (
            "!(a == 1) && b == 2 || c >= 3",
            Or((And((Not(eq("a", 1)), eq("b", 2))), Compare(Comparison.GE, col("c"), 3))),
        ),
        ("(1 == 1)", Always(True)),
        ("(1 == 0) || a == 1", Or((Always(False), eq("a", 1)))),
    ],
)
def test_conditions_of_every_kind(text: str, tree: Expression) -> None:
    assert parse_range(text) == tree


@pytest.mark.parametrize(
    ("text", "position", "says"),
    [
        ("a == day()", 5, "'day' is not supported"),
        ('a == "x', 5, "never ends"),
        ("a ==", 4, "ends too early"),
        ("((a == 1)", 9, "ends too early"),
        ("a == 1)", 6, "unexpected ')'"),
        ("a & b", 2, "write &&"),
        ("x == 31\\02\\2020", 5, "day is out of range"),
        ('a == "b" && a == "a*b*c"', 17, "too many wildcards"),
        ("1 == 'x'", 0, "needs a column"),
        ("a + 1 == 2", 2, "arithmetic ('+') is not supported"),
        ("a == 1 and b == 2", 7, "write &&"),
        ("a == 1 OR b == 2", 7, "write ||"),
        ("not (a == 1)", 0, "write !(...)"),
        ("a eq 1", 2, "write =="),
        ("a is null", 2, "write == null"),
        ("a IS NOT NULL", 2, "write != null"),
        ("a between 1 and 2", 2, "write a >= 1 && a <= 9"),
        ("a == 1..5", 6, "write a >= 1 && a <= 9"),
        ("a == 1 && a == NoYes'Yes'", 15, "write NoYes::Yes"),
        ('startswith(a, "x")', 0, 'write a == "x*"'),
        ('a == 1 || Contains (a, "x")', 10, 'write a == "*x*"'),
        ("a == mkdate(31,12,2020)", 5, "write 2020-12-31"),
        ("(a == (dayRange(0, 1)))", 7, "'dayRange' is not supported"),
        ("a == SysQueryRangeUtil::currentCustAccount()", 5, "is not supported"),
        ("a/b == 1", 0, "cannot follow the lookup in 'a/b'"),
        ("a => 3", 2, "'=>' is not an operator"),
        ("a === 3", 2, "'===' is not an operator"),
        ("a == 'O''Brien'", 8, "backslash"),
        ("a in ()", 6, "something is missing"),
        ("a && b == 1", 2, "is missing before '&&'"),
        ("a in (1, b)", 9, "not columns"),
        ("3 in (1)", 0, "needs a column"),
        ("a like 5", 7, "needs a text"),
        ('a like "x?"', 7, "'?' as a wildcard is not supported: write *"),
        ('a in ("x*y*z")', 6, "too many wildcards"),
        ("a == 31/12/2020", 5, "month must be in 1..12"),
        ("a == {d'2020-13-01'}", 5, "cannot be read"),
        ("a == 1; b == 2", 6, "unexpected ';'"),
    ],
)
def test_refusals_point_at_the_character(text: str, position: int, says: str) -> None:
    with pytest.raises(FilterRefused) as refusal:
        parse_range(text)
    assert refusal.value.position == position
    assert refusal.value.text == text
    assert says in refusal.value.message


def test_nesting_is_bounded_and_length_is_not() -> None:
    with pytest.raises(FilterRefused, match="nest deeper"):
        parse_range("!" * 5000 + "(a == 1)")
    with pytest.raises(FilterRefused, match="nest deeper"):
        parse_range("(a == 1 || (b == 2 && " * 500 + "c == 3" + "))" * 500)
    assert parse_range("(" * 5000 + "a == 1" + ")" * 5000) == eq("a", 1)
    tree = parse_range(" || ".join(f"(a == {number})" for number in range(3000)))
    assert isinstance(tree, Or)
    assert len(tree.operands) == 3000


@pytest.mark.parametrize(
    "tree",
    [Compare(Comparison.EQ, ColumnPath(("a", "b")), 1), eq("a", "x*y"), TextMatch(TextTest.CONTAINS, col("a"), "*")],
)
def test_what_the_language_cannot_say_is_refused(tree: Expression) -> None:
    with pytest.raises(FilterRefused):
        render_range(tree)


def test_a_list_becomes_alternatives() -> None:
    assert parse_range(render_range(OneOf(col("a"), (1, 2)))) == Or((eq("a", 1), eq("a", 2)))


@settings(max_examples=1000, deadline=None)
@given(range_trees())
def test_rendered_text_parses_into_the_same_tree(tree: Expression) -> None:
    assert parse_range(render_range(tree)) == tree


# fmt: off
_PIECES = (
    "a", "[b]", "T.", "==", "=", "!=", "<", " && ", " `or` ", "!", "(", ")", '"x*"', '"', "1", "-2.5", "null",
    "true", "2020-01-01", "12/31/2020", "{d'2020-01-01'}", " like ", " in ", "[", ",", "'", "'x'", " and ", " eq ",
    "..", '1\\1\\2020', "NoYes::No", "day(", "{", "}", " ", "é", "::", '\\',
)
# fmt: on
_pieces = st.sampled_from(_PIECES)


@settings(max_examples=1000, deadline=None)
@given(
    st.text()
    | st.text("a=!<>&|()'\"\\*1/. ")
    | st.lists(_pieces, max_size=12).map(lambda pieces: "".join(pieces).replace("`or`", "||"))
)
@example("a == ٣")
@example("\ud800 == 1")
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse_range(text)
    except FilterRefused as refusal:
        assert refusal.position is not None
        assert 0 <= refusal.position <= len(text)
