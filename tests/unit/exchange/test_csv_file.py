"""Exports of finance and operations are read completely: every record becomes a row or a refusal that tells why."""

import codecs
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualwrite import demo
from dualwrite.catalog import load_schema
from dualwrite.errors import SettingsRefused
from dualwrite.exchange.csv_file import ParsedExport, decode, parse_export
from dualwrite.metadata.schema import Side
from dualwrite.metadata.values import LegalEntityId, Value

CUSTOMERS = load_schema(Side.FINOPS).table("CustomersV3")
VENDORS = load_schema(Side.FINOPS).table("VendorsV2")
SAMPLE = Path(demo.__file__).parent / "data" / "customers_v3_export.csv"
HEAD = "CUSTOMERACCOUNT,CUSTOMERGROUPID,SALESCURRENCYCODE"


def parse(extra_header: str, extra_cell: str) -> ParsedExport:
    return parse_export(CUSTOMERS, f"{HEAD},{extra_header},DataAreaId\nUS-1,10,USD,{extra_cell},USMF\n")


def value_of(column: str, cell: str) -> Value:
    parsed = parse(column.upper(), cell)
    assert parsed.refusals == ()
    return parsed.rows[0].values[column]


def refusal_of(column: str, cell: str) -> str:
    parsed = parse(column.upper(), cell)
    assert parsed.rows == ()
    (refusal,) = parsed.refusals
    assert (refusal.line, refusal.column) == (2, column)
    return refusal.reason


def test_the_public_sample_is_read_without_a_loss() -> None:
    parsed = parse_export(CUSTOMERS, SAMPLE.read_bytes())
    assert parsed.refusals == ()
    assert parsed.unknown_columns == ()
    assert parsed.warning is None
    assert [(row.line, row.values["dataAreaId"], row.values["CustomerAccount"]) for row in parsed.rows] == [
        (2, "usmf", "IMP-110143"),
        (3, "gbsi", "IMP-110143"),
        (4, "gbsi", "IMP-910140"),
    ]
    first = parsed.rows[0].values
    assert first["AddressValidFrom"] == datetime(2020, 8, 25, 13, 3, tzinfo=UTC)
    assert first["AddressValidTo"] == datetime(2154, 12, 31, 23, 59, tzinfo=UTC)
    assert first["AccountStatement"] == "Always"
    assert first["AddressRecordId"] == 68720637428
    assert first["CreditLimit"] == Decimal(0)
    assert first["PersonGender"] is None
    assert first["PaymentMethod"] == ""


@pytest.mark.parametrize(
    ("column", "cell", "expected"),
    [
        ("CreditLimit", ".000000", Decimal(0)),
        ("CreditLimit", "-1500.50", Decimal("-1500.50")),
        ("OrganizationNumberOfEmployees", "12.00", 12),
        ("OnHoldStatus", "invoice", "Invoice"),
        ("OnHoldStatus", "2", "All"),
        ("PersonMaritalStatus", "Registered partnership", "RegisteredPartnership"),
        ("PersonGender", "Non-specific", "NonSpecific"),
        ("CredManCustomerSince", "8/5/1899", date(1899, 8, 5)),
        ("CredManCustomerSince", "2021-02-03", date(2021, 2, 3)),
        ("CredManCustomerSince", "", None),
        ("AddressValidFrom", "8/25/2020 1:03:07 PM", datetime(2020, 8, 25, 13, 3, 7, tzinfo=UTC)),
        ("AddressValidFrom", "8/25/2020 12:00:00 AM", datetime(2020, 8, 25, tzinfo=UTC)),
        ("AddressValidFrom", "2020-08-25T15:03:00+02:00", datetime(2020, 8, 25, 13, 3, tzinfo=UTC)),
        ("OnHoldStatus", " ", None),
        ("OrganizationNumberOfEmployees", "", None),
        ("OrganizationName", '"Müller, ""Bäcker"" & Söhne 🍞"', 'Müller, "Bäcker" & Söhne 🍞'),
    ],
)
def test_cells_become_values_of_their_column(column: str, cell: str, expected: Value) -> None:
    assert value_of(column, cell) == expected


@pytest.mark.parametrize(
    ("column", "cell", "reason"),
    [
        ("OnHoldStatus", "Perhaps", "'Perhaps' is not one of No, Invoice, All, Payment, Requisition, Never"),
        ("CreditLimit", "much", "'much' is not a number"),
        ("CreditLimit", '"1,500.00"', "'1,500.00' is not a number"),
        ("CreditLimit", "0.12345678901234567", "0.12345678901234567 has more than 16 decimal places"),
        ("CreditLimit", "12345678901234567", "12345678901234567 has more than 16 digits"),
        ("CreditLimit", "NaN", "'NaN' is not a number"),
        ("OrganizationNumberOfEmployees", "3.5", "'3.5' is not a whole number"),
        ("OrganizationNumberOfEmployees", "2147483648", "2147483648 does not fit into 32 bits"),
        ("AddressValidFrom", "25/8/2020", "'25/8/2020' is not a date like 8/25/2020 13:03"),
        ("AddressValidFrom", "2/30/2020", "'2/30/2020' is not a date like 8/25/2020 13:03"),
        ("CredManCustomerSince", "8/25/2020 13:03", "'8/25/2020 13:03' has a time of day, the column holds a date"),
        ("NameAlias", "x" * 21, "has 21 characters, the column holds 20"),
        ("NameAlias", "a\x00b", "contains a NUL character"),
    ],
)
def test_a_wrong_cell_refuses_its_record_with_line_column_and_reason(column: str, cell: str, reason: str) -> None:
    assert refusal_of(column, cell) == reason


