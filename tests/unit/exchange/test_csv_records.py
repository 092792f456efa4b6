"""CSV files in frames: the same records, lines and refusals as the csv module finds, whatever is in the cells."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dualwrite.errors import SettingsRefused
from dualwrite.exchange.files.csv_records import CsvFile
from dualwrite.exchange.files.encoding import BLOCK_BYTES
from dualwrite.exchange.files.piece import LINE, Unreadable

Record = tuple[int, tuple[str, ...]]


def read(content: str | bytes, *, block_bytes: int = BLOCK_BYTES) -> tuple[list[Record], list[Unreadable]]:
    data = content.encode() if isinstance(content, str) else content
    records: list[Record] = []
    unreadable: list[Unreadable] = []
    for piece in CsvFile(lambda: io.BytesIO(data), block_bytes=block_bytes).pieces():
        assert set(piece.records.dtypes[1:]) <= {pl.String}
        records += [(row[0], row[1:]) for row in piece.records.iter_rows()]
        unreadable += piece.unreadable
    return sorted(records), sorted(unreadable, key=lambda each: each.line)


def by_csv_module(text: str, width: int) -> tuple[list[Record], list[int]]:
    """The records with the lines they start on, and the lines of records of another width."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    next(reader)
    records, others, start = [], [], reader.line_num + 1
    for cells in reader:
        if any(cells) and len(cells) == width:
            records.append((start, tuple(cells)))
        elif any(cells):
            others.append(start)
        start = reader.line_num + 1
    return records, others


def written(rows: Sequence[Sequence[str]], *, end: str, quoting: int) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator=end, quoting=quoting).writerows(rows)
    return text.getvalue()


_PARTS = st.sampled_from(["a", "é", " ", ",", '"', '""', "\n", "\r", "\r\n", "1", "𝄞", ";"])
_CELL = st.lists(_PARTS, max_size=4).map("".join)


@settings(deadline=None)
@given(
    st.lists(st.lists(_CELL, min_size=1, max_size=4), max_size=8),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_what_a_csv_writer_writes_is_read_as_the_csv_module_reads_it(
    rows: list[list[str]], end: str, quoting: int
) -> None:
    text = written([["A", "B", "C"], *rows], end=end, quoting=quoting)
    expected, others = by_csv_module(text, 3)
    records, unreadable = read(text)
    assert records == expected
    assert [each.line for each in unreadable] == others


@settings(deadline=None)
@given(st.lists(_CELL, max_size=12), st.integers(8, 40))
def test_any_text_is_read_as_the_csv_module_reads_it_however_it_is_cut_into_blocks(
    parts: list[str], block_bytes: int
) -> None:
    text = "A,B\n" + ",".join(parts)
    try:
        expected, others = by_csv_module(text, 2)
    except csv.Error:
        return
    records, unreadable = read(text, block_bytes=block_bytes)
    assert records == expected
    assert [each.line for each in unreadable] == others


def test_lines_that_are_no_record_are_told_with_their_cells_and_the_others_are_read() -> None:
    records, unreadable = read("A,B,C\n1,2,3\nx,y\n\n,,\n4,5,6\n1,2,3,4\n")
    assert records == [(2, ("1", "2", "3")), (6, ("4", "5", "6"))]
    assert [(each.line, each.reason) for each in unreadable] == [
        (3, "has 2 values where the header names 3 columns"),
        (7, "has 4 values where the header names 3 columns"),
    ]
    assert unreadable[0].cells == {"A": "x", "B": "y"}


def test_reading_goes_on_behind_quotation_marks_that_are_in_the_wrong_place() -> None:
    records, unreadable = read('A,B\n1,2\n"a"b,3\n4,in the "middle"\n5,"open\n6,7\n')
    assert records == [(2, ("1", "2")), (4, ("4", 'in the "middle"'))]
    assert [(each.line, each.reason) for each in unreadable] == [
        (3, "the line cannot be read as a record: ',' expected after '\"'"),
        (5, "lines 5 to 6 cannot be read as a record: unexpected end of data"),
    ]


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32", "cp1252"])
def test_the_encoding_is_recognised(codec: str) -> None:
    mark = b"\xfe\xff" if codec == "utf-16-be" else b""
    assert read(mark + "A;B\r\nMüller;2\r\n".encode(codec)) == ([(2, ("Müller", "2"))], [])


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_that_of_the_line_of_names(delimiter: str) -> None:
    assert read(f"A{delimiter}B\n1{delimiter}2\n") == ([(2, ("1", "2"))], [])


def test_what_is_no_text_or_has_no_names_or_one_twice_is_refused_as_a_whole() -> None:
    for content, reason in (
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"A,a\n1,2\n", "a column twice: A, a"),
        (b"A\n\x81\xff\n", "not valid UTF-8 or Windows-1252"),
        (b"\xff\xfeA\x00\n", "not valid utf-16"),
    ):
        with pytest.raises(SettingsRefused, match=reason):
            read(content)


def test_a_record_over_several_lines_beside_a_broken_one_keeps_its_line_ends() -> None:
    records, unreadable = read('A,B\n1,"two\r\nlines"\nbroken\n3,4\n')
    assert records == [(2, ("1", "two\r\nlines")), (5, ("3", "4"))]
    assert [each.line for each in unreadable] == [4]


def test_pieces_are_of_bounded_size_and_lines_go_on_through_them() -> None:
    text = "A,B\n" + "".join(f"{number},x\n" for number in range(1_200_000))
    pieces = list(CsvFile(lambda: io.BytesIO(text.encode())).pieces())
    assert len(pieces) > 2
    assert sum(each.records.height for each in pieces) == 1_200_000
    last = pieces[-1].records
    assert last[LINE][-1] == 1_200_001 and last["A"][-1] == "1199999"
