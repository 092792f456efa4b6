"""Frames of texts written as CSV or XML, a frame at a time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import IO, Final, Protocol

import polars as pl

from dualwrite.errors import SettingsRefused
from dualwrite.exchange.package.manifest import DataFormat
from dualwrite.metadata.schema import Table

_NOT_XML: Final = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x{fffe}\x{ffff}]"
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_ESCAPED: Final = (
    ("&", "&amp;"),
    ("<", "&lt;"),
    (">", "&gt;"),
    ('"', "&quot;"),
    ("\t", "&#9;"),
    ("\n", "&#10;"),
    ("\r", "&#13;"),
)


class FileWriter(Protocol):
    """Writes the records of one table into a file that is open."""

    def write(self, texts: pl.DataFrame) -> None:
        """``texts`` has a column of String for each field; null and empty are the same."""
        ...

    def close(self) -> None:
        """The file is whole. It stays open."""
        ...


def file_writer(data_format: DataFormat, stream: IO[bytes], table: Table, fields: Sequence[str]) -> FileWriter:
    """A writer of ``fields``. Raises: SettingsRefused, for names that no XML element can have."""
    if not data_format.is_xml:
        return _CsvWriter(stream, fields)
    wrong = [name for name in (table.name, *fields) if not _NAME.fullmatch(name)]
    if wrong:
        raise SettingsRefused(f"{table.label}: {', '.join(wrong)} cannot be names in XML; export it as CSV")
    return _XmlWriter(stream, table.name.upper(), as_attributes=data_format is DataFormat.XML_ATTRIBUTE)


class _CsvWriter:
    def __init__(self, stream: IO[bytes], fields: Sequence[str]) -> None:
        self._stream = stream
        pl.DataFrame(schema=dict.fromkeys(fields, pl.String)).write_csv(stream, line_terminator="\r\n")

    def write(self, texts: pl.DataFrame) -> None:
        blank = texts.with_columns(pl.when(pl.all() != "").then(pl.all()))
        blank.write_csv(self._stream, include_header=False, line_terminator="\r\n")

    def close(self) -> None: ...


class _XmlWriter:
    def __init__(self, stream: IO[bytes], entity: str, *, as_attributes: bool) -> None:
        self._stream = stream
        self._entity = entity
        self._as_attributes = as_attributes
        stream.write(b'<?xml version="1.0" encoding="utf-8"?>\r\n<Document>\r\n')

    def write(self, texts: pl.DataFrame) -> None:
        self._check(texts)
        lines = texts.select(pl.concat_str(self._record(texts.columns))).to_series()
        if lines.len():
            self._stream.write((lines.str.join("\r\n").item() + "\r\n").encode())

    def close(self) -> None:
        self._stream.write(b"</Document>\r\n")

    def _record(self, fields: Sequence[str]) -> list[pl.Expr]:
        if self._as_attributes:
            parts = [_around(f' {name}="', _escaped(name), '"') for name in fields]
            return [pl.lit(f"<{self._entity}"), *parts, pl.lit(" />")]
        parts = [_around(f"<{name}>", _escaped(name), f"</{name}>") for name in fields]
        return [pl.lit(f"<{self._entity}>"), *parts, pl.lit(f"</{self._entity}>")]

    def _check(self, texts: pl.DataFrame) -> None:
        wrong = texts.select(pl.all().str.contains(_NOT_XML).any())
        names = [name for name in wrong.columns if wrong[name].item()]
        if names:
            raise SettingsRefused(
                f"{self._entity}: {', '.join(names)} holds characters that XML cannot carry; export it as CSV"
            )


def _escaped(name: str) -> pl.Expr:
    text = pl.col(name).fill_null("")
    for character, entity in _ESCAPED:
        text = text.str.replace_all(character, entity, literal=True)
    return text


def _around(start: str, text: pl.Expr, end: str) -> pl.Expr:
    return pl.concat_str(pl.lit(start), text, pl.lit(end))
