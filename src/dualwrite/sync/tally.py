"""How changes ended, counted per map and direction: nothing ends uncounted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from enum import Enum

from dualwrite.maps.values import Direction


class Ending(Enum):
    """What became of one record change for one map."""

    APPLIED = "applied"
    UNCHANGED = "no mapped column changed"
    FILTERED = "filtered out"
    LEFT_FILTER = "left the filter"
    NOT_LINKED = "company not linked"
    REFUSED = "refused"
    QUEUED = "queued"


class Tally:
    """Counts since the process started."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, Direction, Ending]] = Counter()

    def count(self, map_name: str, direction: Direction, ending: Ending, *, records: int = 1) -> None:
        self._counts[map_name, direction, ending] += records

    def counts(self) -> Mapping[tuple[str, Direction, Ending], int]:
        """The number of records by map, direction and ending."""
        return self._counts

    def by_map(self) -> Mapping[str, Mapping[str, int]]:
        """Per map: ``"<direction> <ending>"`` to the number of records."""
        result: dict[str, dict[str, int]] = {}
        for (name, direction, ending), number in sorted(self._counts.items(), key=str):
            result.setdefault(name, {})[f"{direction.value}: {ending.value}"] = number
        return result
