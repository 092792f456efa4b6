"""Changes that failed, as documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from dualwrite.environments.port import Operation
from dualwrite.maps.values import Direction
from dualwrite.servers.admin.model import Told
from dualwrite.store.sync_errors import Category, ErrorState, FailureKind, SyncError, SyncErrorGroup


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
