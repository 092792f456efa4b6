"""What a run is asked to cover, and what is proposed for it."""

from __future__ import annotations

from dataclasses import dataclass

from dualwrite.metadata.schema import Side
from dualwrite.store.initial_syncs import OnRefusals


@dataclass(frozen=True, slots=True)
class MapChoice:
    """A map of a run: whose values win, and for which legal entities (None: all that are linked)."""

    name: str
    master: Side = Side.FINOPS
    legal_entities: tuple[str, ...] | None = None
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class RunOptions:
    """``in_order`` keeps the maps in the order given; otherwise they are put into the order of their dependencies.

    ``include_related`` adds the maps that fill the tables which the chosen ones look up; they have the master of the
    first map chosen and its legal entities.
    """

    maps: tuple[MapChoice, ...]
    who: str
    include_related: bool = False
    in_order: bool = False
    on_refusals: OnRefusals = OnRefusals.GO_LIVE


@dataclass(frozen=True, slots=True)
class ProposedMap:
    """A map in the order in which it would be copied.

    ``related`` was not chosen. ``needed_by`` names the chosen maps that look up its rows. ``is_included`` tells
    whether the run would cover it: a related map that is not included, and is not running, may get rows refused.
    """

    choice: MapChoice
    position: int
    related: bool
    needed_by: tuple[str, ...]
    is_included: bool
    is_running: bool


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a run would do, in order."""

    maps: tuple[ProposedMap, ...]

    @property
    def included(self) -> tuple[MapChoice, ...]:
        return tuple(each.choice for each in self.maps if each.is_included)
