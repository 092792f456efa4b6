"""Runs in words: their states, short names, times and counts, the same on every screen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from dualwrite.maps.values import Direction
from dualwrite.metadata.schema import Side
from dualwrite.store.initial_syncs import RunId, RunState
from dualwrite.store.partitions import RowCounts

_RUN_LETTERS = 8
"""So much of a run's id is shown; a command takes any beginning that only one run has."""

SIDES: Mapping[Side, str] = {Side.FINOPS: "F&O", Side.DATAVERSE: "Dataverse"}
ARROWS: Mapping[Direction, str] = {Direction.TO_DATAVERSE: "→", Direction.TO_FINOPS: "←"}
WAYS: Mapping[Direction, str] = {Direction.TO_DATAVERSE: "F&O → Dataverse", Direction.TO_FINOPS: "Dataverse → F&O"}


@dataclass(frozen=True, slots=True)
class Word:
    word: str
    style: str


STATE_WORDS: Mapping[RunState, Word] = {
    RunState.PLANNED: Word("starting", "yellow"),
    RunState.RUNNING: Word("running", "yellow"),
    RunState.PAUSING: Word("pausing", "yellow"),
    RunState.PAUSED: Word("paused", "cyan"),
    RunState.AWAITING_DECISION: Word("awaiting decision", "magenta"),
    RunState.COMPLETED: Word("completed", "green"),
    RunState.WITH_REFUSALS: Word("completed with refusals", "red"),
    RunState.FAILED: Word("failed", "red"),
    RunState.CANCELLING: Word("cancelling", "yellow"),
    RunState.CANCELLED: Word("cancelled", "dim"),
}


def short_run(run: RunId) -> str:
    return str(run)[:_RUN_LETTERS]


def seconds_in_words(seconds: float) -> str:
    """``42 s``, ``3:07 min``, ``1:02:40 h``."""
    whole = max(round(seconds), 0)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02}:{rest:02} h"
    return f"{minutes}:{rest:02} min" if minutes else f"{rest} s"


def ended_in_words(counts: RowCounts) -> str:
    """How rows ended that were not refused; what did not occur is left out."""
    endings = ("inserted", "updated", "equal", "filtered")
    found = [f"{number:,} {name}" for name in endings if (number := getattr(counts, name))]
    return ", ".join(found)


def moment(at: datetime | None, *, short: bool = False) -> str:
    """The moment in this machine's time zone, to the second; ``short``: without year and seconds."""
    return "" if at is None else at.astimezone().strftime("%m-%d %H:%M" if short else "%Y-%m-%d %H:%M:%S")
