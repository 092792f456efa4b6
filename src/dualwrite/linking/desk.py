"""Everything that is done with one link, in one place for whoever serves people."""

from __future__ import annotations

from dataclasses import dataclass

from dualwrite.linking.ending import LinkEnding
from dualwrite.linking.legal_entities import KnownLegalEntity, LegalEntities
from dualwrite.linking.owning_teams import OwningTeamDesk, OwningTeams
from dualwrite.linking.remains import Remains
from dualwrite.linking.wizard import LinkWizard
from dualwrite.store.connections import Connection, FormerConnection
from dualwrite.store.database import Store


@dataclass(frozen=True, slots=True)
class Standing:
    """A link with everything that is told of it. ``maps`` counts those it knows, whether they run or not."""

    link: Connection
    legal_entities: tuple[KnownLegalEntity, ...]
    """Those that are linked."""
    teams: OwningTeams
    remains: Remains
    maps: int


@dataclass(frozen=True, slots=True)
class LinkDesk:
    """The services of the connection ``name``."""

    name: str
    store: Store
    wizard: LinkWizard
    legal_entities: LegalEntities
    owning_teams: OwningTeamDesk
    ending: LinkEnding

    async def link(self) -> Connection:
        """The connection as it stands. Raises: NotFound."""
        return await self.store.connections.named(self.name)

    async def standing(self) -> Standing:
        """The link and what it holds. Raises: NotFound, EnvironmentUnavailable."""
        return Standing(
            await self.link(),
            tuple(each for each in await self.legal_entities.list() if each.linked),
            await self.owning_teams.show(),
            await self.ending.remains(),
            len(await self.store.maps.list(self.name)),
        )

    async def former(self) -> tuple[FormerConnection, ...]:
        """The links that have been taken apart, the latest first."""
        return await self.store.connections.former()
