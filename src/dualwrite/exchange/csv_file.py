"""A data-management export as finance and operations writes it, read into rows of its table. Pure: no I/O.

The file carries every column of the entity in upper case, one line a record, and the company as one more column: one
file holds records of several legal entities. Source: public samples of the data management framework.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from dualwrite.errors import SettingsRefused, ValueRefused
from dualwrite.exchange.cell_values import parse_cell
from dualwrite.metadata.schema import Column, Table
from dualwrite.metadata.values import LegalEntityId, Value

DELIMITERS = ",;\t|"
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True, slots=True)
class ParsedRow:
    """One record of the file. ``line`` is the line it starts on, counted from 1 with the header."""

    line: int
    values: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A record that was not taken over, and why. ``column`` is empty where the whole record is refused."""

    line: int
    record: str
    column: str
    reason: str

    def __str__(self) -> str:
        place = f"line {self.line}" + (f", {self.record}" if self.record else "")
        return f"{place}: {self.column} {self.reason}" if self.column else f"{place}: {self.reason}"


@dataclass(frozen=True, slots=True)
class ParsedExport:
    """What a file holds: every record is either a row or has at least one refusal."""

    rows: tuple[ParsedRow, ...]
    refusals: tuple[Refusal, ...]
    unknown_columns: tuple[str, ...]
    """Columns of the file that the table does not have or that cannot be written; their values are skipped."""

    @property
    def warning(self) -> str | None:
        """What the reader of the report should know about skipped columns, None when there are none."""
        if not self.unknown_columns:
            return None
        return f"{len(self.unknown_columns)} columns of the file were skipped: {', '.join(self.unknown_columns)}"


@dataclass(frozen=True, slots=True)
class _Header:
    """The file's columns in order, None where the table has none, and the company of rows that name none."""

    table: Table
    columns: tuple[Column | None, ...]
    company: LegalEntityId | None

    def record_name(self, cells: Sequence[str]) -> str:
        key = [
            cell
            for column, cell in zip(self.columns, cells, strict=False)
            if column is not None and column.name in self.table.key
        ]
        return ", ".join(cell for cell in key if cell)


def parse_export(table: Table, content: str | bytes, *, company: LegalEntityId | None = None) -> ParsedExport:
    """All records of the file, in its order. ``company`` is that of records which name none.

    Raises: SettingsRefused, when the file as a whole is no export of ``table`` (no header, a key column missing, a
    column twice, quotation marks that do not close).
    """
    lines = _read_lines(content if isinstance(content, str) else decode(content))
    first = next(lines, None)
    if first is None:
        raise SettingsRefused(f"the file for {table.label} is empty: it needs a line of column names")
    names = [name.strip() for name in first[1]]
    header = _read_header(table, names, company)
    rows: list[ParsedRow] = []
    refusals: list[Refusal] = []
    for line, cells in lines:
        parsed = _parse_record(header, line, cells)
        if isinstance(parsed, ParsedRow):
            rows.append(parsed)
        else:
            refusals += parsed
    unknown = tuple(name for name, column in zip(names, header.columns, strict=True) if column is None and name)
    return ParsedExport(rows=tuple(rows), refusals=tuple(refusals), unknown_columns=unknown)


def decode(content: bytes) -> str:
    """The text of a file: by its byte order mark, else UTF-8, else the Windows code page that older exports use.

    Raises: SettingsRefused, rather than replace a character.
    """
    marked = next((encoding for mark, encoding in _MARKS if content.startswith(mark)), None)
    for encoding in (marked,) if marked else ("utf-8", "cp1252"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    expected = marked or "UTF-8 or Windows-1252"
    raise SettingsRefused(f"the file is not valid {expected} text; save it as UTF-8")


def _read_lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """The records with the line each starts on; a record with line breaks inside quotation marks is one."""
    text = text.removeprefix("\ufeff")
    head = text.split("\n", 1)[0]
    delimiter = max(DELIMITERS, key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    start = 1
    try:
        for cells in reader:
            if any(cells):
                yield start, cells
            start = reader.line_num + 1
    except csv.Error as error:
        raise SettingsRefused(f"the file cannot be read from line {start} on: {error}") from error


def _read_header(table: Table, names: Sequence[str], company: LegalEntityId | None) -> _Header:
    columns = tuple(_writable(table.find(name)) for name in names)
    found = [column.name for column in columns if column is not None]
    twice = sorted({name for name in found if found.count(name) > 1})
    if twice:
        raise SettingsRefused(f"the file for {table.label} has a column twice: {', '.join(twice)}")
    missing = [name for name in table.key if name not in found and not (name == table.company_column and company)]
    if missing:
        hint = " Name a company for the whole file or add the column." if missing == [table.company_column] else ""
        raise SettingsRefused(f"the file for {table.label} lacks the key column {', '.join(missing)}.{hint}")
    return _Header(table=table, columns=columns, company=company)


def _writable(column: Column | None) -> Column | None:
    return column if column is not None and column.writable else None


def _parse_record(header: _Header, line: int, cells: Sequence[str]) -> ParsedRow | list[Refusal]:
    record = header.record_name(cells)
    if len(cells) != len(header.columns):
        reason = f"has {len(cells)} values where the header names {len(header.columns)} columns"
        return [Refusal(line=line, record=record, column="", reason=reason)]
    table = header.table
    values: dict[str, Value] = {}
    refusals: list[Refusal] = []
    if header.company is not None and table.company_column is not None:
        values[table.company_column] = header.company
    for column, cell in zip(header.columns, cells, strict=True):
        if column is None:
            continue
        if column.name == table.company_column and not cell.strip() and header.company is not None:
            continue
        try:
            value = parse_cell(column, cell)
        except ValueRefused as refused:
            refusals.append(Refusal(line=line, record=record, column=column.name, reason=refused.message))
        else:
            is_company = column.name == table.company_column and isinstance(value, str)
            values[column.name] = str(value).strip().lower() if is_company else value
    return refusals or ParsedRow(line=line, values=values)
