"""Which action a run of the initial sync allows in which state, as a table."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from dualwrite.errors import NotAllowed
from dualwrite.store.initial_syncs import InitialSyncRun, RunState


class RunAction(Enum):
    """What people do with a run, and what its own work does (the second half)."""

    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    GO_LIVE = "go live"
    RERUN = "rerun"

    BEGIN = "begin"
    SETTLE = "settle"
    """What was under way has come to its end."""
    COMPLETE = "complete"
    COMPLETE_WITH_REFUSALS = "complete with refusals"
    AWAIT_DECISION = "await a decision"
    FAIL = "fail"


_PLANNED, _RUNNING, _PAUSING, _PAUSED = RunState.PLANNED, RunState.RUNNING, RunState.PAUSING, RunState.PAUSED
_AWAITING, _FAILED = RunState.AWAITING_DECISION, RunState.FAILED
_CANCELLING, _CANCELLED = RunState.CANCELLING, RunState.CANCELLED
_COMPLETED, _WITH_REFUSALS = RunState.COMPLETED, RunState.WITH_REFUSALS

TRANSITIONS: Mapping[RunAction, Mapping[RunState, RunState]] = {
    RunAction.PAUSE: {_PLANNED: _PAUSED, _RUNNING: _PAUSING},
    # A run that nobody has begun is resumed when the process that started it has died before it was taken over.
    RunAction.RESUME: {_PLANNED: _PLANNED, _PAUSED: _RUNNING, _FAILED: _RUNNING},
    RunAction.CANCEL: {
        _PLANNED: _CANCELLED,
        _RUNNING: _CANCELLING,
        _PAUSING: _CANCELLING,
        _PAUSED: _CANCELLED,
        _AWAITING: _CANCELLED,
        _FAILED: _CANCELLED,
    },
    RunAction.GO_LIVE: {_AWAITING: _WITH_REFUSALS},
    # The run that does the rows again sees to the maps from then on.
    RunAction.RERUN: {
        _AWAITING: _WITH_REFUSALS,
        _COMPLETED: _COMPLETED,
        _WITH_REFUSALS: _WITH_REFUSALS,
        _CANCELLED: _CANCELLED,
    },
    RunAction.BEGIN: {_PLANNED: _RUNNING, _RUNNING: _RUNNING},
    RunAction.SETTLE: {_PAUSING: _PAUSED, _CANCELLING: _CANCELLED},
    RunAction.COMPLETE: {_RUNNING: _COMPLETED},
    RunAction.COMPLETE_WITH_REFUSALS: {_RUNNING: _WITH_REFUSALS},
    RunAction.AWAIT_DECISION: {_RUNNING: _AWAITING},
    # A run that is to stop anyway stops: what has failed is done again when it is resumed.
    RunAction.FAIL: {_PLANNED: _FAILED, _RUNNING: _FAILED, _PAUSING: _FAILED, _FAILED: _FAILED},
}

_WAYS_OUT: Mapping[RunState, str] = {
    _PLANNED: "It has not begun yet: resume it, or cancel it.",
    _RUNNING: "Pause it or cancel it, or wait until it is through.",
    _PAUSING: "Wait until what is under way has come to its end, which takes a process that takes part (dualwrite up, "
    "dualwrite worker); then it can be resumed. Or cancel it.",
    _PAUSED: "Resume it or cancel it.",
    _AWAITING: "Rerun the rows that failed, go live without them, or cancel it.",
    _COMPLETED: "It has ended; start another one.",
    _WITH_REFUSALS: "It has ended; rerun the rows that failed, or start another one.",
    _FAILED: "Resume it, or cancel it.",
    _CANCELLING: "Wait until what is under way has come to its end, which takes a process that takes part (dualwrite "
    "up, dualwrite worker).",
    _CANCELLED: "It has ended; start another one.",
}


def next_state(action: RunAction, state: RunState) -> RunState | None:
    """Where ``action`` leads from ``state``, None where it is not allowed."""
    return TRANSITIONS[action].get(state)


def state_after(action: RunAction, run: InitialSyncRun) -> RunState:
    """Where ``action`` leads. Raises: NotAllowed, which says where the run stands and what can be done."""
    after = next_state(action, run.state)
    if after is None:
        raise NotAllowed(
            f"Initial sync {run.run} is {run.state.value} and cannot {action.value}. {_WAYS_OUT[run.state]}",
            run=str(run.run),
            state=run.state.value,
            action=action.value,
        )
    return after


def ways_out(state: RunState) -> str:
    """What can be done with a run in this state, in words."""
    return _WAYS_OUT[state]
