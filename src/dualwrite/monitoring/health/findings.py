"""The findings of a map's health check, by code.

The numbers up to 1900 are the public ones, for what has its counterpart here; those from 2000 are ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class Severity(Enum):
    """How much a finding matters."""

    INFORMATION = "information"
    """Good to know."""
    WARNING = "warning"
    """Changes pass; somebody should see to it."""
    ERROR = "error"
    """Changes do not pass, or both sides have come apart."""


class HealthCode(Enum):
    """What a finding is about. The numbers stay what they are."""

    PLATFORM = "DWM100"
    NOT_TRACKED = "DWM400"
    CANNOT_RUN = "DWM500"
    ONE_WAY = "DWM600"
    FILTER = "DWM900"
    TABLES = "DWM1000"
    KEPT_BY_ENVIRONMENT = "DWM1300"
    ONLY_FILTERED = "DWM1500"
    RANGE = "DWM1600"
    SHARED_TABLE = "DWM1700"
    BEHIND_LOOKUPS = "DWM1900"
    AWAY = "DWM2000"
    LAG = "DWM2100"
    BLOCKED = "DWM2110"
    ERRORS = "DWM2200"
    ERROR_RATE = "DWM2210"
    DIVERGENCE = "DWM2300"
    NOT_COMPARED = "DWM2310"

    @property
    def meaning(self) -> str:
        return MEANINGS[self]


MEANINGS: Mapping[HealthCode, str] = {
    HealthCode.PLATFORM: "The tables are not there as the map needs them",
    HealthCode.NOT_TRACKED: "The map does not run, so nobody notices changes of its tables",
    HealthCode.CANNOT_RUN: "The map has errors and cannot run",
    HealthCode.ONE_WAY: "All columns go the same way",
    HealthCode.FILTER: "A filter cannot be read, or reads what it may not",
    HealthCode.TABLES: "What the map reads on either side",
    HealthCode.KEPT_BY_ENVIRONMENT: "A column is kept by its environment: a change of it alone is no save",
    HealthCode.ONLY_FILTERED: "A filter looks behind a lookup of which no column is mapped",
    HealthCode.RANGE: "A filter decides which rows of finance and operations take part",
    HealthCode.SHARED_TABLE: "Other maps carry changes of the same table",
    HealthCode.BEHIND_LOOKUPS: "A column is read behind a lookup: a change there alone is not carried",
    HealthCode.AWAY: "An environment does not answer",
    HealthCode.LAG: "Changes have been waiting for long",
    HealthCode.BLOCKED: "Saves through the map are refused",
    HealthCode.ERRORS: "Failed records wait to be settled",
    HealthCode.ERROR_RATE: "Many changes have failed lately",
    HealthCode.DIVERGENCE: "Both sides hold records differently",
    HealthCode.NOT_COMPARED: "Both sides could not be compared",
}


@dataclass(frozen=True, slots=True)
class HealthFinding:
    """One thing that was found about a map, and in ``remedy`` what to do about it."""

    code: HealthCode
    severity: Severity
    message: str
    remedy: str = ""

    def document(self) -> Mapping[str, str]:
        """As JSON."""
        return {
            "code": self.code.value,
            "severity": self.severity.value,
            "meaning": self.code.meaning,
            "message": self.message,
            "remedy": self.remedy,
        }


@dataclass(frozen=True, slots=True)
class MapHealth:
    """Everything that was found about one map, the worst first. ``compared`` records were drawn and compared."""

    map: str
    version: str
    state: str
    findings: tuple[HealthFinding, ...]
    compared: int | None

    @property
    def is_well(self) -> bool:
        """No finding says that changes do not pass."""
        return not any(each.severity is Severity.ERROR for each in self.findings)

    def document(self) -> Mapping[str, object]:
        """As JSON."""
        return {
            "map": self.map,
            "version": self.version,
            "state": self.state,
            "well": self.is_well,
            "compared": self.compared,
            "findings": [each.document() for each in self.findings],
        }


def worst_first(finding: HealthFinding) -> tuple[int, int]:
    """The order in which findings are shown: by severity, then by code."""
    order = (Severity.ERROR, Severity.WARNING, Severity.INFORMATION)
    return order.index(finding.severity), int(finding.code.value.removeprefix("DWM"))
