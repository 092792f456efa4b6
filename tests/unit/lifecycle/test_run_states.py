"""What a run of the initial sync allows in which state: every state, every action."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from dualwrite.errors import NotAllowed
from dualwrite.lifecycle.initial_sync.states import RunAction, next_state, state_after
from dualwrite.store.initial_syncs import InitialSyncRun, OnRefusals, RunId, RunState

S, A = RunState, RunAction

ALLOWED = {
    (S.PLANNED, A.PAUSE): S.PAUSED,
    (S.PLANNED, A.RESUME): S.PLANNED,
    (S.PLANNED, A.CANCEL): S.CANCELLED,
    (S.PLANNED, A.BEGIN): S.RUNNING,
    (S.PLANNED, A.FAIL): S.FAILED,
    (S.RUNNING, A.PAUSE): S.PAUSING,
    (S.RUNNING, A.CANCEL): S.CANCELLING,
    (S.RUNNING, A.BEGIN): S.RUNNING,
    (S.RUNNING, A.COMPLETE): S.COMPLETED,
    (S.RUNNING, A.COMPLETE_WITH_REFUSALS): S.WITH_REFUSALS,
    (S.RUNNING, A.AWAIT_DECISION): S.AWAITING_DECISION,
    (S.RUNNING, A.FAIL): S.FAILED,
    (S.PAUSING, A.CANCEL): S.CANCELLING,
    (S.PAUSING, A.SETTLE): S.PAUSED,
    (S.PAUSING, A.FAIL): S.FAILED,
    (S.PAUSED, A.RESUME): S.RUNNING,
    (S.PAUSED, A.CANCEL): S.CANCELLED,
    (S.AWAITING_DECISION, A.CANCEL): S.CANCELLED,
    (S.AWAITING_DECISION, A.GO_LIVE): S.WITH_REFUSALS,
    (S.AWAITING_DECISION, A.RERUN): S.WITH_REFUSALS,
    (S.COMPLETED, A.RERUN): S.COMPLETED,
    (S.WITH_REFUSALS, A.RERUN): S.WITH_REFUSALS,
    (S.CANCELLED, A.RERUN): S.CANCELLED,
    (S.FAILED, A.RESUME): S.RUNNING,
    (S.FAILED, A.CANCEL): S.CANCELLED,
    (S.FAILED, A.FAIL): S.FAILED,
    (S.CANCELLING, A.SETTLE): S.CANCELLED,
}


def run_in(state: RunState) -> InitialSyncRun:
    now, run = datetime(2024, 1, 1, tzinfo=UTC), RunId(uuid4())
    return InitialSyncRun(run, "main", state, OnRefusals.WAIT, "me", now, now, None, "", None, run, None)


@pytest.mark.parametrize("action", RunAction)
@pytest.mark.parametrize("state", RunState)
def test_an_action_leads_where_it_should_or_is_refused_with_the_way_out(state: RunState, action: RunAction) -> None:
    expected = ALLOWED.get((state, action))
    assert next_state(action, state) is expected
    if expected is not None:
        assert state_after(action, run_in(state)) is expected
        return
    run = run_in(state)
    with pytest.raises(NotAllowed) as refused:
        state_after(action, run)
    assert str(run.run) in refused.value.message
    assert f"is {state.value} and cannot {action.value}. " in refused.value.message
    assert refused.value.message.endswith(".")


def test_every_state_can_be_left_or_has_ended() -> None:
    for state in RunState:
        leads_on = {after for (before, _), after in ALLOWED.items() if before is state} - {state}
        assert bool(leads_on) != state.has_ended


def test_a_run_at_rest_changes_only_when_somebody_asks() -> None:
    by_people = {A.PAUSE, A.RESUME, A.CANCEL, A.GO_LIVE, A.RERUN}
    for (state, action), after in ALLOWED.items():
        if state.is_at_rest and after is not state:
            assert action in by_people
