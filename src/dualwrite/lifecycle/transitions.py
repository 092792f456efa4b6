"""Which action a map allows in which state, as a table."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from dualwrite.store.maps import MapState


class Action(Enum):
    RUN = "run"
    """Go live and copy what is there already."""
    FINISH = "finish"
    """The initial sync is through."""
    STOP = "stop"
    CHANGE = "change"
    """Get a new version, or another active one."""


TRANSITIONS: Mapping[Action, Mapping[MapState, MapState]] = {
    Action.RUN: {
        MapState.NOT_RUNNING: MapState.INITIALIZING,
        # A run whose process died is taken up again.
        MapState.INITIALIZING: MapState.INITIALIZING,
        # Running again repeats the copy; equal rows are not written.
        MapState.RUNNING: MapState.INITIALIZING,
    },
    Action.FINISH: {MapState.INITIALIZING: MapState.RUNNING},
    Action.STOP: {
        MapState.INITIALIZING: MapState.NOT_RUNNING,
        MapState.RUNNING: MapState.NOT_RUNNING,
        MapState.PAUSED: MapState.NOT_RUNNING,
    },
    Action.CHANGE: {MapState.NOT_RUNNING: MapState.NOT_RUNNING},
}


def allowed_from(action: Action) -> frozenset[MapState]:
    """The states in which ``action`` is allowed."""
    return frozenset(TRANSITIONS[action])


def state_after(action: Action) -> MapState:
    """Where ``action`` leads."""
    (state,) = set(TRANSITIONS[action].values())
    return state


def is_live(state: MapState) -> bool:
    """Whether changes pass through a map in this state, or wait for it."""
    return state not in TRANSITIONS[Action.CHANGE]
