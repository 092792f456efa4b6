"""XML files in frames: records as elements, fields as elements or attributes, and nothing that expands."""

from __future__ import annotations

import io
import tracemalloc

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dualwrite.errors import SettingsRefused
from dualwrite.exchange.exporting.writers import file_writer
from dualwrite.exchange.files.piece import LINE, Unreadable
from dualwrite.exchange.files.xml_records import XmlFile
from dualwrite.exchange.package.manifest import DataFormat
from dualwrite.metadata.schema import Column, ColumnType, Side, Table

GROUPS = Table(
    Side.FINOPS,
    "GroupEntity",
    "Groups",
    "Groups",
    ("Id",),
    (Column("Id", ColumnType.STRING), Column("Name", ColumnType.STRING)),
)
HEAD = '<?xml version="1.0" encoding="utf-8"?>\n<Document>\n'


def read(content: str | bytes) -> tuple[list[dict[str, object]], list[Unreadable]]:
    data = content.encode() if isinstance(content, str) else content
    records: list[dict[str, object]] = []
    unreadable: list[Unreadable] = []
    for piece in XmlFile(lambda: io.BytesIO(data)).pieces():
        records += piece.records.iter_rows(named=True)
        unreadable += piece.unreadable
    return sorted(records, key=lambda each: str(each[LINE]).zfill(9)), unreadable


def test_fields_are_elements_or_attributes_and_empty_ones_are_there() -> None:
    content = (
        f"{HEAD}<GROUP><ID>1</ID><NAME>a &amp; b</NAME></GROUP>\n"
        '<GROUP ID="2" NAME="c &lt; d"/>\n<GROUP><ID>3</ID><NAME/></GROUP>\n<GROUP><ID>4</ID></GROUP></Document>'
    )
    assert read(content) == (
        [
            {LINE: 3, "ID": "1", "NAME": "a & b"},
            {LINE: 4, "ID": "2", "NAME": "c < d"},
            {LINE: 5, "ID": "3", "NAME": ""},
            {LINE: 6, "ID": "4"},
        ],
        [],
    )


@pytest.mark.parametrize("codec", ["utf-16", "utf-8", "iso-8859-1"])
def test_the_encoding_is_what_the_file_says(codec: str) -> None:
    content = f'<?xml version="1.0" encoding="{codec}"?><Document><G><ID>Müller</ID></G></Document>'
    assert read(content.encode(codec))[0] == [{LINE: 1, "ID": "Müller"}]


def test_what_is_no_record_is_told_with_its_line() -> None:
    content = (
        f"{HEAD}<G><ID>1</ID></G>\n<G><ID>2</ID><LINES><LINE>x</LINE></LINES></G>\n<G><ID>3</ID><ID>4</ID></G>\n"
        "<G><ID>5</ID></G>\n<G><ID>6</G>\n</Document>"
    )
    records, unreadable = read(content)
    assert [each["ID"] for each in records] == ["1", "5"]
    assert [(each.line, each.reason) for each in unreadable] == [
        (4, "LINE is an element within a field; composite entities are not read"),
        (5, "ID is there twice"),
        (7, "the file cannot be read from here on: mismatched tag"),
    ]


def test_document_types_are_refused_and_with_them_everything_that_expands() -> None:
    bomb = '<!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>'
    for doctype in (bomb, '<!DOCTYPE d SYSTEM "file:///etc/passwd">'):
        with pytest.raises(SettingsRefused, match="document type"):
            read(f"{doctype}<Document><G><ID>&b;</ID></G></Document>")


_TEXT = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff") | st.sampled_from("\t\n\r&<>\"'"),
    min_size=1,
    max_size=8,
)


@settings(deadline=None)
@given(
    st.lists(st.tuples(_TEXT, st.none() | _TEXT), min_size=1),
    st.sampled_from([each for each in DataFormat if each.is_xml]),
)
def test_what_is_written_is_read_as_it_was(rows: list[tuple[str, str | None]], data_format: DataFormat) -> None:
    file = io.BytesIO()
    writer = file_writer(data_format, file, GROUPS, ["ID", "NAME"])
    writer.write(pl.DataFrame(rows, schema={"ID": pl.String, "NAME": pl.String}, orient="row"))
    writer.close()
    records, unreadable = read(file.getvalue())
    assert unreadable == []
    assert [(each["ID"], each["NAME"]) for each in records] == [(key, name or "") for key, name in rows]


def test_what_xml_cannot_carry_is_not_written() -> None:
    writer = file_writer(DataFormat.XML_ELEMENT, io.BytesIO(), GROUPS, ["ID"])
    with pytest.raises(SettingsRefused, match="ID holds characters that XML cannot carry"):
        writer.write(pl.DataFrame({"ID": ["a\x01"]}))


def test_memory_does_not_grow_with_the_file() -> None:
    record = "<G>" + "".join(f"<F{number}>{'x' * 50}</F{number}>" for number in range(20)) + "</G>\n"
    data = (HEAD + record * 40_000 + "</Document>").encode()
    tracemalloc.start()
    assert sum(each.records.height for each in XmlFile(lambda: io.BytesIO(data)).pieces()) == 40_000
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < len(data)
