"""Where a column is filled from: constants in lookups, several lookups, keys of several kinds, zones and cut texts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from map_samples import (
    BACK,
    BOTH,
    CUSTOMER,
    DATAVERSE,
    FINOPS,
    FORTH,
    compiled,
    customers,
    dataverse_table,
    finops_table,
    refused,
)

from dualwrite.catalog import load_schema
from dualwrite.catalog.maps import load_solution
from dualwrite.errors import ValueRefused
from dualwrite.maps.compile import compile_map
from dualwrite.maps.equality import differs
from dualwrite.maps.execute import affects, lookup_refusal, read_paths, transform
from dualwrite.maps.findings import Code, Severity
from dualwrite.maps.plan import DirectionPlan, KeyOrigin, KeyPart, Plan
from dualwrite.maps.transforms import InTimeZone, Truncate
from dualwrite.maps.values import ColumnMapping, Default, Direction, MapVersion, Version
from dualwrite.metadata.schema import Column, EnvironmentSchema, Side
from dualwrite.metadata.schema import ColumnType as T
from dualwrite.metadata.values import Row

ACCOUNT = ColumnMapping("CUSTOMERACCOUNT", "number")


def both(version: MapVersion) -> tuple[DirectionPlan, DirectionPlan]:
    plan = compiled(version)
    assert plan.to_dataverse is not None and plan.to_finops is not None
    return plan.to_dataverse, plan.to_finops


# --- constants in lookups -------------------------------------------------------------------------------------------


def test_a_constant_fills_a_lookup_of_new_rows() -> None:
    constant = ColumnMapping(None, "groupid.name", FORTH, (Default("90"),))
    plan = compiled(customers(columns=(ACCOUNT, constant)))
    assert plan.to_dataverse is not None
    (pending,) = transform(plan.to_dataverse, CUSTOMER, changed=None, label="US-004").lookups
    assert (pending.plan.column, pending.values) == ("groupid", (("90",),))
    assert plan.created_only[Direction.TO_DATAVERSE] >= {"groupid"}
    assert not affects(plan.to_dataverse, frozenset({"GroupId"}))


def test_a_constant_may_stand_beside_a_column_in_one_lookup() -> None:
    lines = (
        ColumnMapping("CATEGORYNAME", "category.name"),
        ColumnMapping(None, "category.hierarchy.name", FORTH, (Default("Retail"),)),
    )
    forth, _ = both(customers(columns=(ACCOUNT, *lines)))
    (pending,) = transform(forth, {**CUSTOMER, "CategoryName": "Bikes"}, changed=None, label="x").lookups
    assert pending.values == (("Bikes", "Retail"),)
    empty = transform(forth, {**CUSTOMER, "CategoryName": ""}, changed=None, label="x")
    assert (empty.lookups, empty.values["category"]) == ((), None)
    refusal = lookup_refusal(forth, pending, label="x", company=None)
    assert "CategoryName 'Bikes', hierarchy.name 'Retail' were not found in categorys" in refusal.message


def test_a_constant_behind_a_polymorphic_lookup_is_tried_in_each_table() -> None:
    constant = ColumnMapping(None, "parent.Account(number).Contact(personid)", FORTH, (Default("C1"),))
    plan = compiled(customers(columns=(ACCOUNT, constant)))
    assert plan.to_dataverse is not None
    (pending,) = transform(plan.to_dataverse, CUSTOMER, changed=None, label="x").lookups
    assert [each.table for each in pending.plan.alternatives] == ["account", "contact"]
    assert pending.values == (("C1",), ("C1",))
    assert plan.created_only[Direction.TO_DATAVERSE] >= {"parent", "parent@table"}


# --- several places for one column ----------------------------------------------------------------------------------

TWO_PLACES = customers(
    columns=(
        ACCOUNT,
        ColumnMapping("HIERARCHYNAME", "groupid.name", BACK),
        ColumnMapping("HIERARCHYNAME", "category.hierarchy.name"),
    )
)


def test_several_lookups_may_fill_one_column_and_the_first_filled_one_does() -> None:
    plan = compiled(TWO_PLACES)
    assert [(each.code, each.severity, each.path) for each in plan.warnings] == [
        (Code.FINOPS_DUPLICATE, Severity.WARNING, "columns[2]")
    ]
    _, back = both(TWO_PLACES)
    group, category = ("groupid", "name"), ("category", "hierarchy", "name")
    assert read_paths(back, frozenset({"category"})) == {group, category}

    def hierarchy(related: dict[tuple[str, ...], str]) -> object:
        row: Row = {"number": "US-004"}
        return transform(back, row, related=related, changed=None, label="x").values["HierarchyName"]  # type: ignore[arg-type]

    assert hierarchy({group: "A", category: "B"}) == "A"
    assert hierarchy({category: "B"}) == "B"
    assert hierarchy({}) == ""


def test_the_halves_agree_by_the_place_that_fills_the_column() -> None:
    plan = compiled(TWO_PLACES)
    group, category = ("groupid", "name"), ("category", "hierarchy", "name")
    finops = {**CUSTOMER, "HierarchyName": "A"}
    dataverse: Row = {"number": "US-004"}
    assert differs(plan, finops, dataverse, related={group: "A", category: "A"}) == ()
    (difference,) = differs(plan, finops, dataverse, related={group: "A", category: "B"})
    assert (difference.dataverse_path, difference.dataverse_value) == ("category.hierarchy.name", "B")
    (difference,) = differs(plan, finops, dataverse, related={group: "B", category: "A"})
    assert (difference.dataverse_path, difference.expected) == ("groupid.name", "B")


def test_a_plain_column_and_a_lookup_do_not_share_a_column() -> None:
    lines = (ColumnMapping("GROUPID", "groupid.name"), ColumnMapping("GROUPID", "rating", BACK))
    assert [each.code for each in refused(customers(columns=(ACCOUNT, *lines)))] == [Code.FINOPS_DUPLICATE]


def test_a_polymorphic_lookup_with_one_table_is_read_there_only() -> None:
    _, back = both(customers(columns=(ACCOUNT, ColumnMapping("PARENTID", "parent.Account(number)"))))
    related = {("parent", "number"): "US-001"}
    assert back.via == {("parent", "number"): ("account",)}
    for table, expected in (("account", "US-001"), ("contact", "")):
        row: Row = {"number": "US-004", "parent@table": table}
        assert transform(back, row, related=related, changed=None, label="x").values["ParentId"] == expected


# --- integration keys -----------------------------------------------------------------------------------------------

ITEMS = EnvironmentSchema(
    FINOPS.side,
    (
        *FINOPS,
        finops_table(
            "Items",
            Column("ItemId", T.STRING, length=20, required=True),
            Column("Barcode", T.STRING, length=20),
            Column("Family", T.STRING, length=20),
            key=("ItemId",),
        ),
    ),
)
PRODUCTS = EnvironmentSchema(
    DATAVERSE.side,
    (
        *DATAVERSE,
        dataverse_table("family", Column("name", T.STRING), Column("area", T.STRING), alternate=(("name", "area"),)),
        dataverse_table(
            "item",
            Column("code", T.STRING, length=20),
            Column("barcode", T.STRING, length=20),
            Column("family", T.LOOKUP, targets=("family",)),
            alternate=(("barcode", "company"), ("code", "company"), ("family", "company")),
        ),
        dataverse_table("part", Column("item", T.LOOKUP, targets=("item",)), alternate=(("item", "company"),)),
    ),
)
ITEM, BARCODE = ColumnMapping("ITEMID", "code"), ColumnMapping("BARCODE", "barcode")


def item_map(*columns: ColumnMapping, key: tuple[str, ...] | None = None) -> MapVersion:
    return MapVersion("Items (items)", Version(1), "tests", "Items", "item", columns=columns, integration_key=key)


def item_plan(version: MapVersion, **keys: tuple[str, ...]) -> Plan:
    plan = compile_map(version, finops=ITEMS, dataverse=PRODUCTS, keys=keys)
    assert isinstance(plan, Plan), [str(each) for each in plan]
    return plan


def test_the_first_alternate_key_that_is_mapped_identifies_the_rows() -> None:
    plan = item_plan(item_map(ITEM))
    assert (plan.key, plan.key_origin) == ((KeyPart(("code",), "ItemId"),), KeyOrigin.ALTERNATE_KEY)
    assert plan.warnings == ()
    assert plan.dataverse.alternate_keys[0] == ("barcode", "company")


def test_several_fitting_keys_are_doubtful() -> None:
    plan = item_plan(item_map(ITEM, BARCODE))
    assert plan.key == (KeyPart(("barcode",), "Barcode"),)
    (warning,) = plan.warnings
    assert (warning.code, warning.severity, warning.path) == (Code.NO_KEY, Severity.WARNING, "integration_key")
    assert warning.message == "barcode identifies the rows, and code could as well"


def test_the_key_of_the_map_goes_before_that_of_the_connection_and_both_before_the_table() -> None:
    chosen = item_plan(item_map(ITEM, BARCODE), item=("code",))
    assert (chosen.key, chosen.key_origin) == ((KeyPart(("code",), "ItemId"),), KeyOrigin.CONNECTION)
    named = item_plan(item_map(ITEM, BARCODE, key=("barcode", "company")), item=("code",))
    assert (named.key, named.key_origin) == ((KeyPart(("barcode",), "Barcode"),), KeyOrigin.MAP)
    assert chosen.warnings == named.warnings == ()


def test_a_key_through_a_lookup_needs_the_whole_key_behind_it() -> None:
    half = item_map(ITEM, ColumnMapping("FAMILY", "family.name"), key=("family.name",))
    found = compile_map(half, finops=ITEMS, dataverse=PRODUCTS)
    assert not isinstance(found, Plan)
    assert [(each.code, each.path) for each in found] == [(Code.KEY_NOT_MAPPED, "columns[1]")]
    assert found[0].message == "the key leads through family to family, whose key also has family.area"
    family = (ColumnMapping("FAMILY", "family.name"), ColumnMapping("BARCODE", "family.area"))
    whole = item_map(ITEM, *family, key=("family.name",))
    assert item_plan(whole).key == (KeyPart(("family", "name"), "Family"), KeyPart(("family", "area"), "Barcode"))


def test_so_does_every_lookup_on_the_way_to_a_key() -> None:
    deep = replace(item_map(ColumnMapping("ITEMID", "item.family.name")), dataverse_table="part")
    found = compile_map(deep, finops=ITEMS, dataverse=PRODUCTS)
    assert not isinstance(found, Plan)
    assert [each.message for each in found] == [
        "the key leads through item.family to family, whose key also has item.family.area"
    ]


# --- filters --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("filter", ['GroupId == "90"', 'CustomerAccount != ""', 'dataAreaId == "usmf"'])
def test_a_filter_may_read_what_the_map_carries(filter: str) -> None:
    group = ColumnMapping("GROUPID", "groupid.name", BACK)
    assert compiled(replace(customers(columns=(ACCOUNT, group)), source_filter=filter)).to_dataverse is not None


def test_a_filter_that_reads_anything_else_is_refused_where_it_does() -> None:
    version = replace(customers(columns=(ACCOUNT,)), source_filter='(CustomerAccount != "") && (GroupId == "90")')
    (finding,) = refused(version)
    assert (finding.code, finding.path, finding.position) == (Code.FILTER, "source_filter", 28)
    assert "GroupId is not carried" in finding.message and finding.message.endswith("(at character 29)")


# --- zones and cut texts --------------------------------------------------------------------------------------------


def zoned(name: str) -> tuple[DirectionPlan, DirectionPlan]:
    return both(customers(columns=(ACCOUNT, ColumnMapping("SEENAT", "since", BOTH, (InTimeZone(name),)))))


def utc(day: str, hour: int) -> datetime:
    return datetime.fromisoformat(day).replace(hour=hour, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "moment", "day", "start"),
    [
        ("Europe/Berlin", utc("2024-06-30", 22), date(2024, 7, 1), utc("2024-06-30", 22)),
        ("Europe/Berlin", utc("2024-06-30", 21), date(2024, 6, 30), utc("2024-06-29", 22)),
        ("America/New_York", utc("2024-01-01", 4), date(2023, 12, 31), utc("2023-12-31", 5)),
        ("UTC", utc("2024-01-01", 4), date(2024, 1, 1), utc("2024-01-01", 0)),
    ],
)
def test_a_moment_is_the_day_of_its_zone_and_a_day_its_first_moment(
    zone: str, moment: datetime, day: date, start: datetime
) -> None:
    forth, back = zoned(zone)
    assert transform(forth, {**CUSTOMER, "SeenAt": moment}, changed=None, label="x").values["since"] == day
    row: Row = {"number": "US-004", "since": day}
    assert transform(back, row, changed=None, label="x").values["SeenAt"] == start


def test_no_moment_is_no_day_in_any_zone() -> None:
    forth, back = zoned("Asia/Tokyo")
    assert transform(forth, CUSTOMER, changed=None, label="x").values["since"] is None
    assert transform(back, {"number": "U"}, changed=None, label="x").values["SeenAt"] == datetime(
        1900, 1, 1, tzinfo=UTC
    )


def test_a_text_is_cut_only_where_the_map_says_so() -> None:
    rating = {**CUSTOMER, "CreditRating": "Excellent customer"}
    with pytest.raises(ValueRefused, match=r"is 18 characters long, accounts\.rating holds 10"):
        transform(both(customers())[0], rating, changed=None, label="x")
    for transform_, expected in ((Truncate(), "Excellent "), (Truncate(4), "Exce")):
        line = ColumnMapping("CREDITRATING", "rating", BOTH, (transform_,))
        forth, _ = both(customers(columns=(ACCOUNT, line)))
        assert transform(forth, rating, changed=None, label="x").values["rating"] == expected


def test_transforms_of_a_line_work_together_in_whatever_order_they_stand() -> None:
    for transforms in ((Truncate(4), Default("n/a")), (Default("n/a"), Truncate(4))):
        forth, _ = both(customers(columns=(ACCOUNT, ColumnMapping("CREDITRATING", "rating", BOTH, transforms))))
        values = [
            transform(forth, {**CUSTOMER, "CreditRating": text}, changed=None, label="x").values["rating"]
            for text in ("Excellent", "")
        ]
        assert values == ["Exce", "n/a"]


def test_a_plan_tells_how_each_column_is_converted() -> None:
    forth, back = both(customers())
    for way in (forth, back):
        for column in way.columns:
            if column.conversion is not None:
                assert column.conversion.convert is column.convert
                assert column.conversion.target.column.name == column.target_column
                assert column.conversion.transforms == column.mapping.transforms
    (credit,) = (column.conversion for column in forth.columns if column.target_column == "credit")
    assert credit is not None and credit.convert(Decimal("1.23456")) == Decimal("1.2346")


def test_a_key_names_a_column_once_though_two_of_its_lookups_lead_there() -> None:
    periods = next(each for each in load_solution("finance").maps if each.name.startswith("Fiscal calendar period "))
    plan = compile_map(periods, finops=load_schema(Side.FINOPS), dataverse=load_schema(Side.DATAVERSE))
    assert isinstance(plan, Plan)
    assert plan.to_finops is not None and plan.to_dataverse is not None
    assert [each.target_path for each in plan.to_finops.key] == [("Calendar",), ("FiscalYear",), ("PeriodName",)]
    assert len(plan.to_dataverse.key) == 4
