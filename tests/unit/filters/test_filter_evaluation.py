"""Which rows a bound filter lets through, and the SQL it becomes."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from filter_tables import ACCOUNTS, DATAVERSE

from dualwrite.filters.bind import bind
from dualwrite.filters.evaluate import matches
from dualwrite.filters.odata import parse_odata
from dualwrite.filters.sql import compile_sql
from dualwrite.filters.tree import And, ColumnPath, Compare, Comparison, EnumLiteral, Expression, OneOf, Or
from dualwrite.metadata.values import Row

ROW: Row = {
    "name": "Fourth Coffee",
    "description": None,
    "customertypecode": 3,
    "msdyn_sellable": True,
    "creditlimit": Decimal("10.50"),
    "numberofemployees": None,
    "createdon": datetime(2024, 5, 1, tzinfo=UTC),
}
RELATED = {("primarycontactid", "fullname"): "Nancy"}


def bound(text: str) -> Expression:
    tree = parse_odata(text)
    assert tree is not None
    return bind(tree, table=ACCOUNTS, schema=DATAVERSE)


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("name eq 'FOURTH coffee'", True),
        ("name ne 'fourth COFFEE'", False),
        ("name gt 'A'", True),
        ("name lt 'a'", False),
        ("startswith(name,'fourth')", True),
        ("endswith(name,'EE')", True),
        ("contains(name,'%')", False),
        ("contains(name,'H C')", True),
        ("description eq null", True),
        ("description eq ''", True),
        ("description ne ''", False),
        ("description eq 'x'", False),
        ("description ne 'x'", True),
        ("not (description eq 'x')", True),
        ("contains(description,'')", False),
        ("not contains(description,'')", True),
        ("name in ('x','fourth coffee')", True),
        ("description in ('x',null)", True),
        ("customertypecode eq 3 and msdyn_sellable", True),
        ("customertypecode eq 1 or not msdyn_sellable", False),
        ("creditlimit ge 10.5 and creditlimit lt 11", True),
        ("numberofemployees gt 0", False),
        ("numberofemployees le 0", False),
        ("not (numberofemployees gt 0)", True),
        ("createdon ge 2024-05-01", True),
        ("createdon gt 2024-05-01T02:00:00+02:00", False),
        ("primarycontactid/fullname eq 'nancy'", True),
        ("primarycontactid/parentaccountid ne null", False),
        ("name eq primarycontactid/fullname", False),
        ("description eq primarycontactid/parentaccountid/name", True),
        ("true", True),
        ("false or name eq 'x'", False),
    ],
)
def test_rows_that_fit(text: str, fits: bool) -> None:
    assert matches(bound(text), ROW, RELATED) is fits


def sql(expression: Expression) -> tuple[str, list[object]]:
    text, values = compile_sql(
        expression, column=lambda path: (f't."{path}"', path.parts[-1] in ("name", "description"))
    )
    return text, list(values)


@pytest.mark.parametrize(
    ("text", "condition", "values"),
    [
        ("name eq 'X'", '(lower(t."name") = lower(%s::text))', ["X"]),
        ("name ne 'X'", '(lower(t."name") IS DISTINCT FROM lower(%s::text))', ["X"]),
        ("name eq null", '(t."name" IS NULL)', []),
        ("customertypecode gt null", "FALSE", []),
        ("not (customertypecode eq 3)", '(NOT COALESCE((t."customertypecode" = %s::bigint), FALSE))', [3]),
        ("creditlimit lt 2", '(t."creditlimit" < %s::numeric)', [Decimal(2)]),
        (
            "customertypecode in (1,null)",
            '((t."customertypecode" IN (%s::bigint)) OR (t."customertypecode" IS NULL))',
            [1],
        ),
        ("startswith(name,'%')", 'starts_with(lower(t."name"), lower(%s::text))', ["%"]),
    ],
)
def test_conditions_that_an_index_can_serve(text: str, condition: str, values: list[object]) -> None:
    assert sql(bound(text)) == (condition, values)


def test_nothing_to_choose_from_and_odd_names() -> None:
    assert sql(OneOf(ColumnPath(("a",)), ())) == ("FALSE", [])
    assert sql(And(())) == ("TRUE", [])
    assert sql(Or(())) == ("FALSE", [])
    assert sql(Compare(Comparison.EQ, ColumnPath(("50%",)), 2**70)) == ('(t."50%%" = %s::numeric)', [2**70])


def test_an_unbound_filter_does_not_run() -> None:
    unbound = Compare(Comparison.EQ, ColumnPath(("a",)), EnumLiteral("NoYes", "Yes"))
    with pytest.raises(TypeError, match="not bound"):
        matches(unbound, {"a": "Yes"})
    with pytest.raises(TypeError, match="not bound"):
        sql(unbound)
