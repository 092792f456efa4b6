"""An XML file of the data management framework as frames of text: a record an element, a field an element or attribute.

The file is read as it streams by. Document type declarations are refused, and with them every kind of entity that
could expand or reach out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from xml.parsers import expat

import polars as pl

from dualwrite.errors import SettingsRefused
from dualwrite.exchange.files.encoding import Opener
from dualwrite.exchange.files.piece import LINE, Piece, Unreadable

_BLOCK_BYTES: Final = 256 * 1024
_PIECE_ROWS: Final = 10_000
_RECORD, _FIELD = 2, 3
"""How deep the elements of records and of their fields are."""


class XmlFile:
    """Implements ``piece.DataFile``. A field that a record does not name is none of its piece."""

    def __init__(self, opener: Opener) -> None:
        self._opener = opener

    def pieces(self) -> Iterator[Piece]:
        records = _Records()
        with self._opener() as stream:
            while block := stream.read(_BLOCK_BYTES):
                if not records.feed(block):
                    break
                if records.rows >= _PIECE_ROWS:
                    yield from records.taken()
            else:
                records.feed(b"", last=True)
        yield from records.taken()


class _Records:
    """What the parser has met, by the fields of the records."""

    def __init__(self) -> None:
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.StartDoctypeDeclHandler = _refuse_doctype
        self._depth = 0
        self._line = 0
        self._record: dict[str, str] = {}
        self._problem = ""
        self._text: list[str] = []
        self._kept: dict[tuple[str, ...], list[tuple[int, dict[str, str]]]] = {}
        self._unreadable: list[Unreadable] = []
        self.rows = 0

    def feed(self, block: bytes, *, last: bool = False) -> bool:
        """Whether the file could be read so far; where not, that is told among the records."""
        try:
            self._parser.Parse(block, last)
        except expat.ExpatError as error:
            said = expat.ErrorString(error.code)
            reason = f"the file cannot be read from here on: {said}"
            self._unreadable.append(Unreadable(error.lineno, reason, reason, {}))
            return False
        return True

    def taken(self) -> Iterator[Piece]:
        """The records met since, a piece for each set of fields."""
        kept, unreadable = self._kept, tuple(self._unreadable)
        self._kept, self._unreadable, self.rows = {}, [], 0
        for names, records in kept.items():
            columns = {LINE: pl.Series([line for line, _ in records], dtype=pl.Int64)}
            for name in names:
                columns[name] = pl.Series([record[name] for _, record in records], dtype=pl.String)
            yield Piece(pl.DataFrame(columns))
        if unreadable:
            yield Piece(pl.DataFrame(schema={LINE: pl.Int64}), unreadable)

    # --- what the parser tells --------------------------------------------------------------------------------------

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth == _FIELD:
            self._text = []
        elif self._depth == _RECORD:
            self._line = self._parser.CurrentLineNumber
            self._problem = ""
            self._record = {_local(each): value for each, value in attributes.items() if not each.startswith("xmlns")}
        elif self._depth > _FIELD:
            self._problem = f"{_local(name)} is an element within a field; composite entities are not read"

    def _end(self, name: str) -> None:
        if self._depth == _FIELD:
            field = _local(name)
            if field in self._record:
                self._problem = f"{field} is there twice"
            self._record[field] = "".join(self._text)
        elif self._depth == _RECORD:
            self._keep()
        self._depth -= 1

    def _characters(self, text: str) -> None:
        if self._depth == _FIELD:
            self._text.append(text)

    def _keep(self) -> None:
        self.rows += 1
        if self._problem:
            self._unreadable.append(Unreadable(self._line, self._problem, self._problem, self._record))
        elif any(self._record.values()):
            self._kept.setdefault(tuple(self._record), []).append((self._line, self._record))


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _refuse_doctype(*_: object) -> None:
    raise SettingsRefused("the XML file has a document type declaration, which data files have no need of; remove it")
