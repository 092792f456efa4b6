"""OData filters: what is read, what is refused and where, and that nothing gets lost on the way back."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from filter_trees import odata_trees
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dualwrite.errors import FilterRefused
from dualwrite.filters.odata import parse_odata, render_odata
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

PUBLISHED = (
    "(msdyn_b2bcommerceprospect eq true)",
    "(objecttypecode eq 'account' or objecttypecode eq 'contact') and msdyn_relatedentityid ne null",
    "(objecttypecode eq 'msdyn_vendor'  and msdyn_relatedentityid2 ne null) or (objecttypecode eq 'account' and "
    "msdyn_relatedentityid2 ne null)  or (objecttypecode eq 'contact' and msdyn_relatedentityid2 ne null)",
    "customertypecode eq 3",
    "msdyn_contactforvendor eq true and msdyn_sellable eq false and msdyn_contactpersonid ne ''",
    "msdyn_contactforvendor eq true and msdyn_sellable eq false and msdyn_contactpersonid ne null",
    "msdyn_isreadytosync eq true",
    "msdyn_ordertype eq 192350000",
    "msdyn_ordertype eq 192350000 and msdyn_isreadytosync eq true",
    "msdyn_ordertype eq 192350000 and statecode eq 0",
    "msdyn_sellable eq true  and msdyn_contactpersonid ne ''",
    "msdyn_sellable eq true  and msdyn_contactpersonid ne null",
    "objecttypecode eq 'msdyn_purchaseorder'",
    "objecttypecode eq 'salesorder'",
    "statecode eq 0",
    "(msdyn_linetype ne 690970000 or msdyn_linetype eq null) and msdyn_isreadytosync eq true",
    "msdyn_linetype ne 690970000 or msdyn_linetype eq null",
)


def col(path: str) -> ColumnPath:
    return ColumnPath(tuple(path.split("/")))


def eq(path: str, value: Literal | ColumnPath) -> Compare:
    return Compare(Comparison.EQ, col(path), value)


@pytest.mark.parametrize("text", PUBLISHED)
def test_filters_of_the_published_maps_survive_the_way_back(text: str) -> None:
    tree = parse_odata(text)
    assert tree is not None
    assert parse_odata(render_odata(tree)) == tree


@pytest.mark.parametrize("text", ["", "  ", "\n\t"])
def test_a_blank_filter_is_none(text: str) -> None:
    assert parse_odata(text) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a eq null", None),
        ("a eq 'O''Brien'", "O'Brien"),
        ("a eq ''", ""),
        ("a eq '😀 ünï'", "😀 ünï"),
        ("a eq 12", 12),
        ("a eq -7", -7),
        ("a eq 1.50", Decimal("1.50")),
        ("a eq 1.5e3", Decimal(1500)),
        ("a eq TRUE", True),
        ("a eq 2024-02-29", date(2024, 2, 29)),
        ("a eq 0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
        ("a eq 2024-01-01T10:30", datetime(2024, 1, 1, 10, 30, tzinfo=UTC)),
        ("a eq 2024-01-01T10:30:15.1234567Z", datetime(2024, 1, 1, 10, 30, 15, 123456, tzinfo=UTC)),
        ("a eq 2024-01-01T10:30:15+02:00", datetime(2024, 1, 1, 8, 30, 15, tzinfo=UTC)),
        ("a eq 3F2504E0-4f89-11d3-9a0c-0305e82c3301", UUID("3f2504e0-4f89-11d3-9a0c-0305e82c3301")),
        (
            "a eq Microsoft.Dynamics.DataEntities.NoYes'Yes'",
            EnumLiteral("Microsoft.Dynamics.DataEntities.NoYes", "Yes"),
        ),
        ("a eq b", ColumnPath(("b",))),
    ],
)
def test_values_of_every_kind(text: str, value: Literal | ColumnPath) -> None:
    tree = parse_odata(text)
    assert tree == eq("a", value)
    assert isinstance(tree, Compare)
    assert type(tree.right) is type(value)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("3 lt a", Compare(Comparison.GT, col("a"), 3)),
        ("primarycontactid/fullname eq 'x'", eq("primarycontactid/fullname", "x")),
        ("_ownerid_value ne null", Compare(Comparison.NE, col("_ownerid_value"), None)),
        ("allowance eq 1 and nothing eq 2", And((eq("allowance", 1), eq("nothing", 2)))),
        (
            "anybody eq 1 or trueness eq 2 or nullable eq 3",
            Or((eq("anybody", 1), eq("trueness", 2), eq("nullable", 3))),
        ),
        ("a eq 1 or b eq 2 and c eq 3", Or((eq("a", 1), And((eq("b", 2), eq("c", 3)))))),
        ("(a eq 1 or b eq 2) and c eq 3", And((Or((eq("a", 1), eq("b", 2))), eq("c", 3)))),
        ("not a eq 1", Not(eq("a", 1))),
        ("not(a eq 1)", Not(eq("a", 1))),
        ("not contains(a,'x')", Not(TextMatch(TextTest.CONTAINS, col("a"), "x"))),
        ("startswith(a, 'x')", TextMatch(TextTest.STARTS_WITH, col("a"), "x")),
        ("EndsWith(a,'')", TextMatch(TextTest.ENDS_WITH, col("a"), "")),
        ("contains(tolower(Name),'cust')", TextMatch(TextTest.CONTAINS, col("Name"), "cust")),
        ("tolower(a) eq tolower('X')", eq("a", "X")),
        ("contains(a,'x') eq true", TextMatch(TextTest.CONTAINS, col("a"), "x")),
        ("false eq contains(a,'x')", Not(TextMatch(TextTest.CONTAINS, col("a"), "x"))),
        ("a in ('x')", OneOf(col("a"), ("x",))),
        ("a in(1, 2,null)", OneOf(col("a"), (1, 2, None))),
        ("msdyn_sellable", eq("msdyn_sellable", True)),
        ("true", Always(True)),
        ("  a   eq  1  ", eq("a", 1)),
        (
            "Microsoft.Dynamics.CRM.In(PropertyName='statuscode',PropertyValues=['1','2'])",
            OneOf(col("statuscode"), ("1", "2")),
        ),
        (
            "Microsoft.Dynamics.CRM.NotIn(PropertyName='statuscode',PropertyValues=['1']) and a eq 1",
            And((Not(OneOf(col("statuscode"), ("1",))), eq("a", 1))),
        ),
    ],
)
def test_conditions_of_every_kind(text: str, tree: Expression) -> None:
    assert parse_odata(text) == tree


@pytest.mark.parametrize(
    ("text", "position", "word"),
    [
        ("contacts/any(c: c/name eq 'x')", 9, "any"),
        ("a eq 1 and contacts/all(c: c/name eq 'x')", 20, "all"),
        ("a add 1 eq 2", 2, "add"),
        ("a divby 1 eq 2", 2, "divby"),
        ("- a eq 2", 0, "arithmetic"),
        ("flags has Kind'Bold'", 6, "has"),
        ("b eq 1 and length(a) eq 3", 11, "length"),
        ("year(createdon) eq 2020", 0, "year"),
        ("Microsoft.Dynamics.CRM.LastXDays(PropertyName='a',PropertyValue=3)", 0, "LastXDays"),
        ("a eq duration'P1D'", 5, "duration"),
        ("a eq 10:30:00", 5, "time"),
        ("a eq geography'POINT(1 1)'", 5, "geography"),
        ("a.b eq 1", 0, "a.b"),
    ],
)
def test_what_is_not_supported_is_said_and_shown(text: str, position: int, word: str) -> None:
    with pytest.raises(FilterRefused) as refusal:
        parse_odata(text)
    assert refusal.value.position == position
    assert refusal.value.text == text
    assert word in refusal.value.message
    assert "not supported" in refusal.value.message


@pytest.mark.parametrize(
    ("text", "position", "says"),
    [
        ("a == 1", 2, "write eq"),
        ("a eq 1 and b = 1", 13, "write eq"),
        ("a <> 1", 2, "write ne"),
        ("a >= 1", 2, "write gt, ge, lt or le"),
        ("a eq 1 && b eq 2", 7, "write and"),
        ("a eq 1 || b eq 2", 7, "write or"),
        ("!(a eq 1)", 0, "write not"),
        ('a eq "x"', 5, "write texts as 'text'"),
        ("a like 'x%'", 2, "write startswith, endswith or contains"),
        ("a is not null", 2, "write ne null"),
        ("a eq 1 or b is null", 12, "write eq null"),
        ("a between 1 and 2", 2, "write a ge 1 and a le 9"),
        ("a eq NoYes::Yes", 5, "write NoYes'Yes'"),
        ("a eq 12/31/2020", 5, "write 2020-12-31"),
        ("a eq 31\\12\\2020", 5, "write 2020-12-31"),
        ("a eq {d'2020-12-31'}", 5, "write 2020-12-31"),
        ("a eq {3f2504e0-4f89-11d3-9a0c-0305e82c3301}", 5, "without braces"),
        ("a eq datetime'2020-12-31T00:00:00'", 5, "write 2020-12-31T23:59:59Z"),
        ("a eq guid'3f2504e0-4f89-11d3-9a0c-0305e82c3301'", 5, "write the GUID alone"),
        ("substringof('x',a)", 0, "write contains(column,'text')"),
        ("year(a) eq 2020", 0, "write a ge 2020-01-01 and a lt 2021-01-01"),
        ("a eq @p1", 5, "write the value itself"),
        ("a + 1 eq 2", 2, "arithmetic ('+')"),
        ("a in ()", 6, "something is missing"),
    ],
)
def test_what_other_languages_have_is_told_in_the_words_of_this_one(text: str, position: int, says: str) -> None:
    with pytest.raises(FilterRefused) as refusal:
        parse_odata(text)
    assert refusal.value.position == position
    assert says in refusal.value.message


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("a eq 'x", 5),
        ("a eq", 2),
        ("a b", 2),
        ("(a eq 1", 7),
        ("a eq 1)", 6),
        ("a in ()", 6),
        ("a in ['x']", 5),
        ("a eq [1)", 5),
        ("a eq 2020-02-31", 5),
        ("a eq 1e999999999", 5),
        ("a eq " + "9" * 5000, 5),
        ("1 eq 1", 0),
        ("'x'", 0),
        ("a gt @p1", 5),
        ("contains(a,1)", 11),
        ("contains('x',a)", 9),
        ("startswith(a)", 0),
        ("x eq 1 and contains(a,'b','c')", 11),
        ("a eq b eq c", 10),
        ("a eq 1 and tolower(a)", 11),
        ("Microsoft.Dynamics.CRM.In(PropertyName='a')", 0),
        ("9999-12-31T23:00:00-02:00 eq a", 0),
    ],
)
def test_malformed_text_is_refused_at_the_character(text: str, position: int) -> None:
    with pytest.raises(FilterRefused) as refusal:
        parse_odata(text)
    assert refusal.value.position == position


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5000 + "a eq 1" + ")" * 5000,
        "not " * 5000 + "a eq 1",
        "a eq true" + " eq true" * 5000,
        "/".join(["a"] * 5000) + " eq 1",
        "tolower(" * 5000 + "a" + ")" * 5000 + " eq 'x'",
        "".join(f"(a eq {n} or (b eq 1 and " for n in range(60)) + "c eq 1" + "))" * 60,
    ],
)
def test_deep_nesting_is_refused(text: str) -> None:
    with pytest.raises(FilterRefused):
        parse_odata(text)


def test_long_chains_are_fine() -> None:
    tree = parse_odata(" or ".join(f"a eq {number} and b ne 'x'" for number in range(3000)))
    assert isinstance(tree, Or)
    assert len(tree.operands) == 3000


@settings(max_examples=1000, deadline=None)
@given(odata_trees())
def test_rendered_text_parses_into_the_same_tree(tree: Expression) -> None:
    assert parse_odata(render_odata(tree)) == tree


# fmt: off
_PIECES = (
    "a", "b/c", " eq ", " ne ", " lt ", " and ", " or ", "not ", " in ", "(", ")", ",", "'x'", "'", "1",
    "-2.5", "null", "true", "2020-01-01", "2020-01-01T00:00:00Z", "startswith(", "tolower(", "any(",
    "Microsoft.Dynamics.CRM.In(", "PropertyName=", "PropertyValues=", "[", "]", " ", "Kind'x'", ":", ";", "é",
    "/", " add ", "-", "=", "{", "@p", '"', "&&", "datetime'x'", "length(",
)
# fmt: on
_pieces = st.sampled_from(_PIECES)


@settings(max_examples=1000, deadline=None)
@given(st.text() | st.text("aeq no'()/.,1 ") | st.lists(_pieces, max_size=12).map("".join))
@example("a eq ٣")
@example("\ud800 eq 1")
@example("a\x00 eq '\x00'")
@example("Microsoft.Dynamics.CRM.In(PropertyName='a',PropertyValues=['1'],X=1)")
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse_odata(text)
    except FilterRefused as refusal:
        assert refusal.position is not None
        assert 0 <= refusal.position <= len(text)
