"""Every state of a catch-up with every action."""

from __future__ import annotations

import pytest

from dualwrite.lifecycle.catch_up.states import TRANSITIONS, CatchUpAction, next_state
from dualwrite.store.catch_ups import CatchUpState

_REPLAYING, _HANDING_OVER = CatchUpState.REPLAYING, CatchUpState.HANDING_OVER
EXPECTED = {
    (CatchUpAction.HOLD, _REPLAYING): _HANDING_OVER,
    (CatchUpAction.HOLD, _HANDING_OVER): _HANDING_OVER,
    (CatchUpAction.RELEASE, _HANDING_OVER): _REPLAYING,
    (CatchUpAction.COMPLETE, _HANDING_OVER): CatchUpState.COMPLETED,
    (CatchUpAction.FAIL, _REPLAYING): CatchUpState.FAILED,
    (CatchUpAction.FAIL, _HANDING_OVER): CatchUpState.FAILED,
    (CatchUpAction.STOP, _REPLAYING): CatchUpState.STOPPED,
    (CatchUpAction.STOP, _HANDING_OVER): CatchUpState.STOPPED,
}


@pytest.mark.parametrize("state", CatchUpState)
@pytest.mark.parametrize("action", CatchUpAction)
def test_an_action_leads_where_it_should_or_nowhere(action: CatchUpAction, state: CatchUpState) -> None:
    assert next_state(action, state) is EXPECTED.get((action, state))


def test_nothing_follows_what_has_ended() -> None:
    ended = {each for each in CatchUpState if each.is_at_rest}
    assert ended == {CatchUpState.COMPLETED, CatchUpState.FAILED, CatchUpState.STOPPED}
    assert not any(state in TRANSITIONS[action] for action in CatchUpAction for state in ended)
