"""Reading the query part of a request."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualwrite.environments.port import SortKey
from dualwrite.servers.odata.options import NO_OPTIONS, ExpandItem, Options, parse_options
from dualwrite.servers.odata.refusals import MalformedRequest, RequestRefused


@pytest.mark.parametrize(
    ("query", "options"),
    [
        ("", NO_OPTIONS),
        ("&&", NO_OPTIONS),
        ("%24select=name%2Caccountid&%24top=3", Options(select=("name", "accountid"), top=3)),
        ("$select=*", NO_OPTIONS),
        ("$filter=name+eq+'a%2Bb'", Options(filter="name eq 'a+b'")),
        ("$filter=a%20eq%20'x%26y'", Options(filter="a eq 'x&y'")),
        ("$orderby=a desc,b/c , d asc", Options(orderby=(SortKey(("a",), True), SortKey(("b", "c")), SortKey(("d",))))),
        ("$count=TRUE&$skip=0", Options(count=True, skip=0)),
        ("$apply=x&$search=", Options(unknown=(("$apply", "x"), ("$search", "")))),
        ("$filter=a eq @p1&@p1='x'", Options(filter="a eq @p1", aliases=(("p1", "'x'"),))),
        ("Cross-Company=true", Options(cross_company=True, others=(("Cross-Company", "true"),))),
        ("$expand=a,b/$ref", Options(expand=(ExpandItem("a", NO_OPTIONS), ExpandItem("b", NO_OPTIONS, True)))),
        (
            "$expand=a($select=x,y;$filter=z eq 'p;q,r)';$expand=c($top=1)),d",
            Options(
                expand=(
                    ExpandItem(
                        "a",
                        Options(select=("x", "y"), filter="z eq 'p;q,r)'", expand=(ExpandItem("c", Options(top=1)),)),
                    ),
                    ExpandItem("d", NO_OPTIONS),
                )
            ),
        ),
    ],
)
def test_queries_that_clients_send(query: str, options: Options) -> None:
    assert parse_options(query) == options


def test_custom_options_are_kept_for_whoever_wants_them() -> None:
    options = parse_options("tag=dual&fetchXml=%3Cfetch/%3E")
    assert (options.other("tag"), options.other("fetchXml"), options.other("sql")) == ("dual", "<fetch/>", None)


@pytest.mark.parametrize(
    "query",
    [
        "$top=-1",
        "$top=1.5",
        "$top=",
        "$top=x",
        "$top=٣",
        "$top=2147483648",
        "$skip=-1",
        "$count=1",
        "$select=",
        "$select=a,,b",
        "$select=a b",
        "$filter=%20",
        "$orderby=a down",
        "$orderby=",
        "$expand=a(",
        "$expand=a)b",
        "$expand=",
        "$expand=a('x",
        "$expand=a($top=-1)",
        "$top=1&%24top=2",
        "$filter=%",
        "$filter=%C3",
        "$filter=%00",
        "cross-company=x",
        "$expand=" + "a($expand=" * 9 + "b" + ")" * 9,
    ],
)
def test_queries_that_mean_nothing_are_refused(query: str) -> None:
    with pytest.raises(MalformedRequest):
        parse_options(query)


@given(st.text(alphabet="$%&=+,;()'/@ aeioxtplcsfdry0129é\0"))
def test_a_query_is_read_or_refused(text: str) -> None:
    try:
        parse_options(text)
    except RequestRefused as refusal:
        assert refusal.status == 400
