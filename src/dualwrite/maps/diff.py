"""What differs between two versions of a map, as changes and as text, column by column."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import assert_never

from dualwrite.maps.edit import (
    AddColumn,
    Change,
    ChangeColumn,
    Fact,
    FactValue,
    OrderColumns,
    RemoveColumn,
    SetFact,
    apply_changes,
    fact_of,
    pair_of,
)
from dualwrite.maps.transforms.kind import Entries, Spelling
from dualwrite.maps.values import ColumnMapping, FilterExit, MapVersion, Transform, ValueMap

_IDENTITY = frozenset({Fact.NAME, Fact.VERSION, Fact.PUBLISHER})


@dataclass(frozen=True, slots=True)
class Aspect:
    """One thing that differs about a column or a map: what it is, what it was, what it is now; None is nothing."""

    what: str
    was: str | None
    now: str | None


@dataclass(frozen=True, slots=True)
class Difference:
    """The changes that lead from ``old`` to ``new``; applying them to ``old`` gives ``new``, to the letter."""

    old: MapVersion
    new: MapVersion
    changes: tuple[Change, ...]

    @property
    def substantial(self) -> tuple[Change, ...]:
        """The changes of what the map does and says; its name, number and publisher left aside."""
        return tuple(each for each in self.changes if not (isinstance(each, SetFact) and each.fact in _IDENTITY))


def compare_versions(old: MapVersion, new: MapVersion) -> Difference:
    """What leads from ``old`` to ``new``. A line whose columns are joined with others now is one that changed."""
    facts = [SetFact(fact, fact_of(new, fact)) for fact in Fact if fact_of(old, fact) != fact_of(new, fact)]
    changes: list[Change] = [*facts, *_column_changes(old, new)]
    moved = apply_changes(old, changes)
    if moved.columns != new.columns:
        changes.append(OrderColumns(new.columns))
    return Difference(old, new, tuple(changes))


def _column_changes(old: MapVersion, new: MapVersion) -> Iterator[Change]:
    gone = list((Counter(old.columns) - Counter(new.columns)).elements())
    come = list((Counter(new.columns) - Counter(old.columns)).elements())
    gone.sort(key=old.columns.index)
    come.sort(key=new.columns.index)
    pairs: list[tuple[ColumnMapping, ColumnMapping]] = []
    for likeness in _LIKENESSES:
        for was in tuple(gone):
            now = next((each for each in come if likeness(was, each)), None)
            if now is not None:
                pairs.append((was, now))
                gone.remove(was)
                come.remove(now)
    yield from (RemoveColumn(each) for each in gone)
    yield from (ChangeColumn(was, now) for was, now in sorted(pairs, key=lambda pair: old.columns.index(pair[0])))
    yield from (AddColumn(each) for each in come)


def _same_pair(was: ColumnMapping, now: ColumnMapping) -> bool:
    return pair_of(was) == pair_of(now)


def _same_finops(was: ColumnMapping, now: ColumnMapping) -> bool:
    return was.finops is not None and pair_of(was)[0] == pair_of(now)[0]


def _same_dataverse(was: ColumnMapping, now: ColumnMapping) -> bool:
    return was.dataverse is not None and pair_of(was)[1] == pair_of(now)[1]


_LIKENESSES: tuple[Callable[[ColumnMapping, ColumnMapping], bool], ...] = (_same_pair, _same_finops, _same_dataverse)
"""What makes two lines one that changed, the closest first."""


# --- in words -------------------------------------------------------------------------------------------------------


def aspects(change: Change, *, old: MapVersion) -> tuple[Aspect, ...]:
    """What ``change`` does to ``old``, thing by thing."""
    match change:
        case SetFact(fact, value):
            what = fact.value.replace("_", " ")
            return (Aspect(what, _spelled(fact_of(old, fact)), _spelled(value)),)
        case AddColumn(mapping):
            return (Aspect("column", None, column_text(mapping)),)
        case RemoveColumn(mapping):
            return (Aspect("column", column_text(mapping), None),)
        case ChangeColumn(was, now):
            return tuple(_column_aspects(was, now))
        case OrderColumns(columns):
            return (Aspect("order of the columns", None, ", ".join(str(each) for each in columns)),)
        case _:
            assert_never(change)


def _column_aspects(was: ColumnMapping, now: ColumnMapping) -> Iterator[Aspect]:
    if was.finops != now.finops:
        yield Aspect("F&O column", was.finops, now.finops)
    if was.dataverse != now.dataverse:
        yield Aspect("Dataverse column", was.dataverse, now.dataverse)
    if was.sync_direction is not now.sync_direction:
        yield Aspect("direction", was.sync_direction.value, now.sync_direction.value)
    if was.transforms != now.transforms:
        yield from _transform_aspects(was, now)


def _transform_aspects(was: ColumnMapping, now: ColumnMapping) -> Iterator[Aspect]:
    """Value maps are told apart pair by pair, other transforms kind by kind."""
    old, new = _by_kind(was), _by_kind(now)
    for word in dict.fromkeys((*old, *new)):
        one, other = old.get(word), new.get(word)
        if one == other:
            continue
        if isinstance(one, ValueMap) and isinstance(other, ValueMap) and replace(one, pairs=other.pairs) == other:
            yield from _pair_aspects(one, other)
        else:
            yield Aspect("transform", _described(one), _described(other))
    if old == new:
        yield Aspect("transforms", _transforms_text(was), _transforms_text(now))


def _by_kind(mapping: ColumnMapping) -> Mapping[str, Transform]:
    return {each.word: each for each in reversed(mapping.transforms)}


def _pair_aspects(was: ValueMap, now: ValueMap) -> Iterator[Aspect]:
    if Counter(was.pairs) == Counter(now.pairs):
        yield Aspect("order of the value map", _described(was), _described(now))
        return
    gone = list((Counter(was.pairs) - Counter(now.pairs)).elements())
    for left, right in (Counter(now.pairs) - Counter(was.pairs)).elements():
        before = next((pair for pair in gone if pair[0] == left), None)
        if before is not None:
            gone.remove(before)
        yield Aspect("value", None if before is None else _pair(before), _pair((left, right)))
    yield from (Aspect("value", _pair(pair), None) for pair in gone)


def _pair(pair: tuple[str, str]) -> str:
    return ": ".join(each or "(empty)" for each in pair)


def _described(transform: Transform | None) -> str | None:
    return None if transform is None else transform.described()


def _transforms_text(mapping: ColumnMapping) -> str:
    return "; ".join(spelling_text(each.spelled()) for each in mapping.transforms)


def column_text(mapping: ColumnMapping) -> str:
    """A line of a map as people read it, its transforms behind a colon."""
    return f"{mapping}: {_transforms_text(mapping)}" if mapping.transforms else str(mapping)


def spelling_text(spelling: Spelling) -> str:
    """A spelling on one line."""
    match spelling:
        case str():
            return spelling or "(empty)"
        case Entries(pairs):
            return "{" + ", ".join(f"{name or '(empty)'}: {spelling_text(value)}" for name, value in pairs) + "}"
        case _:
            return "[" + ", ".join(spelling_text(each) for each in spelling) + "]"


def _spelled(value: FactValue) -> str | None:
    if value is None or value == "" or value == ():
        return None
    if isinstance(value, tuple):
        return ", ".join(value)
    return value.value if isinstance(value, FilterExit) else str(value)


def difference_lines(difference: Difference) -> tuple[str, ...]:
    """The difference as text: ``+`` is new, ``-`` is gone, ``~`` is changed, what about it follows indented."""
    return tuple(line for change in difference.changes for line in _lines(change, difference.old))


def _lines(change: Change, old: MapVersion) -> Iterator[str]:
    told = aspects(change, old=old)
    match change:
        case AddColumn(mapping):
            yield f"+ {column_text(mapping)}"
        case RemoveColumn(mapping):
            yield f"- {column_text(mapping)}"
        case ChangeColumn(was, now):
            yield f"~ {was}" + (f"  ->  {now}" if str(was) != str(now) else "")
            yield from (f"    {_told(each)}" for each in told)
        case OrderColumns():
            yield "~ the columns stand in another order"
        case SetFact():
            yield from (f"~ {_told(each)}" for each in told)
        case _:
            assert_never(change)


def _told(aspect: Aspect) -> str:
    if aspect.was is None:
        return f"{aspect.what}: {aspect.now or '(empty)'} (new)"
    if aspect.now is None:
        return f"{aspect.what}: {aspect.was} (gone)"
    return f"{aspect.what}: {aspect.was}  ->  {aspect.now}"
