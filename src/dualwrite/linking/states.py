"""Which action a link allows in which state, as a table."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from dualwrite.errors import NotAllowed
from dualwrite.store.connections import Connection, LinkState


class LinkAction(Enum):
    """What people do with a link, and how that comes to its end (the second half)."""

    CHANGE = "change"
    """Legal entities come and go, teams are chosen."""
    RESET = "be reset"
    UNLINK = "be unlinked"

    FINISH = "begin anew"
    """Nothing is left of the time before the reset."""


_LINKED, _RESETTING, _UNLINKING = LinkState.LINKED, LinkState.RESETTING, LinkState.UNLINKING

TRANSITIONS: Mapping[LinkAction, Mapping[LinkState, LinkState]] = {
    LinkAction.CHANGE: {_LINKED: _LINKED},
    # What has begun is begun again when its process has died.
    LinkAction.RESET: {_LINKED: _RESETTING, _RESETTING: _RESETTING},
    LinkAction.UNLINK: {_LINKED: _UNLINKING, _RESETTING: _UNLINKING, _UNLINKING: _UNLINKING},
    LinkAction.FINISH: {_RESETTING: _LINKED},
}

WAYS_OUT: Mapping[LinkState, str] = {
    _LINKED: "Reset it, unlink it, or change its legal entities.",
    _RESETTING: "Let the reset come to its end first: dualwrite link reset",
    _UNLINKING: "Let it come to its end: dualwrite link unlink",
}


def next_state(action: LinkAction, state: LinkState | None) -> LinkState | None:
    """Where ``action`` leads from ``state`` (None: there is no link), None where it is not allowed."""
    return None if state is None else TRANSITIONS[action].get(state)


def state_after(action: LinkAction, link: Connection) -> LinkState:
    """Where ``action`` leads. Raises: NotAllowed, which says where the link stands and what can be done."""
    after = next_state(action, link.state)
    if after is None:
        raise NotAllowed(
            f"The connection {link.name} is {link.state.value} and cannot {action.value}. {WAYS_OUT[link.state]}",
            connection=link.name,
            state=link.state.value,
            allowed=[each.value for each in TRANSITIONS[action]],
        )
    return after
