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

    Public documents name DIPV1018 and DIPV1020 without a text; their meanings here are ours.
    """

    SCOPE = "DIPV1002"
    NO_KEY = "DIPV1003"
    KEY_NOT_MAPPED = "DIPV1004"
    MANDATORY_DATAVERSE = "DIPV1010"
    READ_ONLY = "DIPV1011"
    FILTER = "DIPV1012"
    KEY_UNKNOWN = "DIPV1014"
    KEY_ONE_WAY = "DIPV1015"
    TRANSFORM = "DIPV1018"
    LINE = "DIPV1020"
    FINOPS_ENTITY = "DIPV1021"
    DATAVERSE_TABLE = "DIPV1022"
    FINOPS_COLUMN = "DIPV1023"
    DATAVERSE_COLUMN = "DIPV1024"
    FINOPS_DUPLICATE = "DIPV1025"
    DATAVERSE_DUPLICATE = "DIPV1026"
    FINOPS_KEY_NOT_MAPPED = "DIPV1027"
    KEY_CONSTANT = "DIPV1028"
    DUPLICATE_PAIR = "DIPV1029"
    TYPE = "DIPV1030"
    MANDATORY_FINOPS = "DIPV1031"

    @property
    def meaning(self) -> str:
        return RULES[self].meaning

    @property
    def remedy(self) -> str:
        return RULES[self].remedy


@dataclass(frozen=True, slots=True)
class Rule:
    """What a code says, and what to do where a finding's message does not call for something else."""

    meaning: str
    remedy: str


RULES: Final[Mapping[Code, Rule]] = MappingProxyType(
    {
        Code.SCOPE: Rule(
            "Company-specific joined with global, or the company mapped as if it were a column",
            "Join two company-specific or two global tables, and leave the company out of the columns.",
        ),
        Code.NO_KEY: Rule(
            "No integration key, or several to choose from",
            "Name the columns of the integration key in the map, or give the table an alternate key.",
        ),
        Code.KEY_NOT_MAPPED: Rule(
            "A key column, or one of the key behind its lookup, is not mapped",
            "Map the key column to a finance and operations column, or choose another key.",
        ),
        Code.MANDATORY_DATAVERSE: Rule(
            "A mandatory Dataverse column gets no value",
            "Map the column, or give it a constant (none >> column: value).",
        ),
        Code.READ_ONLY: Rule(
            "A read-only column is written",
            "Take the line out, or map the column in the other direction only.",
        ),
        Code.FILTER: Rule(
            "A filter that cannot be read, or reads a column which the map does not carry",
            "Correct the filter at that character; it may read mapped columns, key columns and the company.",
        ),
        Code.KEY_UNKNOWN: Rule(
            "The integration key names a column that is not there",
            "Name columns of the Dataverse table in the integration key.",
        ),
        Code.KEY_ONE_WAY: Rule(
            "A key column is mapped one way in a map that goes both ways",
            "Map the key column both ways.",
        ),
        Code.TRANSFORM: Rule(
            "A transform that cannot work: ambiguous pairs, a text that does not fit its column, a "
            "constant that points the wrong way, a kind without effect",
            "Correct the transform, or take it out and use the plain symbol.",
        ),
        Code.LINE: Rule(
            "A line that maps nothing, or no lines at all",
            "Name a column on each side, or none and a constant.",
        ),
        Code.FINOPS_ENTITY: Rule(
            "The entity is not in finance and operations",
            "Correct the entity's name, or refresh the tables of finance and operations.",
        ),
        Code.DATAVERSE_TABLE: Rule(
            "The table is not in Dataverse",
            "Correct the table's name, or apply the solution that brings it and refresh the tables.",
        ),
        Code.FINOPS_COLUMN: Rule(
            "The finance and operations column is not there",
            "Correct the column's name, or refresh the tables of finance and operations.",
        ),
        Code.DATAVERSE_COLUMN: Rule(
            "The Dataverse column, or one on the path to it, is not there",
            "Correct the column's path, or refresh the tables of Dataverse.",
        ),
        Code.FINOPS_DUPLICATE: Rule(
            "Several lines write one finance and operations column; behind lookups the first that is "
            "not empty is taken",
            "Keep one line, or map the others to Dataverse only.",
        ),
        Code.DATAVERSE_DUPLICATE: Rule(
            "Several lines write one Dataverse column",
            "Keep one line, or map the others to finance and operations only.",
        ),
        Code.FINOPS_KEY_NOT_MAPPED: Rule(
            "A key column of finance and operations is not written",
            "Map the key column, or map all columns to Dataverse only.",
        ),
        Code.KEY_CONSTANT: Rule(
            "A key column is a constant",
            "Map the key column to a finance and operations column instead of a constant.",
        ),
        Code.DUPLICATE_PAIR: Rule(
            "A pair of columns is mapped twice",
            "Take one of the two lines out.",
        ),
        Code.TYPE: Rule(
            "Types without a conversion",
            "Add a value map, map the column one way, or choose a column of a fitting type.",
        ),
        Code.MANDATORY_FINOPS: Rule(
            "A mandatory finance and operations column gets no value",
            "Map the column, or give it a constant (COLUMN << none: value).",
        ),
    }
)


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
        self._add(Finding(code, Severity.ERROR, message, path, remedy or code.remedy, position))

    def warning(self, code: Code, message: str, path: str, *, remedy: str = "") -> None:
        self._add(Finding(code, Severity.WARNING, message, path, remedy or code.remedy))

    def _add(self, finding: Finding) -> None:
        """What is wrong in both directions is told once."""
        if finding not in self.found:
            self.found.append(finding)

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
