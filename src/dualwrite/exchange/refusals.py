"""Records of a data file that were not taken over, and why: each can be found, mended and tried again by that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dualwrite.errors import DuplicateRecord, RecordRefused, ValueProblem, ValueRefused
from dualwrite.metadata.schema import Column


@dataclass(frozen=True, slots=True)
class FileRefusal:
    """Why a record was refused; a record with several wrong cells has several.

    ``line`` is the line of the file that the record starts on. ``column`` is empty where the whole record is refused.
    ``cause`` is the reason without what only this record has: the same for all records that one missing thing
    refuses. ``row`` holds the cells as the file had them, by field name.
    """

    file: str
    entity: str
    line: int
    company: str
    record: str
    column: str
    code: str
    reason: str
    cause: str
    row: Mapping[str, str]

    def __str__(self) -> str:
        place = f"{self.file}, line {self.line}" + (f", {self.record}" if self.record else "")
        return f"{place}: {self.column} {self.reason}" if self.column else f"{place}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Objection:
    """What is wrong with a record, apart from which record it is."""

    column: str
    code: str
    reason: str
    cause: str


def objection_of_cell(column: Column, text: str, refused: ValueRefused) -> Objection:
    """What is wrong with a cell. Unknown choices are a cause each; other wrong texts share one."""
    reason = refused.message
    match refused.problem:
        case ValueProblem.TOO_LONG:
            cause = f"has more than the {column.length} characters that the column holds"
        case ValueProblem.UNKNOWN_CHOICE:
            cause = reason
        case _:
            stripped = text.strip()
            cause = reason.removeprefix(repr(stripped)).removeprefix(stripped).strip() if stripped else reason
    return Objection(column.name, refused.code, reason, f"{column.name} {cause}")


def objection_to_structure(reason: str, cause: str) -> Objection:
    """The lines are no record of the file."""
    return Objection("", RecordRefused.code, reason, cause)


def objection_to_duplicate(line: int) -> Objection:
    """The record's key was there before, in ``line``."""
    reason = f"the file has a record with this key before, in line {line}; take one of them out or mend its key"
    return Objection("", DuplicateRecord.code, reason, "the file has a record with the same key before")
