"""A CSV file as frames of text, at the speed of Polars where that surely reads what the csv module reads.

Surely means: quotation marks only around whole cells, line feeds (with or without carriage returns) at the ends of the
lines, and as many cells as the header names. From the first other quotation mark or line end on, the csv module reads
the rest of the file; records with another number of cells are told apart and refused.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Final

import polars as pl

from dualwrite.errors import SettingsRefused
from dualwrite.exchange.files.encoding import BLOCK_BYTES, Opener, utf8_blocks
from dualwrite.exchange.files.piece import LINE, Piece, Unreadable

DELIMITERS: Final = ",;\t|"
_MOST_CARRIED_BYTES: Final = 32 * 1024 * 1024
"""How long a record may become before its quotation marks are taken to be open by mistake."""
_SLOW_ROWS: Final = 5_000


class CsvFile:
    """Implements ``piece.DataFile``. ``block_bytes`` is how much is read at once."""

    def __init__(self, opener: Opener, *, block_bytes: int = BLOCK_BYTES) -> None:
        self._opener = opener
        self._block_bytes = block_bytes

    def pieces(self) -> Iterator[Piece]:
        blocks = utf8_blocks(self._opener, block_bytes=self._block_bytes)
        head = _Head(blocks)
        if head.names is None:
            raise SettingsRefused("the file is empty: it needs a line of column names")
        for piece in _Records(head.names, head.delimiter).read(head.rest(blocks), line=head.lines + 1):
            if piece.records.height or piece.unreadable:
                yield piece


class _Head:
    """The first record of the file: what its columns are called."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._block = next(blocks, b"")
        # A character that is cut in two at the end of the block is not part of the first lines.
        lines = io.StringIO(self._block.decode(errors="ignore"), newline="")
        self.delimiter = max(DELIMITERS, key=lines.readline().count)
        lines.seek(0)
        self._taken = 0
        reader = csv.reader(self._counted(lines), delimiter=self.delimiter, strict=True)
        try:
            self.names = next((_named(cells) for cells in reader if any(cells)), None)
        except csv.Error as error:
            raise SettingsRefused(f"the line of column names cannot be read: {error}") from error
        self.lines = reader.line_num

    def _counted(self, lines: Iterator[str]) -> Iterator[str]:
        for line in lines:
            self._taken += len(line.encode())
            yield line

    def rest(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        """The file without the header."""
        return chain([self._block[self._taken :]], blocks)


def _named(cells: Sequence[str]) -> tuple[str, ...]:
    """The names of the fields; a name that is there twice, in whatever case, would make cells get lost."""
    names = tuple(cell.strip() for cell in cells)
    seen = [name.casefold() for name in names if name]
    twice = sorted({name for name in names if name and seen.count(name.casefold()) > 1})
    if twice:
        raise SettingsRefused(f"the file has a column twice: {', '.join(twice)}")
    # Cells under no name are skipped, and still have to be told apart.
    return tuple(name or f"@{position}" for position, name in enumerate(names))


class _Records:
    """The records below a header."""

    def __init__(self, names: tuple[str, ...], delimiter: str) -> None:
        self._names = names
        self._delimiter = delimiter
        mark = re.escape(delimiter)
        cell = rf'(?:[^"{mark}]*|"(?:[^"]|"")*")'
        self._clean = rf"\A{cell}(?:{mark}{cell})*\z"

    def read(self, blocks: Iterator[bytes], *, line: int) -> Iterator[Piece]:
        """The pieces of what begins at ``line``."""
        carried = b""
        for block in blocks:
            carried += block
            end = _end_of_records(carried)
            if end is None and len(carried) > _MOST_CARRIED_BYTES:
                yield from self._slowly(chain([carried], blocks), line=line)
                return
            if not end:
                continue
            chunk, carried = carried[:end], carried[end:]
            records = self._records(chunk, line)
            if records is None:
                yield from self._slowly(chain([chunk, carried], blocks), line=line)
                return
            yield from self._pieces(chunk, records, line)
            line += chunk.count(b"\n")
        records = self._records(carried, line)
        if records is None:
            yield from self._slowly(iter([carried]), line=line)
        else:
            yield from self._pieces(carried, records, line)

    # --- quickly ----------------------------------------------------------------------------------------------------

    def _records(self, chunk: bytes, line: int) -> pl.DataFrame | None:
        """``@@line``, the text and the number of cells of each record; None when it takes the csv module to tell."""
        if chunk.count(b"\r") != chunk.count(b"\r\n"):
            return None
        text = pl.read_lines(io.BytesIO(chunk), name="text").with_row_index(LINE, offset=line)
        records = text.with_columns(pl.col(LINE).cast(pl.Int64), several=pl.lit(False))
        if b'"' not in chunk:
            return records.with_columns(cells=self._count(pl.col("text")))
        records = _joined(records)
        quoted = records["text"].filter(records["text"].str.contains('"', literal=True))
        if not quoted.str.contains(self._clean).all():
            return None
        return records.with_columns(cells=self._count(pl.col("text").str.replace_all(r'"[^"]*"', "")))

    def _count(self, text: pl.Expr) -> pl.Expr:
        return text.str.count_matches(self._delimiter, literal=True) + 1

    def _pieces(self, chunk: bytes, records: pl.DataFrame, line: int) -> Iterator[Piece]:
        blank = records["text"] == ""
        good = (records["cells"] == len(self._names)) & ~blank
        if good.all():
            yield self._piece(records, self._parsed(chunk))
        elif records["several"].any():
            yield from self._slowly(iter([chunk]), line=line)
        else:
            left = records.filter(good)
            text = left["text"].str.join("\n").item() if left.height else ""
            yield self._piece(left, self._parsed(text.encode()), self._wrong_width(records.filter(~good & ~blank)))

    def _parsed(self, text: bytes) -> pl.DataFrame:
        if not text:
            return pl.DataFrame(schema=dict.fromkeys(self._names, pl.String))
        return pl.read_csv(
            io.BytesIO(text),
            has_header=False,
            new_columns=list(self._names),
            separator=self._delimiter,
            infer_schema=False,
            empty_string_is_null=False,
        )

    def _piece(self, records: pl.DataFrame, cells: pl.DataFrame, unreadable: tuple[Unreadable, ...] = ()) -> Piece:
        assert cells.height == records.height, "Polars and the line count disagree about the records"
        filled = cells.with_columns(pl.all().fill_null(""))
        held = filled.insert_column(0, records[LINE])
        return Piece(held.filter(pl.any_horizontal(pl.col(self._names) != "")), unreadable)

    def _wrong_width(self, records: pl.DataFrame) -> tuple[Unreadable, ...]:
        found = (
            (int(line), next(csv.reader([text], delimiter=self._delimiter, strict=True)))
            for line, text in records.select(LINE, "text").iter_rows()
        )
        return tuple(self._not_a_record(line, cells) for line, cells in found if any(cells))

    # --- slowly -----------------------------------------------------------------------------------------------------

    def _slowly(self, blocks: Iterator[bytes], *, line: int) -> Iterator[Piece]:
        """What the csv module reads. Lines that are no record are told, and reading goes on behind them."""
        rows: list[tuple[int, list[str]]] = []
        unreadable: list[Unreadable] = []
        reader = csv.reader(_lines(blocks), delimiter=self._delimiter, strict=True)
        first = line
        while True:
            start = first + reader.line_num
            try:
                cells = next(reader, None)
            except csv.Error as error:
                unreadable.append(_broken(start, first + reader.line_num - 1, str(error)))
                continue
            if cells is None:
                break
            if len(cells) == len(self._names) and any(cells):
                rows.append((start, cells))
            elif any(cells):
                unreadable.append(self._not_a_record(start, cells))
            if len(rows) + len(unreadable) >= _SLOW_ROWS:
                yield self._slow_piece(rows, unreadable)
                rows, unreadable = [], []
        yield self._slow_piece(rows, unreadable)

    def _slow_piece(self, rows: Sequence[tuple[int, list[str]]], unreadable: Sequence[Unreadable]) -> Piece:
        columns: dict[str, pl.Series] = {LINE: pl.Series([line for line, _ in rows], dtype=pl.Int64)}
        for position, name in enumerate(self._names):
            columns[name] = pl.Series([cells[position] for _, cells in rows], dtype=pl.String)
        return Piece(pl.DataFrame(columns), tuple(unreadable))

    def _not_a_record(self, line: int, cells: Sequence[str]) -> Unreadable:
        reason = f"has {len(cells)} values where the header names {len(self._names)} columns"
        named = dict(zip(self._names, cells, strict=False))
        return Unreadable(line, reason, "the number of values is not that of the header", named)


def _lines(blocks: Iterator[bytes]) -> Iterator[str]:
    """The lines with their ends, whichever of the three kinds those are."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    carried = ""
    for block in blocks:
        *whole, carried = [*io.StringIO(carried + decoder.decode(block), newline="")] or [""]
        yield from whole
    yield from io.StringIO(carried, newline="")


def _joined(lines: pl.DataFrame) -> pl.DataFrame:
    """The lines that a quotation mark keeps open, together with those that follow, as one record."""
    marks = pl.col("text").str.count_matches('"', literal=True)
    is_open = marks.cum_sum().shift(1, fill_value=0) % 2 == 1
    numbered = lines.with_columns(record=(~is_open).cum_sum(), several=is_open)
    if not numbered["several"].any():
        return lines
    together = numbered.group_by("record", maintain_order=True)
    return together.agg(pl.col(LINE).first(), pl.col("text").str.join("\n"), several=pl.col("several").any()).drop(
        "record"
    )


def _end_of_records(text: bytes) -> int | None:
    """Behind the last line feed that ends a record; None when there is none."""
    is_open = text.count(b'"') % 2 == 1
    end = len(text)
    while (found := text.rfind(b"\n", 0, end)) >= 0:
        is_open ^= text.count(b'"', found, end) % 2 == 1
        if not is_open:
            return found + 1
        end = found
    return None


def _broken(first: int, last: int, error: str) -> Unreadable:
    where = f"lines {first} to {last}" if last > first else "the line"
    return Unreadable(first, f"{where} cannot be read as a record: {error}", f"no record: {error}", {})
