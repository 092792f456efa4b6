"""What can be told about a map's health from how it stands: its state, its queue, its errors, and a comparison."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from dualwrite.environments.port import EnvironmentName
from dualwrite.environments.queue import QueueCount
from dualwrite.monitoring.health.findings import HealthCode, HealthFinding, Severity
from dualwrite.store.maps import MapState, TableMap
from dualwrite.sync.comparison import Comparison

LATELY: Final = timedelta(hours=1)
LONG: Final = timedelta(hours=24)
_MANY: Final = 10
_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Standing:
    """How a map stands. ``away`` tells of each environment that does not answer, why."""

    map: TableMap
    queued: Sequence[QueueCount]
    errors_open: int
    errors_lately: int
    away: Mapping[EnvironmentName, str]
    now: datetime


def check_standing(standing: Standing) -> Iterator[HealthFinding]:
    """What state, queue and errors tell."""
    yield from _state(standing)
    yield from _queue(standing)
    yield from _errors(standing)


def _state(standing: Standing) -> Iterator[HealthFinding]:
    each = standing.map
    for name, reason in standing.away.items():
        yield HealthFinding(
            HealthCode.AWAY,
            Severity.ERROR,
            f"environment {name} does not answer: {reason}",
            "Until it is back, pause the map: dualwrite maps pause. Saves on the other side then succeed and wait.",
        )
    if each.state is MapState.NOT_RUNNING:
        yield HealthFinding(
            HealthCode.NOT_TRACKED, Severity.WARNING, "the map does not run", "Run it: dualwrite maps run"
        )
    if each.blocked:
        yield HealthFinding(
            HealthCode.BLOCKED,
            Severity.ERROR,
            f"saves through the map are refused: {each.blocked}",
            "Resume the map, or give up what waits: dualwrite maps resume",
        )


def _queue(standing: Standing) -> Iterator[HealthFinding]:
    records = sum(each.records for each in standing.queued)
    if not records:
        return
    oldest = min(each.oldest for each in standing.queued)
    age = standing.now - oldest
    live = standing.map.state in (MapState.RUNNING, MapState.NOT_RUNNING)
    yield HealthFinding(
        HealthCode.LAG,
        Severity.WARNING if age >= LONG or live else Severity.INFORMATION,
        f"{records:,} records wait, the oldest for {_in_words(age)}",
        "Resume the map: dualwrite maps resume",
    )


def _errors(standing: Standing) -> Iterator[HealthFinding]:
    if standing.errors_open:
        yield HealthFinding(
            HealthCode.ERRORS,
            Severity.WARNING,
            f"{standing.errors_open:,} failed records have neither been retried successfully nor dismissed",
            "Look at them, and retry or dismiss them: dualwrite errors list",
        )
    if standing.errors_lately >= _MANY:
        yield HealthFinding(
            HealthCode.ERROR_RATE,
            Severity.WARNING,
            f"{standing.errors_lately:,} records have failed within the last hour",
            "See what they have in common: dualwrite errors groups",
        )


def check_comparison(found: Comparison) -> Iterator[HealthFinding]:
    """What a comparison of drawn records tells."""
    parts = (
        (found.missing, "are missing in Dataverse"),
        (found.extra, "are missing in finance and operations"),
        ([f"{each.company}: {each.record}" if each.company else each.record for each in found.different], "differ"),
    )
    for records, what in parts:
        if records:
            named = ", ".join(records[:_MOST_NAMED]) + (", …" if len(records) > _MOST_NAMED else "")
            yield HealthFinding(
                HealthCode.DIVERGENCE,
                Severity.ERROR,
                f"{len(records):,} of the drawn records {what}: {named}",
                "See all of them: dualwrite compare. Bring both sides into step: dualwrite initial-sync run",
            )


def _in_words(age: timedelta) -> str:
    seconds = max(0, int(age.total_seconds()))
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds} seconds"
