"""Which maps are related to those that an action is wanted for, and the order in which it is best done. Pure.

A map that looks up rows of another one depends on it: it goes live after it, and comes to rest before it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from dualwrite.lifecycle.transitions import TRANSITIONS, Action
from dualwrite.maps.plan import Plan
from dualwrite.store.maps import MapState
from dualwrite.sync.initial_sync.order import ordered, related

_COMES_TO_REST: Final = frozenset({Action.PAUSE, Action.STOP})


@dataclass(frozen=True, slots=True)
class OfferedMap:
    """A map in the order of an action; ``related`` was not asked for, ``allowed`` tells whether its state allows it."""

    name: str
    state: MapState
    related: bool
    allowed: bool


def offered(
    action: Action, names: Sequence[str], plans: Sequence[Plan], states: Mapping[str, MapState]
) -> tuple[OfferedMap, ...]:
    """The maps called ``names`` and those related to them, in order; maps without a plan come last.

    Related to maps that come to rest are those that look up their rows, to others those whose rows they look up.
    """
    rests = action in _COMES_TO_REST
    order = [each.map.name for each in ordered(plans)]
    if rests:
        order.reverse()
    others = _dependants(names, plans) if rests else set(related([each for each in names if each in order], plans))
    wanted = [
        *(each for each in order if each in names or each in others),
        *(each for each in names if each not in order),
    ]
    return tuple(
        OfferedMap(name, states[name], related=name not in names, allowed=states[name] in TRANSITIONS[action])
        for name in wanted
    )


def _dependants(names: Sequence[str], plans: Sequence[Plan]) -> set[str]:
    """The maps that look up rows of those called ``names``, directly or through others."""
    return {each.map.name for each in plans if not set(related([each.map.name], plans)).isdisjoint(names)}
