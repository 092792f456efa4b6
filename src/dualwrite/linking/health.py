"""The health of a link before and after it is created: what was looked at, what is wrong, and how it is put right."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Severity(Enum):
    """How much a finding matters."""

    PASSED = "passed"
    WARNING = "warning"
    """The link works; somebody should see to it."""
    ERROR = "error"
    """Environments cannot be linked like this, or changes do not pass."""


class HealthCode(Enum):
    """What is looked at. The numbers stay what they are."""

    ENVIRONMENTS = "DWL100"
    ACCESS = "DWL110"
    VERSIONS = "DWL120"
    TENANT = "DWL130"
    PIPELINE = "DWL140"
    APPLICATION_USER = "DWL150"
    SOLUTIONS = "DWL160"
    CONFLICTING_SOLUTIONS = "DWL170"
    LEGAL_ENTITIES = "DWL180"
    COMPANIES = "DWL190"
    CONNECTION = "DWL200"
    IN_STEP = "DWL210"
    OWNING_TEAM = "DWL220"
    PENDING_COPIES = "DWL230"
    LEFT_IN_QUEUE = "DWL240"


TITLES = {
    HealthCode.ENVIRONMENTS: "The environments are known",
    HealthCode.ACCESS: "Both environments can be read and written",
    HealthCode.VERSIONS: "The versions are new enough",
    HealthCode.TENANT: "Both environments belong to one tenant",
    HealthCode.PIPELINE: "Saves on both sides pass through dual-write",
    HealthCode.APPLICATION_USER: "The application user of dual-write may work in Dataverse",
    HealthCode.SOLUTIONS: "The solutions are there on the Dataverse side",
    HealthCode.CONFLICTING_SOLUTIONS: "No solution stands in the way",
    HealthCode.LEGAL_ENTITIES: "The legal entities exist",
    HealthCode.COMPANIES: "The companies of Dataverse can be told apart",
    HealthCode.CONNECTION: "The environments are free to be linked, or linked well",
    HealthCode.IN_STEP: "No change is left half-way",
    HealthCode.OWNING_TEAM: "The owning teams exist",
    HealthCode.PENDING_COPIES: "Added legal entities have brought their rows along",
    HealthCode.LEFT_IN_QUEUE: "No change waits from a time before the link",
}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. A failed one says what is wrong and, in ``remedy``, what to do."""

    code: HealthCode
    severity: Severity
    message: str
    remedy: str = ""

    @property
    def title(self) -> str:
        return TITLES[self.code]

    def document(self) -> dict[str, str]:
        """As JSON."""
        facts = {"code": self.code.value, "title": self.title, "severity": self.severity.value}
        return {**facts, "message": self.message, "remedy": self.remedy}


@dataclass(frozen=True, slots=True)
class LinkHealth:
    """Everything that was looked at, in order."""

    checks: tuple[Check, ...]

    @property
    def errors(self) -> tuple[Check, ...]:
        return tuple(each for each in self.checks if each.severity is Severity.ERROR)

    @property
    def warnings(self) -> tuple[Check, ...]:
        return tuple(each for each in self.checks if each.severity is Severity.WARNING)

    @property
    def is_sound(self) -> bool:
        """Whether nothing stands in the way of the link."""
        return not self.errors

    def document(self) -> dict[str, object]:
        """As JSON."""
        return {"sound": self.is_sound, "checks": [each.document() for each in self.checks]}


def passed(code: HealthCode, message: str) -> Check:
    return Check(code, Severity.PASSED, message)


def warning(code: HealthCode, message: str, remedy: str) -> Check:
    return Check(code, Severity.WARNING, message, remedy)


def failed(code: HealthCode, message: str, remedy: str) -> Check:
    return Check(code, Severity.ERROR, message, remedy)
