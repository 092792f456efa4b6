"""Maps that may not run beside each other: of each exclusion of an applied solution, one group runs at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from dualwrite.errors import NotAllowed
from dualwrite.store.solutions import SolutionRecord, SolutionState


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Groups of map names, of which one group may run at a time, as a solution says."""

    solution: str
    groups: tuple[frozenset[str], ...]


def exclusions_of(solutions: Iterable[SolutionRecord]) -> Iterator[Exclusion]:
    """What the applied solutions exclude. Their documents list it under ``excludes``, as groups of map names."""
    for each in solutions:
        groups = each.document.get("excludes")
        if each.state is SolutionState.APPLIED and isinstance(groups, Sequence) and len(groups) > 1:
            yield Exclusion(each.display_name, tuple(frozenset(map(str, group)) for group in groups))


def check_exclusions(exclusions: Iterable[Exclusion], *, wanted: Sequence[str], live: Iterable[str]) -> None:
    """``wanted`` may run beside ``live`` and each other. Raises: NotAllowed, naming what is to be stopped."""
    live = [each for each in live if each not in wanted]
    for exclusion in exclusions:
        for number, group in enumerate(exclusion.groups):
            ours = [each for each in wanted if each in group]
            others = frozenset[str]().union(*exclusion.groups[:number], *exclusion.groups[number + 1 :]) - group
            beside = [each for each in live if each in others]
            both = [each for each in wanted if each in others]
            if ours and (beside or both):
                raise NotAllowed(_reason(exclusion, ours, beside, both), map=ours[0], excludes=beside or both)


def _reason(exclusion: Exclusion, ours: Sequence[str], beside: Sequence[str], both: Sequence[str]) -> str:
    names = "; ".join(ours)
    if beside:
        return (
            f"{names} may not run beside {'; '.join(beside)}, says the solution {exclusion.solution}. "
            f"Stop first: dualwrite maps stop {' '.join(repr(each) for each in beside)}"
        )
    return (
        f"{names} and {'; '.join(both)} may not run beside each other, says the solution {exclusion.solution}. "
        "Name the maps of one of the two sides."
    )
