"""Some records of a data file as a frame of text, with the line each starts on; and the records that are none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

import polars as pl

LINE: Final = "@@line"
"""The frame's column of the line each record starts on, counted from 1."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Lines of a file that are no record. ``cells`` are those that could be told apart, by field name."""

    line: int
    reason: str
    cause: str
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Piece:
    """Some records. ``records`` has ``@@line`` (Int64) and a column of String for each field of the file, never null.

    All records of a piece have the same fields.
    """

    records: pl.DataFrame
    unreadable: tuple[Unreadable, ...] = ()


class DataFile(Protocol):
    """A file of records that is read from its start to its end, once or again."""

    def pieces(self) -> Iterator[Piece]:
        """The records in the order of the file.

        Raises: SettingsRefused, when the file as a whole is not what it should be.
        """
        ...
