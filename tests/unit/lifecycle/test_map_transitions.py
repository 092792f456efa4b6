"""Every state with every action: nothing is undefined."""

from __future__ import annotations

import pytest

from dualwrite.errors import NotAllowed
from dualwrite.lifecycle.transitions import (
    TRANSITIONS,
    Action,
    allowed_from,
    is_live,
    is_queueing,
    outcome,
    state_after,
)
from dualwrite.store.maps import MapState

_OUTCOMES = """
               not running   initializing  running       paused        resuming
run            initializing  initializing  initializing  -             -
stop           -             not running   not running   not running   not running
pause          -             -             paused        -             -
resume         -             -             -             resuming      -
change         not running   -             -             -             -
finish         -             running       -             -             -
catch up       -             -             -             -             running
fall back      -             -             -             -             paused
"""
_WIDTH = 14


def _cells(line: str) -> list[str]:
    return [line[start : start + _WIDTH].strip() for start in range(15, 15 + 5 * _WIDTH, _WIDTH)]


def _expected() -> dict[tuple[Action, MapState], MapState | None]:
    head, *lines = _OUTCOMES.strip("\n").splitlines()
    states = [MapState(each) for each in _cells(head)]
    return {
        (Action(line[:15].strip()), state): None if cell == "-" else MapState(cell)
        for line in lines
        for state, cell in zip(states, _cells(line), strict=True)
    }


EXPECTED = _expected()


def test_the_table_knows_every_state_and_every_action() -> None:
    assert set(EXPECTED) == {(action, state) for action in Action for state in MapState}
    assert set(TRANSITIONS) == set(Action)


@pytest.mark.parametrize(("action", "state"), EXPECTED, ids=lambda each: each.value)
def test_an_action_leads_where_it_should_or_says_where_it_is_allowed(action: Action, state: MapState) -> None:
    expected = EXPECTED[action, state]
    if expected is not None:
        assert outcome(action, "Customers", state) is expected is state_after(action)
        return
    with pytest.raises(NotAllowed) as refused:
        outcome(action, "Customers", state)
    allowed = [each.value for each in MapState if EXPECTED[action, each] is not None]
    assert refused.value.message.startswith(f"Customers is {state.value}; {action.value} is allowed")
    assert " or ".join(allowed) in refused.value.message
    assert refused.value.details["allowed"] == allowed and allowed_from(action) == {MapState(each) for each in allowed}


def test_changes_pass_through_or_wait_unless_a_map_is_not_running() -> None:
    assert {each for each in MapState if not is_live(each)} == {MapState.NOT_RUNNING}
    assert {each for each in MapState if is_queueing(each)} == {MapState.PAUSED, MapState.RESUMING}
