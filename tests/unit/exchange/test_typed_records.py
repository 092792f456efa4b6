"""Records become rows of their table, and what is wrong with them is told by record, column and cause."""

from __future__ import annotations

import io

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dualwrite.catalog import load_schema
from dualwrite.errors import PartnerRefused, SettingsRefused
from dualwrite.exchange.csv_file import parse_export
from dualwrite.exchange.exporting.exporter import exported_columns, field_name
from dualwrite.exchange.files.csv_records import CsvFile
from dualwrite.exchange.files.piece import LINE
from dualwrite.exchange.files.xml_records import XmlFile
from dualwrite.exchange.importing.checks import KeysSeen, unknown_companies
from dualwrite.exchange.importing.chunk import Chunk, objection_of, values_of
from dualwrite.exchange.typed_records import RecordReader, TypedPiece
from dualwrite.metadata.schema import Side
from dualwrite.metadata.values import LegalEntityId

CUSTOMERS = load_schema(Side.FINOPS).table("CustomersV3")
ACCOUNTS = load_schema(Side.DATAVERSE).table("account")
USMF = LegalEntityId("usmf")


def typed(reader: RecordReader, text: str) -> TypedPiece:
    (piece,) = CsvFile(lambda: io.BytesIO(text.encode())).pieces()
    return reader.read(piece)


_CELLS = {
    "CUSTOMERACCOUNT": ["C-1", "C-2", ""],
    "CUSTOMERGROUPID": ["10", " ", "x" * 40],
    "CREDITLIMIT": ["", "1.5", "abc", "1e2", "99999999999999999999"],
    "PARTYTYPE": ["", "person", "Organization", "1", "Robot"],
    "ADDRESSVALIDFROM": ["", "8/25/2020 1:03 PM", "2020-02-30", "2020-02-29 10:00:00"],
    "CREDMANCUSTOMERSINCE": ["", "2020-02-29", "2020-02-29 10:00:00", "1/1/1900"],
    "PAYMENTTERMSBASEDAYS": ["", "30", "30.0", "2147483648"],
    "DATAAREAID": ["usmf", " DEMF ", ""],
}


@settings(deadline=None)
@given(
    st.lists(st.tuples(*(st.sampled_from(cells) for cells in _CELLS.values())), min_size=1, max_size=6),
    st.sampled_from([None, USMF]),
)
def test_rows_and_refusals_are_those_of_reading_record_by_record(
    rows: list[tuple[str, ...]], company: LegalEntityId | None
) -> None:
    text = "\n".join([",".join(_CELLS), *(",".join(row) for row in rows)]) + "\n"
    expected = parse_export(CUSTOMERS, text, company=company)
    if not expected.rows and not expected.refusals:
        return
    found = typed(RecordReader(CUSTOMERS, file="f", company=company), text)
    values = {row[LINE]: values_of(CUSTOMERS, row) for row in found.rows.iter_rows(named=True)}
    assert values == {row.line: dict(row.values) for row in expected.rows}
    assert sorted((each.line, each.column, each.reason) for each in found.refused) == sorted(
        (each.line, each.column, each.reason) for each in expected.refusals
    )


def test_a_refusal_names_the_record_and_keeps_its_cells_by_column() -> None:
    reader = RecordReader(CUSTOMERS, file="f.csv", company=USMF)
    (refusal,) = typed(reader, "CUSTOMERACCOUNT,CREDITLIMIT,STRANGE\nC-1,much,x\n").refused
    assert str(refusal) == "f.csv, line 2, C-1: CreditLimit 'much' is not a number"
    assert (refusal.entity, refusal.legal_entity, refusal.code) == ("CustCustomerV3Entity", "usmf", "DW0505")
    assert refusal.cause == "CreditLimit is not a number"
    assert refusal.row == {"CustomerAccount": "C-1", "CreditLimit": "much", "STRANGE": "x", "dataAreaId": "usmf"}
    assert refusal.whole
    assert reader.skipped == ("STRANGE",)


def test_wrong_cells_of_one_kind_have_one_cause_and_unknown_choices_one_each() -> None:
    reader = RecordReader(CUSTOMERS, file="f.csv", company=USMF)
    lines = ["A,much,Robot", "B,more,Robot", "C,1,Alien", f"{'D' * 30},1,Person"]
    refused = typed(reader, "CUSTOMERACCOUNT,CREDITLIMIT,PARTYTYPE\n" + "\n".join(lines) + "\n").refused
    causes = [each.cause for each in refused]
    assert len(causes) == 6
    assert len(set(causes)) == 4
    assert "CustomerAccount has more than the 20 characters that the column holds" in causes


def test_a_manifest_may_call_fields_otherwise_and_leave_some_out() -> None:
    mappings = {"account": "CUSTOMERACCOUNT", "group": "CUSTOMERGROUPID"}
    reader = RecordReader(CUSTOMERS, file="f", mappings=mappings, company=USMF)
    rows = typed(reader, "ACCOUNT,Group,CREDITLIMIT\nC-1,10,5\n").rows
    assert rows.drop(LINE).to_dicts() == [{"CustomerAccount": "C-1", "CustomerGroupId": "10", "dataAreaId": "usmf"}]
    assert reader.skipped == ("CREDITLIMIT",)


