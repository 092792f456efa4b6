"""Which action a map allows in which state, as a table."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from dualwrite.errors import NotAllowed
from dualwrite.store.maps import MapState


class Action(Enum):
    """What people do with a map, and what its own work does (the second half)."""

    RUN = "run"
    """Go live and copy what is there already."""
    STOP = "stop"
    PAUSE = "pause"
    """Carry nothing, and queue what is saved meanwhile."""
    RESUME = "resume"
    """Work off the queue, then go live."""
    CHANGE = "change"
    """Get a new version, or another active one."""

    FINISH = "finish"
    """The initial sync is through."""
    CAUGHT_UP = "catch up"
    """The queue has been worked off."""
    FALL_BACK = "fall back"
    """The queue could not be worked off: what is left of it waits again."""


_NOT_RUNNING, _INITIALIZING, _RUNNING = MapState.NOT_RUNNING, MapState.INITIALIZING, MapState.RUNNING
_PAUSED, _RESUMING = MapState.PAUSED, MapState.RESUMING

TRANSITIONS: Mapping[Action, Mapping[MapState, MapState]] = {
    Action.RUN: {
        _NOT_RUNNING: _INITIALIZING,
        # A run whose process died is taken up again.
        _INITIALIZING: _INITIALIZING,
        # Running again repeats the copy; equal rows are not written.
        _RUNNING: _INITIALIZING,
    },
    # What waits for a paused map that is stopped becomes catch-up errors.
    Action.STOP: {
        _INITIALIZING: _NOT_RUNNING,
        _RUNNING: _NOT_RUNNING,
        _PAUSED: _NOT_RUNNING,
        _RESUMING: _NOT_RUNNING,
    },
    Action.PAUSE: {_RUNNING: _PAUSED},
    Action.RESUME: {_PAUSED: _RESUMING},
    Action.CHANGE: {_NOT_RUNNING: _NOT_RUNNING},
    Action.FINISH: {_INITIALIZING: _RUNNING},
    Action.CAUGHT_UP: {_RESUMING: _RUNNING},
    Action.FALL_BACK: {_RESUMING: _PAUSED},
}

_WAYS_OUT: Mapping[MapState, str] = {
    _NOT_RUNNING: "Run it.",
    _INITIALIZING: "Wait until its initial sync is through, or stop it.",
    _RUNNING: "Pause it or stop it.",
    _PAUSED: "Resume it or stop it.",
    _RESUMING: "Wait until its queue has been worked off, or stop it.",
}


def allowed_from(action: Action) -> frozenset[MapState]:
    """The states in which ``action`` is allowed."""
    return frozenset(TRANSITIONS[action])


def state_after(action: Action) -> MapState:
    """Where ``action`` leads."""
    (state,) = set(TRANSITIONS[action].values())
    return state


def outcome(action: Action, name: str, state: MapState) -> MapState:
    """Where ``action`` leads the map called ``name`` from ``state``.

    Raises: NotAllowed, which says where the map stands, which states allow the action, and what can be done.
    """
    after = TRANSITIONS[action].get(state)
    if after is None:
        allowed = [each.value for each in MapState if each in TRANSITIONS[action]]
        raise NotAllowed(
            f"{name} is {state.value}; {action.value} is allowed for a map that is {' or '.join(allowed)}. "
            f"{_WAYS_OUT[state]}",
            map=name,
            state=state.value,
            action=action.value,
            allowed=allowed,
        )
    return after


def is_live(state: MapState) -> bool:
    """Whether changes pass through a map in this state, or wait for it."""
    return state not in TRANSITIONS[Action.CHANGE]


def is_queueing(state: MapState) -> bool:
    """Whether changes through a map in this state wait for it."""
    return state in (_PAUSED, _RESUMING)
