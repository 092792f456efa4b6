"""Everything that is done with one link, in one place for whoever serves people."""

from __future__ import annotations

from dataclasses import dataclass

from dualwrite.linking.ending import LinkEnding
from dualwrite.linking.legal_entities import LegalEntities
from dualwrite.linking.owning_teams import OwningTeamDesk
from dualwrite.linking.wizard import LinkWizard
from dualwrite.store.connections import Connection
from dualwrite.store.database import Store


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