def test_every_wrong_cell_of_a_record_is_told() -> None:
    content = f"{HEAD},CREDITLIMIT,ONHOLDSTATUS,DATAAREAID\n,10,USD,x,y,usmf\nUS-2,10,USD,1,No,usmf\n"
    parsed = parse_export(CUSTOMERS, content)
    assert [str(refusal) for refusal in parsed.refusals] == [
        "line 2, usmf: CustomerAccount is required and empty",
        "line 2, usmf: CreditLimit 'x' is not a number",
        "line 2, usmf: OnHoldStatus 'y' is not one of No, Invoice, All, Payment, Requisition, Never",
    ]
    assert [row.values["CustomerAccount"] for row in parsed.rows] == ["US-2"]


def test_a_record_with_too_few_values_is_refused_as_a_whole() -> None:
    parsed = parse_export(CUSTOMERS, f"{HEAD},DATAAREAID\nUS-1,10\n\nUS-2,10,USD,usmf\n")
    assert [str(refusal) for refusal in parsed.refusals] == [
        "line 2, US-1: has 2 values where the header names 4 columns"
    ]
    assert [row.line for row in parsed.rows] == [4]


def test_a_record_over_several_lines_is_named_by_its_first() -> None:
    content = f'{HEAD},SALESMEMO,DATAAREAID\nUS-1,10,USD,"one\ntwo\nthree",usmf\nUS-2,10,USD,,usmf\n'
    parsed = parse_export(CUSTOMERS, content)
    assert [row.line for row in parsed.rows] == [2, 5]
    assert parsed.rows[0].values["SalesMemo"] == "one\ntwo\nthree"


def test_unknown_columns_are_named_and_skipped() -> None:
    parsed = parse_export(CUSTOMERS, f"{HEAD},MYFIELD,DATAAREAID,OTHER\nUS-1,10,USD,a,usmf,b\n")
    assert parsed.unknown_columns == ("MYFIELD", "OTHER")
    assert parsed.warning == "2 columns of the file were skipped: MYFIELD, OTHER"
    assert set(parsed.rows[0].values) == {"CustomerAccount", "CustomerGroupId", "SalesCurrencyCode", "dataAreaId"}


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_delimiters_line_ends_and_encodings_are_found_out(delimiter: str, line_end: str, encoding: str) -> None:
    cells = [["CUSTOMERACCOUNT", "ORGANIZATIONNAME", "DATAAREAID"], ["DE-1", "Größe & Söhne", "DEMF"]]
    content = line_end.join(delimiter.join(line) for line in cells).encode(encoding)
    (row,) = parse_export(CUSTOMERS, content).rows
    assert row.values == {"CustomerAccount": "DE-1", "OrganizationName": "Größe & Söhne", "dataAreaId": "demf"}


def test_a_file_that_is_no_text_is_refused() -> None:
    with pytest.raises(SettingsRefused, match="save it as UTF-8"):
        decode(codecs.BOM_UTF8 + b"\xff\xfe\x81")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "the file for Customers V3 is empty: it needs a line of column names"),
        ("ORGANIZATIONNAME,DATAAREAID\nx,usmf", "the file for Customers V3 lacks the key column CustomerAccount."),
        (
            "CUSTOMERACCOUNT\nUS-1",
            "the file for Customers V3 lacks the key column dataAreaId. Name a company for the whole file or add the "
            "column.",
        ),
        (
            "CUSTOMERACCOUNT,CustomerAccount,DATAAREAID\na,b,usmf",
            "the file for Customers V3 has a column twice: CustomerAccount",
        ),
        ('CUSTOMERACCOUNT,DATAAREAID\nUS-1,usmf\n"US-2,usmf', "the file cannot be read from line 3 on"),
    ],
)
def test_a_file_that_is_no_export_of_the_table_is_refused(content: str, message: str) -> None:
    with pytest.raises(SettingsRefused) as refused:
        parse_export(CUSTOMERS, content)
    assert refused.value.message.startswith(message)


def test_records_without_a_company_get_that_of_the_caller() -> None:
    usmf = LegalEntityId("usmf")
    assert parse_export(CUSTOMERS, "CUSTOMERACCOUNT\nUS-1", company=usmf).rows[0].values["dataAreaId"] == "usmf"
    rows = parse_export(CUSTOMERS, "CUSTOMERACCOUNT,DATAAREAID\nUS-1,\nUS-2,DEMF", company=usmf).rows
    assert [row.values["dataAreaId"] for row in rows] == ["usmf", "demf"]


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=100)


@given(names=st.lists(TEXT, max_size=5))
def test_text_comes_through_as_it_is(names: list[str]) -> None:
    def quoted(name: str) -> str:
        return '"' + name.replace('"', '""') + '"'

    lines = [f"US-{number},{quoted(name)},usmf" for number, name in enumerate(names)]
    parsed = parse_export(CUSTOMERS, "\n".join(["CUSTOMERACCOUNT,ORGANIZATIONNAME,DATAAREAID", *lines]).encode())
    assert parsed.refusals == ()
    assert [row.values["OrganizationName"] for row in parsed.rows] == names


@given(content=st.binary(max_size=200))
def test_nothing_but_a_refusal_comes_of_a_file_of_rubbish(content: bytes) -> None:
    try:
        parsed = parse_export(VENDORS, content)
    except SettingsRefused:
        return
    assert isinstance(parsed, ParsedExport)
