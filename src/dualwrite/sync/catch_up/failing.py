"""Queued records that do not arrive, as catch-up errors."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from dualwrite.environments.queue import QueuedRecord
from dualwrite.errors import RecordRefused
from dualwrite.metadata.exact_json import row_of
from dualwrite.metadata.schema import Side
from dualwrite.sync.failures import Category, FailedRecord, FailureKind
from dualwrite.sync.queueing import shown_row, version_of

SPOKEN: Final = {Side.FINOPS: "finance and operations", Side.DATAVERSE: "Dataverse"}


def overruled(record: QueuedRecord, primary: Side) -> FailedRecord:
    """The record whose change was lost to the other side's."""
    cause = (
        f"both sides changed the record while the map was paused, and the change made in {SPOKEN[primary]} was kept. "
        "Make this change again if it is still wanted."
    )
    return _failed_record(record, cause, category=Category.CONFLICT)


def given_up(record: QueuedRecord) -> FailedRecord:
    """The record that was never tried."""
    cause = "the change was queued while the map was paused, and the map went on without replaying it."
    return _failed_record(record, cause, category=Category.APPLICATION)


def refused(record: QueuedRecord, refusal: RecordRefused, *, is_cause: bool) -> FailedRecord:
    """The record that was refused, or that belongs to the same transaction as one that was."""
    cause = refusal.message.removeprefix(f"{record.map}, {record.record}: ")
    if not is_cause:
        return _failed_record(record, f"another record of the same transaction was refused: {refusal.message}")
    code = str(refusal.details.get("code", refusal.code))
    return replace(_failed_record(record, cause), column=refusal.column, code=code)


def _failed_record(record: QueuedRecord, cause: str, *, category: Category = Category.APPLICATION) -> FailedRecord:
    return FailedRecord(
        change=record.change,
        number=record.number,
        kind=FailureKind.CATCH_UP,
        category=category,
        map=record.map,
        direction=record.direction,
        legal_entity=record.legal_entity,
        operation=record.operation,
        record_id=record.record_id,
        record=record.record,
        column="",
        code="",
        reason=f"{record.map}, {record.record}: {cause}",
        cause=cause,
        row=shown_row(row_of(record.row)),
        changed=record.changed,
        version=version_of(record),
    )
