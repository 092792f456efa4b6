"""Every error the program raises on purpose, each with a code, a scope and a disposition.

DualwriteError
├── SettingsRefused                 a setting or a command line that cannot work
├── EnvironmentUnavailable          the environment does not answer (transient)
├── Contention                      locks could not be had in time (transient)
│   ├── StaleEpoch                  routed before a recovery or a change of maps (environments.hosted.failures)
│   └── StalePlan                   prepared before a table got more columns (environments.hosted.failures)
├── OutcomeUnknown                  sent, no answer: read back by key, never retry blindly
├── QueryRefused                    a query the environment cannot answer as asked
│   └── FilterRefused               ... because of its filter; points at the character
├── CatalogRefused                  metadata or a map file that contradicts itself
├── MapRefused                      a table map that may not run; carries its findings
├── SolutionRefused                 a solution file that cannot be read, or a solution that may not be had as it is
├── NotAllowed                      an action that the state or the caller's role forbids
│   ├── NotFound                    what the caller names is not there
│   └── RoleRefused                 the caller's roles do not allow it
├── NotAuthenticated                no credentials, or credentials that do not hold
├── RequestRefused …                requests that cannot be understood (servers.odata.refusals)
└── RecordRefused                   one record that cannot be written as asked
    ├── RecordNotFound
    │   └── RowGone                 a queued change of a row that has been deleted since (sync.mapping)
    ├── DuplicateRecord
    ├── ReferenceNotFound           a lookup whose row does not exist
    ├── StillReferenced             a delete that would leave lookups dangling
    ├── ValueRefused                a value its column cannot hold
    ├── PreconditionFailed          If-Match or If-None-Match says no
    ├── PartnerRefused              the other side of a link refused the change
    └── LimitExceeded               more records or more time than a transaction may have
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import ClassVar


class Scope(Enum):
    """How far an error reaches."""

    RECORD = "record"
    BATCH = "batch"
    MAP = "map"
    CONNECTION = "connection"


class Disposition(Enum):
    """What the caller may do about an error."""

    TERMINAL = "terminal"
    TRANSIENT = "transient"
    OUTCOME_UNKNOWN = "outcome unknown"


class DualwriteError(Exception):
    """The root: a user message, JSON-safe details, and three facts that hold for the class."""

    code: ClassVar[str] = "DW0000"
    scope: ClassVar[Scope] = Scope.CONNECTION
    disposition: ClassVar[Disposition] = Disposition.TERMINAL

    def __init__(self, message: str, **details: object) -> None:
        super().__init__(message)
        self.message = message
        self.details: Mapping[str, object] = details


class SettingsRefused(DualwriteError):
    code = "DW0001"


class EnvironmentUnavailable(DualwriteError):
    code = "DW0100"
    disposition = Disposition.TRANSIENT


class Contention(DualwriteError):
    code = "DW0101"
    scope = Scope.BATCH
    disposition = Disposition.TRANSIENT


class OutcomeUnknown(DualwriteError):
    code = "DW0102"
    scope = Scope.BATCH
    disposition = Disposition.OUTCOME_UNKNOWN


class QueryRefused(DualwriteError):
    code = "DW0200"
    scope = Scope.BATCH


class FilterRefused(QueryRefused):
    """A filter that cannot be read or bound; ``position`` is the 0-based character, None when unknown."""

    code = "DW0201"

    def __init__(self, message: str, *, text: str = "", position: int | None = None) -> None:
        super().__init__(message, text=text, position=position)
        self.text = text
        self.position = position


class CatalogRefused(DualwriteError):
    code = "DW0300"
    scope = Scope.MAP


class MapRefused(DualwriteError):
    code = "DW0301"
    scope = Scope.MAP


class SolutionRefused(DualwriteError):
    code = "DW0302"


class NotAllowed(DualwriteError):
    code = "DW0400"


class NotFound(NotAllowed):
    code = "DW0402"


class RoleRefused(NotAllowed):
    code = "DW0403"


class NotAuthenticated(DualwriteError):
    code = "DW0401"


class RecordRefused(DualwriteError):
    """One record cannot be written. ``table`` and ``column`` name the place in the environment that refused."""

    code = "DW0500"
    scope = Scope.RECORD

    def __init__(self, message: str, *, table: str = "", column: str = "", **details: object) -> None:
        super().__init__(message, table=table, column=column, **details)
        self.table = table
        self.column = column


class RecordNotFound(RecordRefused):
    code = "DW0501"


class DuplicateRecord(RecordRefused):
    """``columns`` (a tuple) names the key that is taken; ``primary`` is True for the primary key."""

    code = "DW0502"

    def __init__(self, message: str, *, table: str = "", columns: tuple[str, ...] = (), primary: bool = False) -> None:
        super().__init__(message, table=table, columns=columns, primary=primary)
        self.columns = columns
        self.primary = primary


class ReferenceNotFound(RecordRefused):
    code = "DW0503"


class StillReferenced(RecordRefused):
    code = "DW0504"


class ValueProblem(Enum):
    """Why a column refused a value."""

    UNKNOWN_COLUMN = "unknown column"
    READ_ONLY = "read-only"
    REQUIRED = "required"
    WRONG_TYPE = "wrong type"
    TOO_LONG = "too long"
    OUT_OF_RANGE = "out of range"
    UNKNOWN_CHOICE = "unknown choice"
    FROZEN = "frozen"
    STATUS = "status does not fit the state"


class ValueRefused(RecordRefused):
    code = "DW0505"

    def __init__(self, message: str, *, problem: ValueProblem, table: str = "", column: str = "") -> None:
        super().__init__(message, table=table, column=column, problem=problem.value)
        self.problem = problem


class PreconditionFailed(RecordRefused):
    """``exists`` is True when the row was to be absent, False when its version has moved on."""

    code = "DW0506"

    def __init__(self, message: str, *, table: str = "", exists: bool = False) -> None:
        super().__init__(message, table=table, exists=exists)
        self.exists = exists


class PartnerRefused(RecordRefused):
    """The other side refused; the message names map, record, column and the way out."""

    code = "DW0507"


class LimitExceeded(RecordRefused):
    code = "DW0508"
    scope = Scope.BATCH
