"""Runs of the initial sync as operations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from dualwrite.errors import NotAllowed, NotFound
from dualwrite.lifecycle.initial_sync.reports import RunProgress, SyncReports
from dualwrite.lifecycle.initial_sync.states import ways_out
from dualwrite.servers.admin.operations.models import Operation, OperationKind, OperationProgress, OperationState
from dualwrite.servers.admin.operations.standing import PREFIX, operation_id
from dualwrite.servers.admin.problems import Problem, problem_of
from dualwrite.store.initial_syncs import RunId, RunState

_STATES: Mapping[RunState, OperationState] = {
    RunState.PLANNED: OperationState.RUNNING,
    RunState.RUNNING: OperationState.RUNNING,
    RunState.PAUSING: OperationState.RUNNING,
    RunState.PAUSED: OperationState.WAITING,
    RunState.AWAITING_DECISION: OperationState.WAITING,
    RunState.COMPLETED: OperationState.SUCCEEDED,
    RunState.WITH_REFUSALS: OperationState.SUCCEEDED,
    RunState.FAILED: OperationState.FAILED,
    RunState.CANCELLING: OperationState.RUNNING,
    RunState.CANCELLED: OperationState.CANCELLED,
}


class InitialSyncOperations:
    """Implements :class:`dualwrite.servers.admin.operations.standing.OperationSource`."""

    kind = OperationKind.INITIAL_SYNC

    def __init__(self, reports: SyncReports) -> None:
        self._reports = reports

    async def find(self, subject: str) -> Operation | None:
        """See the port."""
        try:
            return await initial_sync_operation(self._reports, RunId(UUID(subject)))
        except (ValueError, NotFound):
            return None

    async def latest(self, *, before: datetime | None, limit_rows: int) -> Sequence[Operation]:
        """See the port."""
        runs = await self._reports.runs(started_until=before, limit_rows=limit_rows)
        return [await initial_sync_operation(self._reports, each.run) for each in runs]


async def initial_sync_operation(reports: SyncReports, run: RunId) -> Operation:
    """The operation that stands for the run. Raises: NotFound."""
    return _told(await reports.progress(run))


def _told(progress: RunProgress) -> Operation:
    run, total = progress.run, progress.total
    state = _STATES[run.state]
    return Operation(
        id=operation_id(OperationKind.INITIAL_SYNC, run.run),
        kind=OperationKind.INITIAL_SYNC,
        state=state,
        stage=run.state.value,
        subject=f"{PREFIX}/initial-syncs/{run.run}",
        started_by=run.started_by,
        started_at=run.started_at,
        finished_at=run.finished_at,
        progress=OperationProgress(
            done=total.rows_done, total=total.rows_planned, unit="rows", remaining_s=total.remaining_s
        ),
        result=asdict(total.counts) if run.state.has_ended else None,
        problem=_problem(progress) if state in (OperationState.FAILED, OperationState.WAITING) else None,
    )


def _problem(progress: RunProgress) -> Problem:
    run = progress.run
    told = f"Initial sync {run.run} is {run.state.value}. {run.message} {ways_out(run.state)}".replace(".  ", ". ")
    return problem_of(NotAllowed(told, run=str(run.run), state=run.state.value))
