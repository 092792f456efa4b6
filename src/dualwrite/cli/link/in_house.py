"""The commands on the link, done in the house of the data folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dualwrite.cli.initial_sync.in_house import HouseSyncOffice
from dualwrite.cli.initial_sync.office import SyncOffice
from dualwrite.cli.link.office import LinkableEnvironment
from dualwrite.cli.map_choices import WHO
from dualwrite.composition.house import House
from dualwrite.composition.linking import link_desk
from dualwrite.errors import NotFound
from dualwrite.linking.desk import LinkDesk, Standing
from dualwrite.linking.ending import Ended
from dualwrite.linking.health import LinkHealth
from dualwrite.linking.legal_entities import AddedLegalEntities, KnownLegalEntity
from dualwrite.linking.owning_teams import OwningTeams, Team
from dualwrite.linking.wizard import LinkSummary
from dualwrite.metadata.values import LegalEntityId
from dualwrite.store.connections import FormerConnection


@dataclass(frozen=True, slots=True)
class HouseLinkOffice:
    """Implements :class:`dualwrite.cli.link.office.LinkOffice`."""

    house: House

    @property
    def runs(self) -> SyncOffice:
        return HouseSyncOffice(self.house)

    @property
    def _desk(self) -> LinkDesk:
        return link_desk(self.house)

    async def environments(self) -> Sequence[LinkableEnvironment]:
        found = [(each.record, each.connection) for each in await self._desk.wizard.environments()]
        return [LinkableEnvironment(it.name, it.side, it.kind, it.url, connection) for it, connection in found]

    async def legal_entities(self) -> Sequence[KnownLegalEntity]:
        return await self._desk.legal_entities.list()

    async def check(self) -> LinkHealth:
        return await self._desk.wizard.check()

    async def summary(self, names: Sequence[str], finops: str | None, dataverse: str | None) -> LinkSummary:
        wizard = self._desk.wizard
        return await wizard.summary(await wizard.proposal(names, finops=finops, dataverse=dataverse))

    async def create(self, names: Sequence[str], finops: str | None, dataverse: str | None) -> LinkSummary:
        wizard = self._desk.wizard
        return await wizard.create(await wizard.proposal(names, finops=finops, dataverse=dataverse), who=WHO)

    async def standing(self) -> Standing | None:
        try:
            return await self._desk.standing()
        except NotFound:
            return None

    async def former(self) -> Sequence[FormerConnection]:
        return await self._desk.former()

    async def add(self, names: Sequence[str]) -> AddedLegalEntities:
        return await self._desk.legal_entities.add([LegalEntityId(each) for each in names], who=WHO)

    async def copy_pending(self) -> AddedLegalEntities:
        return await self._desk.legal_entities.copy_awaited(who=WHO)

    async def remove(self, names: Sequence[str]) -> Sequence[str]:
        return await self._desk.legal_entities.remove([LegalEntityId(each) for each in names], who=WHO)

    async def reset(self, *, forced: bool) -> Ended:
        return await self._desk.ending.reset(who=WHO, forced=forced)

    async def unlink(self, *, forced: bool) -> Ended:
        return await self._desk.ending.unlink(who=WHO, forced=forced)

    async def owning_teams(self) -> OwningTeams:
        return await self._desk.owning_teams.show()

    async def teams(self) -> Sequence[Team]:
        return await self._desk.owning_teams.teams()

    async def set_default_team(self, team: str) -> Team:
        return await self._desk.owning_teams.set_default(team, who=WHO)

    async def reset_default_team(self) -> Team | None:
        return await self._desk.owning_teams.reset_default(who=WHO)

    async def set_team_of_legal_entity(self, legal_entity: str, team: str) -> Team:
        return await self._desk.owning_teams.set_for_legal_entity(legal_entity, team, who=WHO)

    async def set_team_of_map(self, map_name: str, team: str) -> Team:
        return await self._desk.owning_teams.set_for_map(map_name, team, who=WHO)

    async def reset_team_of_map(self, map_name: str) -> None:
        await self._desk.owning_teams.reset_for_map(map_name, who=WHO)
