"""The steps of linking two environments: choose them, choose legal entities, check, look at the summary, create."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from dualwrite.catalog.maps import STARTER, load_manifests
from dualwrite.errors import NotAllowed
from dualwrite.linking.checking import Subject, check_link
from dualwrite.linking.health import LinkHealth
from dualwrite.linking.legal_entities import few
from dualwrite.linking.link import link_environments
from dualwrite.linking.proposal import LinkProposal, Platforms
from dualwrite.metadata.schema import Side
from dualwrite.store.connections import Connection
from dualwrite.store.database import Store
from dualwrite.store.environments import EnvironmentRecord
from dualwrite.store.failed_actions import told_when_failed
from dualwrite.sync.link import Pair

ApplySolutions: TypeAlias = Callable[[str], Awaitable[object]]
"""Gives the new connection the solutions it starts with; told by whom."""


@dataclass(frozen=True, slots=True)
class EnvironmentChoice:
    """An environment that can be linked. ``connection`` names the link it is part of, if any."""

    record: EnvironmentRecord
    connection: str | None


@dataclass(frozen=True, slots=True)
class LinkSummary:
    """What creating the link would do, and what stands in the way."""

    connection: str
    proposal: LinkProposal
    solutions: tuple[str, ...]
    """By their display names: those that are applied with the link."""
    health: LinkHealth

    def document(self) -> dict[str, object]:
        """As JSON."""
        return {
            "connection": self.connection,
            "finops": self.proposal.finops,
            "dataverse": self.proposal.dataverse,
            "legal_entities": list(self.proposal.legal_entities),
            "solutions": list(self.solutions),
            "health": self.health.document(),
        }


class LinkWizard:
    """Leads to one connection."""

    def __init__(
        self, store: Store, connection: str, pair: Pair, *, platforms: Platforms, apply_solutions: ApplySolutions
    ) -> None:
        self._store = store
        self._connection = connection
        self._pair = pair
        self._platforms = platforms
        self._apply_solutions = apply_solutions

    async def environments(self) -> tuple[EnvironmentChoice, ...]:
        """The environments there are, by name, with the link that each is part of."""
        links = await self._store.connections.list()
        of = {name: each.name for each in links for name in (each.finops_environment, each.dataverse_environment)}
        return tuple(EnvironmentChoice(each, of.get(each.name)) for each in await self._store.environments.list())

    async def proposal(
        self, legal_entities: Sequence[str], *, finops: str | None = None, dataverse: str | None = None
    ) -> LinkProposal:
        """A proposal over the environments that are named, or those that this program serves."""
        return LinkProposal.of(finops or self._pair.finops.name, dataverse or self._pair.dataverse.name, legal_entities)

    async def check(self, proposal: LinkProposal | None = None) -> LinkHealth:
        """The health of a link that is proposed, or of the one there is. Raises: NotFound, when there is none."""
        link = await self._store.connections.get(self._connection)
        if proposal is None:
            link = await self._store.connections.named(self._connection)
            proposal = await self._of(link)
        environments = (proposal.finops, proposal.dataverse)
        ours = (
            link if link is not None and environments == (link.finops_environment, link.dataverse_environment) else None
        )
        subject = Subject(self._store, self._connection, self._pair, self._platforms, proposal, ours)
        return await check_link(subject)

    async def summary(self, proposal: LinkProposal) -> LinkSummary:
        """What :meth:`create` would do. Nothing has changed."""
        names = {each.name: each.display_name for each in load_manifests()}
        there = {each.unique_name for each in await self._store.solutions.list(self._connection)}
        solutions = tuple(names[name] for name in STARTER if name not in there)
        return LinkSummary(self._connection, proposal, solutions, await self.check(proposal))

    async def create(self, proposal: LinkProposal, *, who: str) -> LinkSummary:
        """The environments are linked, and the maps of the starter solutions are at hand; none runs.

        Idempotency: by environments and legal entities. Raises: NotAllowed, with every check that failed.
        """
        async with told_when_failed(self._store, "link environments", who=who):
            return await self._create(proposal, who=who)

    async def _create(self, proposal: LinkProposal, *, who: str) -> LinkSummary:
        summary = await self.summary(proposal)
        if not summary.health.is_sound:
            raise NotAllowed(
                "\n".join(
                    [
                        "The environments cannot be linked:",
                        *(f"  {each.code.value} {each.message} {each.remedy}" for each in summary.health.errors),
                    ]
                ),
                health=summary.health.document(),
            )
        await self._refuse_other_legal_entities(proposal)
        await link_environments(
            self._store, self._pair, self._connection, legal_entities=proposal.legal_entities, who=who
        )
        await self._apply_solutions(who)
        return summary

    async def _refuse_other_legal_entities(self, proposal: LinkProposal) -> None:
        """A link that is there gets more legal entities in its own way, which copies their rows."""
        if await self._store.connections.get(self._connection) is None:
            return
        linked = {str(each.legal_entity) for each in await self._store.connections.companies(self._connection)}
        more = [each for each in proposal.legal_entities if each not in linked]
        if linked and more:
            raise NotAllowed(
                f"The environments are linked already, without {few(more)}. Add them to the link: dualwrite link "
                f"legal-entities add {' '.join(more)}",
                legal_entities=more,
            )

    async def _of(self, link: Connection) -> LinkProposal:
        companies = await self._store.connections.companies(self._connection)
        return LinkProposal.of(
            link.environment(Side.FINOPS), link.environment(Side.DATAVERSE), [each.legal_entity for each in companies]
        )