def test_notes_of_a_download_are_passed_over() -> None:
    reader = RecordReader(CUSTOMERS, file="f", company=USMF)
    rows = typed(reader, "@line,@reason,@column,CUSTOMERACCOUNT\n7,why,x,C-1\n").rows
    assert rows.columns == [LINE, "CustomerAccount", "dataAreaId"]
    assert reader.skipped == ()


def test_two_fields_for_one_column_are_refused() -> None:
    reader = RecordReader(CUSTOMERS, file="f", mappings={"a": "CustomerAccount", "b": "CUSTOMERACCOUNT"}, company=USMF)
    with pytest.raises(SettingsRefused, match="several fields fill CustomerAccount"):
        typed(reader, "A,B\n1,2\n")


def test_an_xml_record_without_its_key_is_refused_alone() -> None:
    text = "<D><C><CUSTOMERACCOUNT>C-1</CUSTOMERACCOUNT></C>\n<C><CUSTOMERGROUPID>10</CUSTOMERGROUPID></C></D>"
    reader = RecordReader(CUSTOMERS, file="f.xml", company=USMF, fields_vary=True)
    read = [reader.read(piece) for piece in XmlFile(lambda: io.BytesIO(text.encode())).pieces()]
    assert [row["CustomerAccount"] for each in read for row in each.rows.iter_rows(named=True)] == ["C-1"]
    (refusal,) = [refused for each in read for refused in each.refused]
    assert (refusal.line, refusal.whole) == (2, False)
    assert "lack the key column CustomerAccount" in refusal.reason


def test_lookups_to_several_tables_bring_the_table_along() -> None:
    fields = [field_name(each) for each in exported_columns(ACCOUNTS)]
    assert "OWNERID@TABLE" in fields and "CREATEDON" not in fields
    reader = RecordReader(ACCOUNTS, file="f")
    guid = "5e0c7c0e-5a5b-4c5d-9e5f-000000000001"
    rows = typed(reader, f"ACCOUNTID,OWNERID,OWNERID@TABLE,NAME\n{guid},{guid},team,\n").rows
    assert rows.drop(LINE).to_dicts() == [{"accountid": guid, "ownerid": guid, "ownerid@table": "team", "name": None}]


# --- before the environment sees them -------------------------------------------------------------------------------


def chunk(text: str) -> Chunk:
    reader = RecordReader(CUSTOMERS, file="f")
    piece = typed(reader, "CUSTOMERACCOUNT,DATAAREAID\n" + text)
    return Chunk(reader, piece.rows, piece.texts)


def test_legal_entities_that_are_not_there_are_told() -> None:
    found = unknown_companies(chunk("A,usmf\nB,GBSI\nC,Gbsi\n"), {"usmf", "demf"})
    assert {line: each.reason for line, each in found.items()} == {
        3: "legal entity 'gbsi' is not in the environment (known: demf, usmf). Create it or leave its records out.",
        4: "legal entity 'gbsi' is not in the environment (known: demf, usmf). Create it or leave its records out.",
    }
    assert found[3].cause == "legal entity 'gbsi' is not in the environment"


def test_a_key_that_comes_again_is_told_with_the_line_it_was_on() -> None:
    seen = KeysSeen()
    first = seen.repeated(chunk("A,usmf\nB,usmf\na,USMF\nA,demf\n"))
    assert {line: each.reason.partition(";")[0] for line, each in first.items()} == {
        4: "the file has a record with this key before, in line 2"
    }
    again = seen.repeated(chunk("\n\n\n\nX,usmf\nb,usmf\n"))
    assert {line: each.reason.partition(";")[0] for line, each in again.items()} == {
        7: "the file has a record with this key before, in line 3"
    }


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 60), min_size=1, max_size=12), min_size=1, max_size=12))
def test_keys_are_seen_through_however_many_chunks(chunks: list[list[int]]) -> None:
    reader = RecordReader(CUSTOMERS, file="f")
    seen, known, line = KeysSeen(), set[int](), 1
    for keys in chunks:
        lines = range(line + 1, line + 1 + len(keys))
        rows = pl.DataFrame(
            {LINE: list(lines), "CustomerAccount": [f"C-{key}" for key in keys], "dataAreaId": ["usmf"] * len(keys)}
        )
        expected = set()
        for number, key in zip(lines, keys, strict=True):
            if key in known:
                expected.add(number)
            known.add(key)
        assert set(seen.repeated(Chunk(reader, rows, rows))) == expected
        line += len(keys)


def test_an_objection_has_the_code_of_who_objected_and_a_cause_without_the_record() -> None:
    refusal = PartnerRefused("Customers V3, C-1: accounts refused the record: too late", table="account", column="name")
    refusal.details = {**refusal.details, "code": "DW0505", "record": "C-1"}
    objection = objection_of(refusal)
    assert (objection.code, objection.column) == ("DW0505", "name")
    assert objection.cause == "Customers V3: accounts refused the record: too late"
