"""What is wrong, or doubtful, about a map: coded, addressed to the place in the map, with what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Final


class Severity(Enum):
    ERROR = "error"
    WARNING = "warning"


class Code(Enum):
    """The known validation codes. The value is what users see and search for.

    Public documents name DIPV1018 and DIPV1020 without a text; the meanings here are ours.
    """

    SCOPE = "DIPV1002"
    """Company-specific joined with global, or the company mapped as if it were a column."""
    NO_KEY = "DIPV1003"
    """No integration key, or several to choose from."""
    KEY_NOT_MAPPED = "DIPV1004"
    MANDATORY_DATAVERSE = "DIPV1010"
    READ_ONLY = "DIPV1011"
    FILTER = "DIPV1012"
    """A filter that cannot be read, or that reads a column which the map does not carry."""
    KEY_UNKNOWN = "DIPV1014"
    KEY_ONE_WAY = "DIPV1015"
    TRANSFORM = "DIPV1018"
    """A transform that cannot work: ambiguous pairs, a text that does not fit its column, a constant that points the
    wrong way, a kind without effect on these columns."""
    LINE = "DIPV1020"
    """A line that maps nothing, a line that is none, or no lines at all."""
    FINOPS_ENTITY = "DIPV1021"
    DATAVERSE_TABLE = "DIPV1022"
    FINOPS_COLUMN = "DIPV1023"
    DATAVERSE_COLUMN = "DIPV1024"
    FINOPS_DUPLICATE = "DIPV1025"
    """Several lines write one finance and operations column; behind lookups the first that is not empty is taken."""
    DATAVERSE_DUPLICATE = "DIPV1026"
    FINOPS_KEY_NOT_MAPPED = "DIPV1027"
    KEY_CONSTANT = "DIPV1028"
    DUPLICATE_PAIR = "DIPV1029"
    TYPE = "DIPV1030"
    """Types without a conversion."""
    MANDATORY_FINOPS = "DIPV1031"


REMEDIES: Final[Mapping[Code, str]] = MappingProxyType(
    {
        Code.SCOPE: "Join two company-specific or two global tables, and leave the company out of the columns.",
        Code.NO_KEY: "Name the columns of the integration key in the map, or give the table an alternate key.",
        Code.KEY_NOT_MAPPED: "Map the key column to a finance and operations column, or choose another key.",
        Code.MANDATORY_DATAVERSE: "Map the column, or give it a constant (none >> column: value).",
        Code.READ_ONLY: "Take the line out, or map the column in the other direction only.",
        Code.FILTER: "Correct the filter at that character; it may read mapped columns, key columns and the company.",
        Code.KEY_UNKNOWN: "Name columns of the Dataverse table in the integration key.",
        Code.KEY_ONE_WAY: "Map the key column both ways.",
        Code.TRANSFORM: "Correct the transform, or take it out and use the plain symbol.",
        Code.LINE: "Name a column on each side, or none and a constant.",
        Code.FINOPS_ENTITY: "Correct the entity's name, or refresh the tables of finance and operations.",
        Code.DATAVERSE_TABLE: "Correct the table's name, or apply the solution that brings it and refresh the tables.",
        Code.FINOPS_COLUMN: "Correct the column's name, or refresh the tables of finance and operations.",
        Code.DATAVERSE_COLUMN: "Correct the column's path, or refresh the tables of Dataverse.",
        Code.FINOPS_DUPLICATE: "Keep one line, or map the others to Dataverse only.",
        Code.DATAVERSE_DUPLICATE: "Keep one line, or map the others to finance and operations only.",
        Code.FINOPS_KEY_NOT_MAPPED: "Map the key column, or map all columns to Dataverse only.",
        Code.KEY_CONSTANT: "Map the key column to a finance and operations column instead of a constant.",
        Code.DUPLICATE_PAIR: "Take one of the two lines out.",
        Code.TYPE: "Add a value map, map the column one way, or choose a column of a fitting type.",
        Code.MANDATORY_FINOPS: "Map the column, or give it a constant (COLUMN << none: value).",
    }
)
"""What to do about a finding where its message does not call for something else."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One remark on a map. ``path`` names the place in it, such as ``columns[3].dataverse``; ``position`` is the
    0-based character in a filter, None elsewhere."""

    code: Code
    severity: Severity
    message: str
    path: str
    remedy: str
    position: int | None = None

    @property
    def is_error(self) -> bool:
        return self.severity is Severity.ERROR

    def __str__(self) -> str:
        return f"{self.code.value} {self.path}: {self.message}"


@dataclass(slots=True)
class Findings:
    """Findings gathered while a map is compiled."""

    found: list[Finding] = field(default_factory=list)

    def error(self, code: Code, message: str, path: str, *, remedy: str = "", position: int | None = None) -> None:
        self.found.append(Finding(code, Severity.ERROR, message, path, remedy or REMEDIES[code], position))

    def warning(self, code: Code, message: str, path: str, *, remedy: str = "") -> None:
        self.found.append(Finding(code, Severity.WARNING, message, path, remedy or REMEDIES[code]))

    @property
    def has_errors(self) -> bool:
        return any(finding.is_error for finding in self.found)


def grouped(findings: Iterable[Finding]) -> dict[Code, tuple[Finding, ...]]:
    """The findings by code, in the order of the codes; within a code in the order of the map, errors first."""
    groups: dict[Code, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(finding.code, []).append(finding)
    by_code = sorted(groups.items(), key=lambda group: group[0].value)
    return {code: tuple(sorted(group, key=lambda each: not each.is_error)) for code, group in by_code}
