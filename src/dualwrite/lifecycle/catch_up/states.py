"""Which action a catch-up allows in which state, as a table."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from dualwrite.store.catch_ups import CatchUpState


class CatchUpAction(Enum):
    """What the work on a catch-up does, and what becomes of it when its maps are stopped."""

    HOLD = "hold"
    """Changes through its maps wait, so that the last queued ones can be worked off."""
    RELEASE = "release"
    """They need not wait any more: it took too long."""
    COMPLETE = "complete"
    FAIL = "fail"
    STOP = "stop"


_REPLAYING, _HANDING_OVER = CatchUpState.REPLAYING, CatchUpState.HANDING_OVER

TRANSITIONS: Mapping[CatchUpAction, Mapping[CatchUpState, CatchUpState]] = {
    # A hand-over whose process died is taken up again.
    CatchUpAction.HOLD: {_REPLAYING: _HANDING_OVER, _HANDING_OVER: _HANDING_OVER},
    CatchUpAction.RELEASE: {_HANDING_OVER: _REPLAYING},
    CatchUpAction.COMPLETE: {_HANDING_OVER: CatchUpState.COMPLETED},
    CatchUpAction.FAIL: {_REPLAYING: CatchUpState.FAILED, _HANDING_OVER: CatchUpState.FAILED},
    CatchUpAction.STOP: {_REPLAYING: CatchUpState.STOPPED, _HANDING_OVER: CatchUpState.STOPPED},
}


def next_state(action: CatchUpAction, state: CatchUpState) -> CatchUpState | None:
    """Where ``action`` leads from ``state``, None where it is not allowed."""
    return TRANSITIONS[action].get(state)
