"""Changes that failed, as documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from dualwrite.environments.port import Operation
from dualwrite.lifecycle.errors.reports import RetryReport
from dualwrite.maps.values import Direction
from dualwrite.servers.admin.model import NOT_A_TEXT, Asked, Moment, Name, Text, Told
from dualwrite.store.sync_errors import (
    Category,
    ErrorState,
    FailureKind,
    SyncError,
    SyncErrorFilter,
    SyncErrorGroup,
)


class ErrorShown(Told):
    """A record that could not be carried to the other side, with the record itself.

    ``reason`` says why it failed first, ``last_reason`` why the last retry did.
    """

    id: int
    change: UUID
    number: int
    kind: FailureKind
    category: Category
    state: ErrorState
    map: str
    direction: Direction
    legal_entity: str
    operation: Operation
    record: str
    record_id: str
    column: str
    code: str
    reason: str
    cause: str
    changed: Sequence[str] | None
    version: int | None
    """The row's version after the change."""
    row: Mapping[str, Any]
    at: datetime
    settled_at: datetime | None
    settled_by: str
    attempts: int
    last_attempt_at: datetime | None
    last_reason: str

    @classmethod
    def of(cls, each: SyncError) -> ErrorShown:
        return cls.model_validate(each)


class ErrorCount(Told):
    """How many errors there are."""

    errors: int


class ErrorGroupShown(Told):
    """Errors that have these fields in common; ``records`` names a few of them, ``reason`` is of one."""

    fields: Mapping[str, str]
    errors: int
    reason: str
    records: Sequence[str]
    first_at: datetime
    last_at: datetime

    @classmethod
    def of(cls, each: SyncErrorGroup) -> ErrorGroupShown:
        return cls(
            fields={field.value.replace(" ", "_"): value for field, value in each.fields.items()},
            errors=each.errors,
            reason=each.reason,
            records=each.records,
            first_at=each.first_at,
            last_at=each.last_at,
        )


class ErrorsNamed(Asked):
    """Errors by their numbers: all of them are open, or nothing happens."""

    errors: Annotated[
        tuple[Annotated[int, Field(ge=1, le=2**53 - 1), NOT_A_TEXT], ...], Field(min_length=1, max_length=1000)
    ]


class ErrorsChosen(Asked):
    """The open errors of which all this holds; what is null does not matter."""

    kind: FailureKind | None = None
    category: Category | None = None
    map: Name | None = None
    direction: Direction | None = None
    legal_entity: Name | None = None
    code: Name | None = None
    column: Name | None = None
    cause: Text | None = None
    record: Name | None = None
    """A part of the record's name, with no regard to case."""
    since: Moment | None = None
    until: Moment | None = None

    def filter(self) -> SyncErrorFilter:
        return SyncErrorFilter(state=ErrorState.OPEN, **{name: getattr(self, name) for name in type(self).model_fields})


class RetryCountShown(Told):
    """How many records have ended how; ``refused`` ones are still open."""

    completed: int
    stale: int
    refused: int


class RetryReportShown(Told):
    """How a retry has ended, by map; ``refusals`` are a few of the reasons why records were refused again."""

    total: RetryCountShown
    maps: Mapping[str, RetryCountShown]
    refusals: Sequence[str]

    @classmethod
    def of(cls, each: RetryReport) -> RetryReportShown:
        return cls.model_validate(each)


class Dismissed(Told):
    """How many errors have been dismissed."""

    dismissed: int
