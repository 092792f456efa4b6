"""What the options of a run make of the maps that are proposed for it: which, in what order, and whose values win."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from dualwrite.cli.map_names import find_map
from dualwrite.errors import NotAllowed, SettingsRefused
from dualwrite.lifecycle.initial_sync.options import MapChoice, Proposal, ProposedMap
from dualwrite.metadata.schema import Side


@dataclass(frozen=True, slots=True)
class Wishes:
    """``related`` None: those that are not running. ``order`` and ``without`` name maps as people do."""

    related: bool | None = None
    order: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    master: Side = Side.FINOPS
    masters: tuple[tuple[str, Side], ...] = ()
    legal_entities: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Arrangement:
    """The maps of a run in order, and the related ones that it does without; those put away on purpose only if
    their rows may be missed."""

    maps: tuple[ProposedMap, ...]
    left_out: tuple[ProposedMap, ...]

    @property
    def choices(self) -> tuple[MapChoice, ...]:
        return tuple(each.choice for each in self.maps)


def arranged(proposal: Proposal, wishes: Wishes, *, known: Sequence[str]) -> Arrangement:
    """The proposal as the options want it; ``known`` are the maps there are.

    Raises: NotAllowed, for a text that names no map, or several, or one that is no part of the run.
    """
    names = [each.choice.name for each in proposal.maps]
    without = {_part(names, known, text) for text in wishes.without}
    masters = {_part(names, known, text): side for text, side in wishes.masters}
    wanted = [each for each in proposal.maps if _is_wanted(each, wishes, {*without}, {*masters})]
    chosen = [
        replace(
            each,
            choice=replace(
                each.choice,
                master=masters.get(each.choice.name, wishes.master),
                legal_entities=wishes.legal_entities,
                enabled=True,
            ),
        )
        for each in wanted
    ]
    order = [_part([each.choice.name for each in chosen], known, text) for text in wishes.order]
    missed = [each for each in proposal.maps if each not in wanted and each.related]
    left_out = [each for each in missed if not each.is_running or each.choice.name not in without]
    return Arrangement(tuple(_in_order(chosen, list(dict.fromkeys(order)))), tuple(left_out))


def _part(names: Sequence[str], known: Sequence[str], text: str) -> str:
    """The map of the run that ``text`` stands for. Raises: NotAllowed."""
    try:
        return find_map(names, text)
    except NotAllowed:
        name = find_map(known, text)
        raise NotAllowed(f"{name} is no part of this run. Name it, too, or leave it out of the options.") from None


def _is_wanted(each: ProposedMap, wishes: Wishes, without: Collection[str], named: Collection[str]) -> bool:
    name = each.choice.name
    if name in without:
        return False
    if not each.related or name in named:
        return True
    return not each.is_running if wishes.related is None else wishes.related


def _in_order(maps: Sequence[ProposedMap], order: Sequence[str]) -> Iterator[ProposedMap]:
    """The named maps take the places that they have among themselves, in the order named; the others stay."""
    by_name = {each.choice.name: each for each in maps}
    named = iter(order)
    for number, each in enumerate(maps, start=1):
        placed = by_name[next(named)] if each.choice.name in order else each
        yield replace(placed, position=number)


def read_masters(texts: Sequence[str]) -> tuple[Side, Mapping[str, Side]]:
    """``dataverse`` for all maps, ``MAP=dataverse`` for one; finance and operations where nothing is said.

    Raises: SettingsRefused.
    """
    everywhere, masters = Side.FINOPS, dict[str, Side]()
    for text in texts:
        name, _, side = text.rpartition("=")
        if name:
            masters[name] = _side(side, text)
        else:
            everywhere = _side(side, text)
    return everywhere, masters


def _side(text: str, whole: str) -> Side:
    try:
        return Side(text.strip().lower())
    except ValueError:
        raise SettingsRefused(
            f"--master {whole}: {text!r} is no side. Write finops or dataverse, for one map MAP=dataverse."
        ) from None
