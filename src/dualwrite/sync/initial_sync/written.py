"""What one attempt at a partition has written so far, and which of its rows refer to which."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from dualwrite.metadata.values import Value


@dataclass(slots=True)
class Written:
    """Rows by their positions; the target's ids as a frame holds them.

    ``inserted`` and ``updated`` tell the target's id. ``refers`` has, by the id of a row of the partition that was
    inserted, the positions of the rows that refer to it.
    """

    inserted: dict[int, Value] = field(default_factory=dict)
    updated: set[int] = field(default_factory=set)
    refers: dict[Value, set[int]] = field(default_factory=dict)

    @property
    def positions(self) -> list[int]:
        return sorted(self.updated.union(self.inserted))

    def refer(self, positions: Iterable[int], to: Iterable[Value]) -> None:
        for position, row_id in zip(positions, to, strict=True):
            self.refers.setdefault(row_id, set()).add(position)

    def with_referring(self, positions: Iterable[int]) -> set[int]:
        """``positions`` and the rows that have to go when those that were inserted among them go."""
        found: set[int] = set()
        wanted = set(positions)
        while wanted:
            position = wanted.pop()
            found.add(position)
            if position in self.inserted:
                wanted |= self.refers.get(self.inserted[position], set()) - found
        return found

    def forget(self, positions: Iterable[int]) -> None:
        for position in positions:
            self.inserted.pop(position, None)
            self.updated.discard(position)
