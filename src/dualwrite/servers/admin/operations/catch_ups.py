"""Catch-ups as operations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from dualwrite.errors import NotAllowed, NotFound
from dualwrite.lifecycle.catch_up.desk import CatchUps
from dualwrite.servers.admin.operations.models import Operation, OperationKind, OperationProgress, OperationState
from dualwrite.servers.admin.operations.standing import PREFIX, operation_id
from dualwrite.servers.admin.problems import Problem, problem_of
from dualwrite.store.catch_ups import CatchUp, CatchUpId, CatchUpState

_STATES: Mapping[CatchUpState, OperationState] = {
    CatchUpState.REPLAYING: OperationState.RUNNING,
    CatchUpState.HANDING_OVER: OperationState.RUNNING,
    CatchUpState.COMPLETED: OperationState.SUCCEEDED,
    CatchUpState.FAILED: OperationState.FAILED,
    CatchUpState.STOPPED: OperationState.CANCELLED,
}


class CatchUpOperations:
    """Implements :class:`dualwrite.servers.admin.operations.standing.OperationSource`."""

    kind = OperationKind.CATCH_UP

    def __init__(self, catch_ups: CatchUps) -> None:
        self._catch_ups = catch_ups

    async def find(self, subject: str) -> Operation | None:
        """See the port."""
        try:
            return catch_up_operation(await self._catch_ups.get(CatchUpId(UUID(subject))))
        except (ValueError, NotFound):
            return None

    async def latest(self, *, before: datetime | None, limit_rows: int) -> Sequence[Operation]:
        """See the port."""
        known = await self._catch_ups.history(limit_rows=None)
        found = [each for each in known if before is None or each.started_at <= before]
        return [catch_up_operation(each) for each in found[:limit_rows]]


def catch_up_operation(each: CatchUp) -> Operation:
    """The operation that stands for the catch-up."""
    state = _STATES[each.state]
    return Operation(
        id=operation_id(OperationKind.CATCH_UP, each.run),
        kind=OperationKind.CATCH_UP,
        state=state,
        stage=each.state.value,
        subject=f"{PREFIX}/catch-ups/{each.run}",
        started_by=each.started_by,
        started_at=each.started_at,
        finished_at=each.finished_at,
        # Changes made meanwhile are queued behind those that waited: how many are left is only known at the end.
        progress=OperationProgress(done=sum(asdict(each.counts).values()), total=None, unit="records"),
        result=asdict(each.counts) if state.has_ended else None,
        problem=_problem(each) if state is OperationState.FAILED else None,
    )


def _problem(each: CatchUp) -> Problem:
    told = (
        f"Catch-up {each.run} has {each.state.value}. {each.message} Its maps are paused again, with what is left of "
        f"their queue; resume them: POST {PREFIX}/maps/actions/resume"
    )
    return problem_of(NotAllowed(told, run=str(each.run), state=each.state.value))
