"""What is wrong, or doubtful, about a map: coded, and addressed to the place in the map."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Severity(Enum):
    ERROR = "error"
    WARNING = "warning"


class Code(Enum):
    """The known validation codes. The value is what users see and search for."""

    SCOPE = "DIPV1002"
    """Company-specific joined with global, or the company mapped as if it were a column."""
    NO_KEY = "DIPV1003"
    KEY_NOT_MAPPED = "DIPV1004"
    MANDATORY_DATAVERSE = "DIPV1010"
    READ_ONLY = "DIPV1011"
    FILTER = "DIPV1012"
    KEY_UNKNOWN = "DIPV1014"
    KEY_ONE_WAY = "DIPV1015"
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
    """Types without a conversion, or a value map or constant that does not fit its columns."""
    MANDATORY_FINOPS = "DIPV1031"


@dataclass(frozen=True, slots=True)
class Finding:
    """One remark on a map. ``path`` names the place in it, such as ``columns[3].dataverse``."""

    code: Code
    severity: Severity
    message: str
    path: str

    def __str__(self) -> str:
        return f"{self.code.value} {self.path}: {self.message}"
