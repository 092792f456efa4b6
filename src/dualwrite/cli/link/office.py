"""Where the commands on the link get their work done: in the house of the data folder, or by a program over its API."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from dualwrite.cli.initial_sync.office import SyncOffice
from dualwrite.cli.invocation import Invocation
from dualwrite.linking.desk import Standing
from dualwrite.linking.ending import Ended
from dualwrite.linking.health import LinkHealth
from dualwrite.linking.legal_entities import AddedLegalEntities, KnownLegalEntity
from dualwrite.linking.owning_teams import OwningTeams, Team
from dualwrite.linking.wizard import LinkSummary
from dualwrite.metadata.schema import Side
from dualwrite.store.connections import FormerConnection
from dualwrite.store.environments import EnvironmentKind

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class LinkableEnvironment:
    """An environment that can be linked. ``connection`` names the link it is part of, if any."""

    environment: str
    side: Side
    kind: EnvironmentKind
    url: str
    connection: str | None


class LinkOffice(Protocol):
    """What the commands on the link ask for; see :class:`dualwrite.linking.desk.LinkDesk`."""

    @property
    def runs(self) -> SyncOffice:
        """Where the runs that copy rows are followed."""
        ...

    async def environments(self) -> Sequence[LinkableEnvironment]: ...

    async def legal_entities(self) -> Sequence[KnownLegalEntity]: ...

    async def check(self) -> LinkHealth: ...

    async def summary(self, names: Sequence[str], finops: str | None, dataverse: str | None) -> LinkSummary: ...

    async def create(self, names: Sequence[str], finops: str | None, dataverse: str | None) -> LinkSummary: ...

    async def standing(self) -> Standing | None:
        """The link; None when there is none."""
        ...

    async def former(self) -> Sequence[FormerConnection]: ...

    async def add(self, names: Sequence[str]) -> AddedLegalEntities: ...

    async def copy_pending(self) -> AddedLegalEntities: ...

    async def remove(self, names: Sequence[str]) -> Sequence[str]: ...

    async def reset(self, *, forced: bool) -> Ended: ...

    async def unlink(self, *, forced: bool) -> Ended: ...

    async def owning_teams(self) -> OwningTeams: ...

    async def teams(self) -> Sequence[Team]: ...

    async def set_default_team(self, team: str) -> Team: ...

    async def reset_default_team(self) -> Team | None: ...

    async def set_team_of_legal_entity(self, legal_entity: str, team: str) -> Team: ...

    async def set_team_of_map(self, map_name: str, team: str) -> Team: ...

    async def reset_team_of_map(self, map_name: str) -> None: ...


def at_link_office(call: Invocation, action: Callable[[LinkOffice], Coroutine[Any, Any, T]]) -> T:
    """``action`` is done where the call says."""
    if call.url is not None:
        from dualwrite.cli.link.over_api import ApiLinkOffice

        return call.over_api(lambda api: action(ApiLinkOffice(api)))
    from dualwrite.cli.link.in_house import HouseLinkOffice

    return call.in_house(lambda house: action(HouseLinkOffice(house)))
