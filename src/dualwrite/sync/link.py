"""What is linked: two environments, their companies, the plans of the maps that run, and the epoch all of that
holds for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol
from uuid import UUID

from dualwrite.environments.bulk import BulkEnvironment
from dualwrite.environments.port import Environment, EnvironmentName, Epoch, LegalEntityLink
from dualwrite.filters.columns import columns_of
from dualwrite.maps.plan import DirectionPlan, Plan
from dualwrite.maps.values import Direction
from dualwrite.metadata.schema import Side, Table
from dualwrite.metadata.values import target_entry
from dualwrite.sync.availability import Availabilities, Availability
from dualwrite.sync.steps import Watching
from dualwrite.sync.turns import Turns

COMPANY_TABLE = "cdm_company"
COMPANY_CODE = "cdm_companycode"
_COMPANY_IDENTITY = frozenset({COMPANY_CODE, "LegalEntityId"})


def direction_from(side: Side) -> Direction:
    """The way a change of that side goes."""
    return Direction.TO_DATAVERSE if side is Side.FINOPS else Direction.TO_FINOPS


@dataclass(frozen=True, slots=True)
class Pair:
    """The two environments of a connection."""

    finops: BulkEnvironment
    dataverse: BulkEnvironment
    turns: Turns = field(default_factory=Turns)
    availabilities: Availabilities = field(default_factory=Availabilities)
    watching: Watching = field(default_factory=Watching)

    def availability(self, environment: Environment) -> Availability:
        """Whether that one of the two answers, and who is let through to it."""
        return self.availabilities.of(environment.name)

    def side(self, side: Side) -> BulkEnvironment:
        return self.finops if side is Side.FINOPS else self.dataverse


@dataclass(frozen=True)
class Companies:
    """The linked legal entities, found from either side without regard to case."""

    links: tuple[LegalEntityLink, ...]

    @cached_property
    def by_legal_entity(self) -> Mapping[str, LegalEntityLink]:
        return {link.legal_entity.lower(): link for link in self.links}

    @cached_property
    def by_code(self) -> Mapping[str, LegalEntityLink]:
        return {link.company_code.lower(): link for link in self.links}


@dataclass(frozen=True)
class Routing:
    """Which map a change passes through. Holds for one epoch: a change of maps or companies raises it."""

    epoch: Epoch
    plans: tuple[Plan, ...]
    companies: Companies
    known_maps: Mapping[str, str] = field(default_factory=dict)
    """Dataverse table to the name of the map that fills it, running or not: for refusals that tell the way out."""
    copying: frozenset[str] = frozenset()
    """The tables of both sides that an initial sync may be copying: live changes pass their gates."""
    queueing: frozenset[str] = frozenset()
    """The maps whose changes wait in the queue."""
    held: frozenset[str] = frozenset()
    """Those of them whose changes are refused for the moment: the last ones in the queue are being replayed."""
    blocked: Mapping[str, str] = field(default_factory=dict)
    """The maps whose changes are refused until somebody acts, with the reason."""
    asynchronous: Mapping[str, str] = field(default_factory=dict)
    """The maps, queueing too, whose creates and updates an integration job moves; with the name of the job."""
    away: frozenset[EnvironmentName] = frozenset()
    """The environments that did not answer when this was read; the epoch is that of the other one."""
    owning_teams: Mapping[str, UUID] = field(default_factory=dict)
    """By map without companies, the Dataverse team that owns the rows it creates."""

    @cached_property
    def _by_source(self) -> Mapping[tuple[Side, str], tuple[tuple[Plan, DirectionPlan], ...]]:
        found: dict[tuple[Side, str], tuple[tuple[Plan, DirectionPlan], ...]] = {}
        for plan in self.plans:
            for direction in (plan.to_dataverse, plan.to_finops):
                if direction is not None:
                    key = (direction.source.side, direction.source.name)
                    found[key] = (*found.get(key, ()), (plan, direction))
        return found

    def routes(self, side: Side, table: str) -> Sequence[tuple[Plan, DirectionPlan]]:
        """The running maps that carry changes of ``table`` away from ``side``."""
        return self._by_source.get((side, table), ())

    def needs(self, table: Table, written: frozenset[str]) -> frozenset[str]:
        """The columns of a row of ``table`` that the maps look at when its columns ``written`` are updated.

        Those are key, filter, company, and what is mapped together with them. A row that enters a map is read whole.
        """
        known = self._needs.get((table.name, written))
        if known is None:
            known = self._needs[table.name, written] = frozenset(self._looked_at(table, written))
        return known

    @cached_property
    def _needs(self) -> dict[tuple[str, frozenset[str]], frozenset[str]]:
        return {}

    def _looked_at(self, table: Table, written: frozenset[str]) -> Iterator[str]:
        if table.company_column is not None:
            yield table.company_column
        if table.primary_name is not None:
            yield table.primary_name
        for plan, route in self.routes(table.side, table.name):
            paths = [part.source_path for part in route.key]
            paths += [each.parts for each in columns_of(route.filter)] if route.filter is not None else []
            affected = [each for name in written for each in route.by_source.get(name, ())]
            names = {path[0] for path in paths}.union(*(each.source_columns for each in affected))
            for name in names:
                yield name
                if table.column(name).is_polymorphic:
                    yield target_entry(name)
            if plan.dataverse.name == COMPANY_TABLE:
                yield from (column.name for column in table.columns if column.name in _COMPANY_IDENTITY)

    @cached_property
    def ranks(self) -> Mapping[str, int]:
        """Per target table of any plan: tables that are looked up come before those that look them up."""
        return rank_tables(self.plans)


def rank_tables(plans: Sequence[Plan]) -> Mapping[str, int]:
    """Dependency order over the tables of both sides, by map: a map whose Dataverse table is looked up goes first.

    Cycles (a primary contact and its account) are cut where they close; what they leave open is filled in a second
    pass.
    """
    looked_up: dict[str, set[str]] = {}
    for plan in plans:
        if plan.to_dataverse is not None:
            looked_up.setdefault(plan.dataverse.name, set()).update(plan.to_dataverse.lookup_tables)
    ranks: dict[str, int] = {}
    open_tables: list[str] = []

    def visit(table: str) -> None:
        if table in ranks or table in open_tables:
            return
        open_tables.append(table)
        for other in sorted(looked_up.get(table, ())):
            if other in looked_up:
                visit(other)
        open_tables.pop()
        ranks[table] = len(ranks)

    for plan in plans:
        visit(plan.dataverse.name)
    for plan in plans:
        ranks[plan.finops.name] = ranks[plan.dataverse.name]
    return ranks


class Router(Protocol):
    """Where the engine learns what is linked and running."""

    async def current(self) -> Routing:
        """The routing, read again when it has expired."""
        ...

    def expire(self) -> None:
        """The routing is to be read again before the next change."""
        ...
