"""Names and values of finance and operations on the wire."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from dualwrite.catalog import load_schema
from dualwrite.environments.port import RecordKey
from dualwrite.errors import ValueProblem, ValueRefused
from dualwrite.metadata.schema import Column, ColumnType, Enumeration, Side, Table
from dualwrite.metadata.values import Value
from dualwrite.servers.finops.model import PublicModel, singular
from dualwrite.servers.finops.wire import EntityWire, etag, names_row
from dualwrite.servers.odata.json_body import JsonValue
from dualwrite.servers.odata.path import parse_key
from dualwrite.servers.odata.refusals import MalformedRequest

NO_YES = Enumeration("NoYes", (("No", 0), ("Yes", 1)))
TABLE = Table(
    side=Side.FINOPS,
    name="ThingEntity",
    entity_set="Things",
    label="Things",
    key=("dataAreaId", "Number", "Line", "Day", "Kind"),
    columns=(
        Column("dataAreaId", ColumnType.STRING, length=4),
        Column("Number", ColumnType.STRING, length=20),
        Column("Line", ColumnType.BIGINT),
        Column("Day", ColumnType.DATE),
        Column("Kind", ColumnType.ENUM, enumeration=NO_YES),
        Column("Amount", ColumnType.DECIMAL),
        Column("At", ColumnType.DATETIME),
        Column("Flag", ColumnType.BOOLEAN),
        Column("Id", ColumnType.GUID),
    ),
    company_column="dataAreaId",
)
WIRE = EntityWire(TABLE, qualified_type="N.Thing", namespace="N")
EMPTY = {
    "Number": "",
    "Line": 0,
    "Day": "1900-01-01T12:00:00Z",
    "Kind": "",
    "Amount": 0,
    "At": "1900-01-01T00:00:00Z",
    "Flag": False,
    "Id": "00000000-0000-0000-0000-000000000000",
}


@pytest.mark.parametrize(
    ("set_name", "type_name"),
    [
        ("CustomersV3", "CustomerV3"),
        ("CustomerGroups", "CustomerGroup"),
        ("Currencies", "Currency"),
        ("NameAffixes", "NameAffix"),
        ("PaymentDaysCDS", "PaymentDayCDS"),
        ("PaymentDayLinesCDSV2", "PaymentDayLineCDSV2"),
        ("Warehouses", "Warehouse"),
        ("VeteranStatus", "VeteranStatus"),
    ],
)
def test_types_are_the_singular_of_their_sets(set_name: str, type_name: str) -> None:
    assert singular(set_name) == type_name


def test_names_of_the_whole_catalog_are_distinct() -> None:
    schema = load_schema(Side.FINOPS)
    model = PublicModel(schema)
    names = [*model.by_type, *model.by_set, *model.enumerations]
    assert len(model.by_type) == len(model.by_set) == len(schema.tables)
    assert len(names) == len(set(names))


def test_nothing_is_null_on_the_wire() -> None:
    written = WIRE.write({"RecVersion": 1, "RecId": 2, "dataAreaId": "usmf"})
    assert {name: value for name, value in written.items() if name in EMPTY} == EMPTY


@pytest.mark.parametrize(
    ("name", "given", "kept", "shown"),
    [
        ("Amount", Decimal("1.5000000000"), Decimal("1.5"), Decimal("1.5")),
        ("Amount", 3, Decimal(3), Decimal(3)),
        ("Amount", Decimal("1234567890123456.0123456789"), Decimal("1234567890123456.0123456789"), None),
        ("Line", Decimal("7.0"), 7, 7),
        ("Line", 2**53 + 1, 2**53 + 1, 2**53 + 1),
        ("Kind", "YES", "Yes", "Yes"),
        ("Day", "2024-02-29T00:00:00+13:00", date(2024, 2, 29), "2024-02-29T12:00:00Z"),
        ("At", "2024-02-29", datetime(2024, 2, 29, tzinfo=UTC), "2024-02-29T00:00:00Z"),
        (
            "At",
            "2024-02-29T10:00:00.5+02:00",
            datetime(2024, 2, 29, 8, 0, 0, 500_000, UTC),
            "2024-02-29T08:00:00.500000Z",
        ),
        ("Id", "0F5C1A2B-0000-4000-8000-00000000ABCD", UUID("0f5c1a2b-0000-4000-8000-00000000abcd"), None),
    ],
)
def test_values_in_and_out(name: str, given: JsonValue, kept: Value, shown: object) -> None:
    (value,) = WIRE.changed_values({name: given}).values()
    assert (value, type(value)) == (kept, type(kept))
    if shown is not None:
        assert WIRE.write({name: value})[name] == shown


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("Line", True),
        ("Line", "7"),
        ("Line", Decimal("7.5")),
        ("Amount", False),
        ("Amount", "1.5"),
        ("Kind", 1),
        ("Kind", "1"),
        ("Kind", ""),
        ("Flag", "true"),
        ("Flag", 1),
        ("Day", "29.02.2024"),
        ("Day", "2023-02-29"),
        ("At", "noon"),
        ("At", 1_700_000_000),
        ("Id", "not-a-guid"),
        ("Id", "{0f5c1a2b-0000-4000-8000-00000000abc}"),
        ("Number", 7),
        ("Number", {"a": 1}),
    ],
)
def test_a_value_of_another_type_is_refused_by_name(name: str, given: JsonValue) -> None:
    with pytest.raises(ValueRefused, match=name) as refusal:
        WIRE.new_values({name: given})
    assert (refusal.value.problem, refusal.value.column) == (ValueProblem.WRONG_TYPE, name)


def test_annotations_are_passed_over_and_unknown_names_are_not() -> None:
    assert WIRE.new_values({"@odata.type": "#N.Thing", "Number@odata.type": "#String", "Number": "1"}) == {
        "Number": "1"
    }
    with pytest.raises(ValueRefused, match="number"):
        WIRE.new_values({"number": "1"})


def test_null_leaves_a_new_row_to_its_defaults_and_empties_an_old_one() -> None:
    assert WIRE.new_values({"Number": None, "Amount": None}) == {}
    assert WIRE.changed_values({"Number": None, "Kind": None}) == {"Number": "", "Kind": "No"}


def test_a_key_is_read_from_the_address_and_written_back() -> None:
    text = "dataAreaId='USMF',Number='a b',Line=7,Day=2024-02-29,Kind=N.NoYes'yes'"
    key = WIRE.key(parse_key(text))
    assert dict(key.parts) == {
        "dataAreaId": "usmf",
        "Number": "a b",
        "Line": 7,
        "Day": date(2024, 2, 29),
        "Kind": "Yes",
    }
    row = {name: value for name, value in key.parts if not isinstance(value, RecordKey)}
    assert WIRE.key_text(row) == "dataAreaId='usmf',Number='a%20b',Line=7,Day=2024-02-29,Kind=N.NoYes'Yes'"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        "'1'",
        "Number='1'",
        "dataAreaId='usmf',Number='1',Line='7',Day=2024-02-29,Kind='Yes'",
        "dataAreaId='usmf',Number=1,Line=7,Day=2024-02-29,Kind='Yes'",
        "dataAreaId='usmf',Number='1',Line=7,Day='2024-02-29',Kind='Yes'",
        "dataAreaId='usmf',Number='1',Line=7,Day=2024-02-29,Kind='Perhaps'",
        "dataAreaId=@a,Number='1',Line=7,Day=2024-02-29,Kind='Yes'",
        "dataAreaId=null,Number='1',Line=7,Day=2024-02-29,Kind='Yes'",
        "dataareaid='usmf',Number='1',Line=7,Day=2024-02-29,Kind='Yes'",
    ],
)
def test_a_key_of_other_parts_or_types_is_refused(text: str) -> None:
    with pytest.raises(MalformedRequest):
        WIRE.key(parse_key(text))


def test_the_etag_is_the_documented_one() -> None:
    row: dict[str, Value] = {"RecVersion": 0, "RecId": 5637144576}
    assert etag(row) == 'W/"JzAsNTYzNzE0NDU3Nic="'
    assert names_row('W/"JzAsNTYzNzE0NDU3Nic="', row)
    assert names_row('W/"eA==", "JzAsNTYzNzE0NDU3Nic="', row)
    assert names_row("*", row)
    for other in ("null", "", 'W/"JzEsNTYzNzE0NDU3Nic="', 'W/"é"', 'W/"///"', "JzAsNTYzNzE0NDU3Nic="):
        assert not names_row(other, row)
