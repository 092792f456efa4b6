"""Records of a data file that were not taken over, and why: each can be found, mended and tried again by that."""

from __future__ import annotations

from dataclasses import dataclass

from dualwrite.errors import DuplicateRecord, RecordRefused, ValueProblem, ValueRefused
from dualwrite.metadata.schema import Column


@dataclass(frozen=True, slots=True)
class Objection:
    """What is wrong with a record, apart from which record it is."""

    column: str
    code: str
    reason: str
    cause: str
    whole: bool = True
    """Whether the record can be tried again as it is."""


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
    return Objection("", RecordRefused.code, reason, cause, whole=False)


def objection_to_duplicate(line: int) -> Objection:
    """The record's key was there before, in ``line``."""
    reason = f"the file has a record with this key before, in line {line}; take one of them out or mend its key"
    return Objection("", DuplicateRecord.code, reason, "the file has a record with the same key before", whole=False)
