"""How the rows of one attempt at a partition end, row by row: counts and refusals come out of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import polars as pl

from dualwrite.environments.bulk import ROW
from dualwrite.errors import RecordRefused
from dualwrite.metadata.values import Value
from dualwrite.sync.initial_sync.job import (
    Count,
    Ending,
    LeftOpen,
    PartitionJob,
    PartitionOutcome,
    RefusedRow,
    value_to_json,
)
from dualwrite.sync.initial_sync.reading import ENTITY, SourceRows, held_row, ids_of, label_of

_Standing = tuple[Ending, bool]
"""How a row is counted, and whether as a conflict."""


class Endings:
    """Rows are known by their position in the frame that was read. What is told last of a row holds."""

    def __init__(self, job: PartitionJob, rows: SourceRows) -> None:
        self._job = job
        self._rows = rows.frame
        self._again: dict[int, dict[str, Value]] = {}
        self._entities: list[str] = rows.frame[ENTITY].to_list()
        self._beside = ((Ending.FILTERED, rows.filtered), (Ending.EQUAL, rows.equal))
        self._endings: list[Ending | None] = [None] * rows.frame.height
        self._conflicts: set[int] = set()
        self._open: set[int] = set()
        self._refused: dict[int, RefusedRow] = {}

    def end(self, positions: Iterable[int], ending: Ending) -> None:
        for position in positions:
            self._endings[position] = ending

    def settled_by_master(self, positions: Iterable[int]) -> None:
        """These rows count as conflicts, if they are updated."""
        self._conflicts.update(positions)

    def leave_open(self, positions: Iterable[int]) -> None:
        """A lookup of these rows waits for rows that are still to come."""
        self._open.update(positions)

    def refuse(self, position: int, refusal: RecordRefused) -> None:
        """The row is refused. Its message starts with the name of map and record."""
        self._endings[position] = Ending.REFUSED
        self._refused[position] = self._refused_row(position, refusal)

    def forget(self, positions: Sequence[int]) -> None:
        """Nothing is known of these rows: they are done again, or are gone and count for nothing."""
        for position in positions:
            self._endings[position] = None
            self._refused.pop(position, None)
        self._conflicts.difference_update(positions)
        self._open.difference_update(positions)

    def read_again(self, rows: pl.DataFrame) -> None:
        """From now on the rows at the positions ``@row`` are these."""
        for held in rows.iter_rows(named=True):
            self._again[held[ROW]] = held
            self._entities[held[ROW]] = held[ENTITY]

    def label(self, position: int) -> str:
        return label_of(self._job, self._held(position))

    def _held(self, position: int) -> Mapping[str, Value]:
        return self._again.get(position) or self._rows.row(position, named=True)

    @property
    def equal(self) -> Sequence[int]:
        """The positions of rows that are equal in everything."""
        ended = enumerate(self._endings)
        return [place for place, ending in ended if ending is Ending.EQUAL and place not in self._open]

    @property
    def refused(self) -> Sequence[RefusedRow]:
        """In the order of the rows."""
        return [self._refused[position] for position in sorted(self._refused)]

    def outcome(self) -> PartitionOutcome:
        """The counts by legal entity, and what was left open."""
        counted = Counter(
            (self._entities[position], *self._standing(position))
            for position, ending in enumerate(self._endings)
            if ending is not None
        )
        for ending, numbers in self._beside:
            counted.update({(entity, ending, False): number for entity, number in numbers.items()})
        counts: dict[str, Count] = {}
        for (entity, ending, conflict), number in counted.items():
            count = Count(**{"read": number, ending.value: number, "conflicts": number if conflict else 0})
            counts[entity] = counts.get(entity, Count()) + count
        return PartitionOutcome(counts, tuple(self._left_open()))

    def correction(self, first: PartitionOutcome) -> PartitionOutcome:
        """What changes in the counts of the ``first`` pass now that its open rows have been completed or refused."""
        before = {it: (each.company, (each.ending, each.conflict)) for each in first.left_open for it in each.ids}
        counts: dict[str, Count] = {}
        for position, row_id in enumerate(ids_of(self._rows, self._job.route.source.side)):
            if row_id in before and self._endings[position] is not None:
                company, was = before[row_id]
                change = _correction(was, self._standing(position))
                counts[company] = counts.get(company, Count()) + change
        return PartitionOutcome({company: count for company, count in counts.items() if count != Count()})

    def _standing(self, position: int) -> _Standing:
        ending = self._endings[position]
        assert ending is not None
        return ending, ending is Ending.UPDATED and position in self._conflicts

    def _left_open(self) -> Iterable[LeftOpen]:
        groups: dict[tuple[str, _Standing], list[int]] = {}
        for position in sorted(self._open):
            groups.setdefault((self._entities[position], self._standing(position)), []).append(position)
        for (entity, (ending, conflict)), positions in groups.items():
            ids = ids_of(self._rows[positions], self._job.route.source.side)
            yield LeftOpen(entity, ending, tuple(ids), conflict)

    # --- refusals ---------------------------------------------------------------------------------------------------

    def _refused_row(self, position: int, refusal: RecordRefused) -> RefusedRow:
        job, held = self._job, self._held(position)
        row, label = held_row(job, held), label_of(job, held)
        (row_id,) = ids_of(self._rows[[position]], job.route.source.side)
        return RefusedRow(
            map_name=job.plan.map.name,
            direction=job.direction,
            company=self._entities[position],
            record_id=row_id,
            record=label,
            column=refusal.column,
            code=str(refusal.details.get("code", refusal.code)),
            reason=refusal.message,
            cause=refusal.message.removeprefix(f"{job.plan.map.name}, {label}: "),
            row={name: value_to_json(value) for name, value in row.items() if value is not None and value != ""},
            whole=job.whole,
        )


def _correction(was: _Standing, now: _Standing) -> Count:
    """A row stays what it was in the first pass unless it is refused, or had not been written at all."""
    if now[0] is Ending.REFUSED or was[0] is Ending.REFUSED:
        return _counted(now, 1) + _counted(was, -1)
    if was[0] is Ending.INSERTED or now[0] is not Ending.UPDATED:
        return Count()
    return _counted((Ending.UPDATED, was[1] or now[1]), 1) + _counted(was, -1)


def _counted(standing: _Standing, number: int) -> Count:
    ending, conflict = standing
    return Count(**{ending.value: number, "conflicts": number if conflict else 0})
