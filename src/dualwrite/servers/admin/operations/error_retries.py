"""Retries of many errors as operations: carried out by the process that was asked, told by the store.

What has been tried is settled error by error. So a retry whose process has died has failed, and may be asked for again:
it goes on with what is left.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from dualwrite.errors import DualwriteError, EnvironmentUnavailable
from dualwrite.lifecycle.errors.desk import SyncErrors
from dualwrite.lifecycle.errors.reports import RetryReport
from dualwrite.servers.admin.operations.models import Operation, OperationKind, OperationProgress, OperationState
from dualwrite.servers.admin.operations.standing import PREFIX, operation_id
from dualwrite.servers.admin.problems import Problem, problem_of
from dualwrite.store.operations import OperationId, OperationRecord, OperationRepository
from dualwrite.store.sync_errors import SyncErrorFilter

_BEAT_S = 1.0
_DIED = "The process that carried it out has ended. What has been tried is settled; ask for the rest again."


class ErrorRetries:
    """Begins retries, and implements :class:`dualwrite.servers.admin.operations.standing.OperationSource`."""

    kind = OperationKind.ERROR_RETRY

    def __init__(self, operations: OperationRepository, connection: str) -> None:
        self._operations = operations
        self._connection = connection
        self._tasks: set[asyncio.Task[None]] = set()

    async def begin(self, errors: SyncErrors, which: SyncErrorFilter, *, who: str) -> Operation:
        """The open ones of these errors are being tried again; returns at once."""
        total = await errors.count(which)
        started = await self._operations.start(self._connection, self.kind.value, started_by=who)
        task = asyncio.ensure_future(self._carry_out(started, errors, which, total))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        record = await self._operations.get(self._connection, started)
        assert record is not None
        return _told(record)

    async def find(self, subject: str) -> Operation | None:
        """See the port."""
        try:
            number = OperationId(UUID(subject))
        except ValueError:
            return None
        record = await self._operations.get(self._connection, number)
        return None if record is None or record.kind != self.kind.value else _told(record)

    async def latest(self, *, before: datetime | None, limit_rows: int) -> Sequence[Operation]:
        """See the port."""
        found = await self._operations.list(
            self._connection, self.kind.value, started_until=before, limit_rows=limit_rows
        )
        return [_told(each) for each in found]

    async def _carry_out(self, operation: OperationId, errors: SyncErrors, which: SyncErrorFilter, total: int) -> None:
        latest = RetryReport()

        async def told(report: RetryReport) -> None:
            nonlocal latest
            latest = report

        async def beat() -> None:
            while True:
                await asyncio.sleep(_BEAT_S)
                with contextlib.suppress(DualwriteError):
                    await self._operations.beat(operation, _progress(latest, total))

        beating = asyncio.ensure_future(beat())
        problem = ""
        try:
            latest = await errors.retry_all(which, told=told)
        except DualwriteError as error:
            problem = error.message
        finally:
            beating.cancel()
        await self._operations.finish(operation, _progress(latest, total), problem=problem)


def _progress(report: RetryReport, total: int) -> Mapping[str, object]:
    by_map = {name: asdict(count) for name, count in report.maps.items()}
    return {**asdict(report.total), "open": total, "maps": by_map, "refusals": list(report.refusals)}


def _told(record: OperationRecord) -> Operation:
    progress = record.progress
    done = sum(_number(progress, name) for name in ("completed", "stale", "refused"))
    state = _state(record)
    return Operation(
        id=operation_id(OperationKind.ERROR_RETRY, record.operation),
        kind=OperationKind.ERROR_RETRY,
        state=state,
        stage=state.value,
        subject=f"{PREFIX}/errors",
        started_by=record.started_by,
        started_at=record.started_at,
        finished_at=record.finished_at,
        progress=OperationProgress(done=done, total=_number(progress, "open") if progress else None, unit="records"),
        result=progress if record.finished_at is not None else None,
        problem=_problem(record) if state is OperationState.FAILED else None,
    )


def _number(progress: Mapping[str, object], name: str) -> int:
    value = progress.get(name, 0)
    return value if isinstance(value, int) else 0


def _state(record: OperationRecord) -> OperationState:
    if record.finished_at is None:
        return OperationState.RUNNING if record.alive else OperationState.FAILED
    return OperationState.FAILED if record.problem else OperationState.SUCCEEDED


def _problem(record: OperationRecord) -> Problem:
    return problem_of(EnvironmentUnavailable(record.problem or _DIED, operation=str(record.operation)))
