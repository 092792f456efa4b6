"""Which queued transactions touch each other: those are replayed in their order, all others beside them. Pure.

Two transactions touch when both change one record, or when one looks up a record that the other changes.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from dualwrite.environments.queue import Position, RecordMark


@dataclass(slots=True)
class Touched:
    """What one transaction changes, by mark, under which values others may look for it, and what it looks for itself.

    ``found_by`` and ``looks_for`` are a table and a value each.
    """

    position: Position
    changes: set[RecordMark] = field(default_factory=set)
    found_by: set[Hashable] = field(default_factory=set)
    looks_for: set[Hashable] = field(default_factory=set)


_Values: TypeAlias = Callable[[Touched], set[Hashable]]


def components(transactions: Sequence[Touched]) -> Sequence[tuple[Position, ...]]:
    """The positions of transactions that touch each other, directly or through others, each in order.

    The components are in the order of their first positions.
    """
    leaders = {each.position: each.position for each in transactions}
    for group in (*_by_changes(transactions), *_by_lookups(transactions)):
        for position in group[1:]:
            _join(leaders, group[0], position)
    found: dict[Position, list[Position]] = {}
    for each in sorted(leaders):
        found.setdefault(_leader(leaders, each), []).append(each)
    return [tuple(positions) for positions in found.values()]


def packed(found: Iterable[tuple[Position, ...]], *, most: int) -> Sequence[tuple[tuple[Position, ...], ...]]:
    """The components in packs of at most ``most`` transactions, or of one component."""
    packs: list[list[tuple[Position, ...]]] = []
    filled = most
    for component in found:
        if filled + len(component) > most:
            packs.append([])
            filled = 0
        packs[-1].append(component)
        filled += len(component)
    return [tuple(each) for each in packs]


def _by_changes(transactions: Sequence[Touched]) -> Iterable[Sequence[Position]]:
    by_mark: dict[RecordMark, list[Position]] = {}
    for each in transactions:
        for mark in each.changes:
            by_mark.setdefault(mark, []).append(each.position)
    return by_mark.values()


def _by_lookups(transactions: Sequence[Touched]) -> Iterable[Sequence[Position]]:
    """Whoever looks for a value together with those who change what is found by it; lookups alone touch nobody."""
    changed = _positions(transactions, lambda each: each.found_by)
    wanted = _positions(transactions, lambda each: each.looks_for)
    return ([*changed[value], *positions] for value, positions in wanted.items() if value in changed)


def _positions(transactions: Sequence[Touched], values: _Values) -> Mapping[Hashable, Sequence[Position]]:
    found: dict[Hashable, list[Position]] = {}
    for each in transactions:
        for value in values(each):
            found.setdefault(value, []).append(each.position)
    return found


def _leader(leaders: dict[Position, Position], position: Position) -> Position:
    while leaders[position] != position:
        leaders[position] = leaders[leaders[position]]
        position = leaders[position]
    return position


def _join(leaders: dict[Position, Position], one: Position, other: Position) -> None:
    first, second = sorted((_leader(leaders, one), _leader(leaders, other)))
    leaders[second] = first
