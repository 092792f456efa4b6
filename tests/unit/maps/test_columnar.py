"""The columnar executor says what the row executor says."""

from __future__ import annotations

import polars as pl
import pytest
from columnar_samples import (
    assert_conversion_agrees,
    assert_executors_agree,
    conversions,
    generated_plans,
    related_rows,
    values_of,
    ways_of,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from map_samples import BACK, CUSTOMER, FORTH, compiled, customers

from dualwrite.maps.columnar.execute import refusals, transform_frame
from dualwrite.maps.columnar.frames import frame_of, rows_of, source_schema
from dualwrite.maps.plan import DirectionPlan, Plan
from dualwrite.maps.values import ColumnMapping, Default
from dualwrite.metadata.values import Row


@pytest.fixture(scope="module")
def plan() -> Plan:
    return compiled(customers())


@pytest.fixture(scope="module")
def forth(plan: Plan) -> DirectionPlan:
    assert plan.to_dataverse is not None
    return plan.to_dataverse


@pytest.fixture(scope="module")
def back(plan: Plan) -> DirectionPlan:
    assert plan.to_finops is not None
    return plan.to_finops


def customer_frame(forth: DirectionPlan, *rows: Row) -> pl.DataFrame:
    return frame_of(forth, [({**CUSTOMER, **row}, {}) for row in rows])


@settings(max_examples=800, deadline=None)
@given(data=st.data())
def test_a_conversion_agrees_on_every_value(data: st.DataObject) -> None:
    conversion = data.draw(conversions())
    values = data.draw(st.lists(values_of(conversion.source.column), min_size=1, max_size=12))
    assert_conversion_agrees(conversion, values)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_the_executors_agree_on_generated_maps(data: st.DataObject) -> None:
    plan = data.draw(generated_plans())
    for way in ways_of(plan):
        assert_executors_agree(way, data.draw(related_rows(way)))


def test_values_and_keys_of_a_customer(forth: DirectionPlan) -> None:
    result = transform_frame(forth, customer_frame(forth, {}, {"CustomerAccount": "US-005", "Hold": "No"}))
    assert result.refused.to_list() == [False, False]
    assert result.key.rows() == [("US-004",), ("US-005",)]
    assert result.values["name"].to_list() == ["Cave Wholesales", "Cave Wholesales"]
    assert result.values["hold"].to_list() == [806380001, 806380000]
    assert result.values["since"].to_list() == [None, None]
    assert result.values["onetime"].to_list() == [True, True]
    assert result.values["kind"].to_list() == [3, 3]
    assert result.created_only == {"kind"}
    assert result.values.schema["credit"] == pl.Decimal(38, 4)


def test_lookups_say_what_to_look_for(forth: DirectionPlan) -> None:
    rows = ({}, {"GroupId": "", "ParentId": "US-001"})
    lookups = {each.plan.column: each for each in transform_frame(forth, customer_frame(forth, *rows)).lookups}
    assert set(lookups) == {"groupid", "category", "parent"}
    assert lookups["groupid"].pending.to_list() == [True, False]
    assert lookups["groupid"].alternatives[0].rows()[0] == ("90",)
    assert lookups["category"].pending.to_list() == [False, False]
    assert lookups["parent"].pending.to_list() == [False, True]
    assert [each.row(1) for each in lookups["parent"].alternatives] == [("US-001",), ("US-001",)]
    assert [each.table for each in lookups["parent"].plan.alternatives] == ["account", "contact"]


def test_refused_rows_are_refused_in_the_words_of_the_row_executor(forth: DirectionPlan) -> None:
    rows = ({"CreditRating": "x" * 11}, {}, {"CustomerAccount": ""}, {"Hold": "Ghost"})
    frame = customer_frame(forth, *rows)
    result = transform_frame(forth, frame)
    assert result.refused.to_list() == [True, False, True, True]
    told = {each.position: each.refusal for each in refusals(forth, frame, result.refused, label=lambda n: f"row {n}")}
    assert {position: refusal.message for position, refusal in told.items()} == {
        0: "Customers (accounts), row 0: CreditRating is 11 characters long, accounts.rating holds 10.",
        2: "Customers (accounts), row 2: CustomerAccount is empty. Fill it in: it identifies the record in accounts.",
        3: "Customers (accounts), row 3: "
        "Hold 'Ghost' has no counterpart in accounts.hold; allowed are No, Invoice, All.",
    }
    assert told[0].details["column"] == "rating"


def test_what_lies_behind_lookups_stands_in_columns_with_dots(back: DirectionPlan) -> None:
    frame = pl.DataFrame(
        {
            "number": ["1", "2", "3", "4"],
            "groupid.name": ["90", None, "", "80"],
            "parent.number": ["A-1", "A-1", "A-1", None],
            "parent.personid": ["P-1", "P-1", "P-1", "P-1"],
            "parent@table": ["account", "contact", None, "account"],
        }
    )
    result = transform_frame(back, frame)
    assert result.values["GroupId"].to_list() == ["90", "", "", "80"]
    assert result.values["ParentId"].to_list() == ["A-1", "P-1", "A-1", ""]
    assert result.values["LanguageId"].to_list() == ["en-us"] * 4
    assert not result.lookups


def test_columns_that_a_frame_lacks_are_null(back: DirectionPlan) -> None:
    result = transform_frame(back, pl.DataFrame({"number": ["1"], "hold": pl.Series([None]), "other": [5]}))
    assert result.refused.to_list() == [False]
    assert result.values.row(0, named=True)["OrganizationName"] == ""
    assert transform_frame(back, pl.DataFrame({"other": [1, 2]})).refused.to_list() == [True, True]
    assert transform_frame(back, pl.DataFrame()).key.height == 0
    assert transform_frame(back, pl.DataFrame(schema=source_schema(back))).values.height == 0


def test_smaller_integers_are_taken_and_other_dtypes_refused(forth: DirectionPlan) -> None:
    frame = customer_frame(forth, {"Employees": 7})
    small = transform_frame(forth, frame.with_columns(pl.col("Employees").cast(pl.Int16), CreditLimit=pl.lit(12)))
    assert small.values["employees"].to_list() == [7]
    assert small.values["credit"].to_list() == [12]
    with pytest.raises(TypeError, match=r"frame's column CreditLimit is Float64, it should be Decimal"):
        transform_frame(forth, frame.with_columns(CreditLimit=pl.lit(1.5)))


def test_rows_survive_the_way_through_a_frame(forth: DirectionPlan) -> None:
    ((row, related),) = rows_of(forth, customer_frame(forth, {}))
    assert row == {name: value for name, value in CUSTOMER.items() if name in row}
    assert set(row) == {"CustomerAccount", *forth.source_columns}
    assert related == {}


def test_a_default_fills_in_for_what_is_empty() -> None:
    lines = (
        ColumnMapping("CUSTOMERACCOUNT", "number"),
        ColumnMapping("ORGANIZATIONNAME", "name", FORTH, (Default("nobody"),)),
        ColumnMapping("SINCE", "since", FORTH, (Default("1/31/2020"),)),
        ColumnMapping("CREDITRATING", "rating", BACK),
    )
    forth = compiled(customers(columns=lines)).to_dataverse
    assert forth is not None
    result = transform_frame(forth, customer_frame(forth, {"OrganizationName": ""}, {}))
    assert result.values["name"].to_list() == ["nobody", "Cave Wholesales"]
    assert [str(day) for day in result.values["since"]] == ["2020-01-31", "2020-01-31"]
    assert not result.created_only
