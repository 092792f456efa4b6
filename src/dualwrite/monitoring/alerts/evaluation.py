"""Which alerts the errors of a window raise, and which are over: a pure judgement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from dualwrite.store.alerts import AlertRule
from dualwrite.store.sync_errors import Category

Counts: TypeAlias = Mapping[tuple[str, Category], int]
"""Records that failed in a window, by map and category."""


class Standing(Enum):
    """Where a map stands with a setting."""

    QUIET = "quiet"
    ALERTING = "alerting"


class Reading(Enum):
    """What the window says."""

    BELOW = "below the threshold"
    REACHED = "threshold reached"


class Effect(Enum):
    """What follows."""

    NOTHING = "nothing"
    RAISE = "raise"
    CLEAR = "clear"


@dataclass(frozen=True, slots=True)
class Step:
    standing: Standing
    effect: Effect


TRANSITIONS: Mapping[Standing, Mapping[Reading, Step]] = {
    Standing.QUIET: {
        Reading.BELOW: Step(Standing.QUIET, Effect.NOTHING),
        Reading.REACHED: Step(Standing.ALERTING, Effect.RAISE),
    },
    Standing.ALERTING: {
        # However many more errors there are: people have been told.
        Reading.REACHED: Step(Standing.ALERTING, Effect.NOTHING),
        Reading.BELOW: Step(Standing.QUIET, Effect.CLEAR),
    },
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a setting's events: maps to raise one for with the number of errors, maps whose event is over."""

    raised: Mapping[str, int]
    cleared: frozenset[str]


def errors_by_map(rule: AlertRule, counts: Counts) -> Mapping[str, int]:
    """The errors that the rule is about."""
    found: Counter[str] = Counter()
    for (name, category), number in counts.items():
        if category in rule.categories and covers(rule, name):
            found[name] += number
    return found


def covers(rule: AlertRule, map: str) -> bool:
    """Whether the rule is about the map."""
    return rule.maps is None or map in rule.maps


def judge(rule: AlertRule, counts: Counts, *, alerting: Collection[str]) -> Verdict:
    """What follows for the maps, those included whose event is open (``alerting``)."""
    errors = errors_by_map(rule, counts)
    raised: dict[str, int] = {}
    cleared: set[str] = set()
    for name in sorted({*errors, *alerting}):
        number = errors.get(name, 0)
        reading = Reading.REACHED if number >= rule.threshold else Reading.BELOW
        step = TRANSITIONS[Standing.ALERTING if name in alerting else Standing.QUIET][reading]
        if step.effect is Effect.RAISE:
            raised[name] = number
        elif step.effect is Effect.CLEAR:
            cleared.add(name)
    return Verdict(raised, frozenset(cleared))
