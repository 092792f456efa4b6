"""How a retry has ended, map by map."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import reduce

from dualwrite.store.sync_errors import Attempt, ErrorState, SyncError

_REASONS = 5
"""So many refusals are told in full."""


@dataclass(frozen=True, slots=True)
class RetryCount:
    """How many records have ended how; ``refused`` ones are still open."""

    completed: int = 0
    stale: int = 0
    refused: int = 0

    def __add__(self, other: RetryCount) -> RetryCount:
        return RetryCount(self.completed + other.completed, self.stale + other.stale, self.refused + other.refused)

    def __str__(self) -> str:
        return f"{self.completed:,} completed, {self.stale:,} stale, {self.refused:,} refused again"


@dataclass(frozen=True, slots=True)
class RetryReport:
    """How a retry has ended, by map; ``refusals`` are a few of the reasons why records were refused again."""

    maps: Mapping[str, RetryCount] = field(default_factory=dict)
    refusals: tuple[str, ...] = ()

    @property
    def total(self) -> RetryCount:
        return reduce(RetryCount.__add__, self.maps.values(), RetryCount())

    def __add__(self, other: RetryReport) -> RetryReport:
        names = [*self.maps, *(name for name in other.maps if name not in self.maps)]
        nothing = RetryCount()
        maps = {name: self.maps.get(name, nothing) + other.maps.get(name, nothing) for name in names}
        return RetryReport(maps, (*self.refusals, *other.refusals)[:_REASONS])

    def __str__(self) -> str:
        return str(self.total)


def report_of(error: SyncError, attempt: Attempt) -> RetryReport:
    """One record's retry."""
    match attempt.state:
        case ErrorState.COMPLETED:
            return RetryReport({error.map: RetryCount(completed=1)})
        case ErrorState.STALE:
            return RetryReport({error.map: RetryCount(stale=1)})
        case _:
            return RetryReport({error.map: RetryCount(refused=1)}, (attempt.reason,))


def tried_again(before: RetryReport, again: RetryReport) -> RetryReport:
    """The two together, where ``again`` is about records that were refused in ``before``: they count once."""
    counts = {
        name: RetryCount(refused=-(count.completed + count.stale + count.refused)) for name, count in again.maps.items()
    }
    summed = RetryReport(before.maps) + RetryReport(counts) + RetryReport(again.maps)
    return RetryReport(summed.maps, again.refusals or before.refusals if summed.total.refused else ())
