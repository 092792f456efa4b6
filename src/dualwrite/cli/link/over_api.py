"""The commands on the link, done by a program over its API."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from pydantic import TypeAdapter

from dualwrite.cli.api import Api, Document
from dualwrite.cli.initial_sync.office import SyncOffice
from dualwrite.cli.initial_sync.over_api import ApiSyncOffice
from dualwrite.cli.link.office import LinkableEnvironment
from dualwrite.environments.port import EnvironmentName
from dualwrite.errors import NotFound
from dualwrite.linking.desk import Standing
from dualwrite.linking.ending import Ended
from dualwrite.linking.health import Check, HealthCode, LinkHealth, Severity
from dualwrite.linking.legal_entities import AddedLegalEntities, KnownLegalEntity
from dualwrite.linking.owning_teams import OwningTeams, Team
from dualwrite.linking.proposal import LinkProposal
from dualwrite.linking.remains import Remains
from dualwrite.linking.wizard import LinkSummary
from dualwrite.metadata.schema import Side
from dualwrite.store.connections import Connection, FormerConnection, LinkState
from dualwrite.store.environments import EnvironmentKind
from dualwrite.store.initial_syncs import RunId

_ENTITY = TypeAdapter(KnownLegalEntity)
_TEAM = TypeAdapter(Team)
_TEAMS = TypeAdapter(OwningTeams)
_REMAINS = TypeAdapter(Remains)
_FORMER = TypeAdapter(FormerConnection)
_CONNECTION = TypeAdapter(Connection)
_RUN: TypeAdapter[RunId] = TypeAdapter(RunId)
_TEAM_OF = "/owning-teams"


@dataclass(frozen=True, slots=True)
class ApiLinkOffice:
    """Implements :class:`dualwrite.cli.link.office.LinkOffice`."""

    api: Api

    @property
    def runs(self) -> SyncOffice:
        return ApiSyncOffice(self.api)

    async def environments(self) -> Sequence[LinkableEnvironment]:
        return [
            LinkableEnvironment(
                each["name"], Side(each["side"]), EnvironmentKind(each["kind"]), each["url"], each["connection"]
            )
            for each in await self.api.get("/link/environments")
        ]

    async def legal_entities(self) -> Sequence[KnownLegalEntity]:
        return [_ENTITY.validate_python(each) for each in await self.api.items("/legal-entities", {"limit": 1000})]

    async def check(self) -> LinkHealth:
        return _health(await self.api.get("/link/health"))

    async def summary(self, names: Sequence[str], finops: str | None, dataverse: str | None) -> LinkSummary:
        return _summary(await self.api.post("/link/summary", _proposed(names, finops, dataverse)))

    async def create(self, names: Sequence[str], finops: str | None, dataverse: str | None) -> LinkSummary:
        return _summary(await self.api.post("/link", _proposed(names, finops, dataverse)))

    async def standing(self) -> Standing | None:
        try:
            return _standing(await self.api.get("/link"))
        except NotFound:
            return None

    async def former(self) -> Sequence[FormerConnection]:
        return [_FORMER.validate_python(each) for each in await self.api.get("/link/former")]

    async def add(self, names: Sequence[str]) -> AddedLegalEntities:
        return _added(await self.api.post("/legal-entities/actions/add", {"legal_entities": list(names)}))

    async def copy_pending(self) -> AddedLegalEntities:
        return _added(await self.api.post("/legal-entities/actions/copy"))

    async def remove(self, names: Sequence[str]) -> Sequence[str]:
        told = await self.api.post("/legal-entities/actions/remove", {"legal_entities": list(names)})
        return [str(each) for each in told["removed"]]

    async def reset(self, *, forced: bool) -> Ended:
        return _ended(await self.api.post("/link/reset", {"forced": forced}))

    async def unlink(self, *, forced: bool) -> Ended:
        return _ended(await self.api.post("/link/unlink", {"forced": forced}))

    async def owning_teams(self) -> OwningTeams:
        return _TEAMS.validate_python(await self.api.get(_TEAM_OF))

    async def teams(self) -> Sequence[Team]:
        return [_TEAM.validate_python(each) for each in await self.api.get(f"{_TEAM_OF}/teams")]

    async def set_default_team(self, team: str) -> Team:
        return _TEAM.validate_python(await self.api.put(f"{_TEAM_OF}/default", {"team": team}))

    async def reset_default_team(self) -> Team | None:
        told = await self.api.delete(f"{_TEAM_OF}/default")
        return None if told is None else _TEAM.validate_python(told)

    async def set_team_of_legal_entity(self, legal_entity: str, team: str) -> Team:
        path = f"{_TEAM_OF}/legal-entities/{quote(legal_entity, safe='')}"
        return _TEAM.validate_python(await self.api.put(path, {"team": team}))

    async def set_team_of_map(self, map_name: str, team: str) -> Team:
        path = f"{_TEAM_OF}/maps/{quote(map_name, safe='')}"
        return _TEAM.validate_python(await self.api.put(path, {"team": team}))

    async def reset_team_of_map(self, map_name: str) -> None:
        await self.api.delete(f"{_TEAM_OF}/maps/{quote(map_name, safe='')}")


def _proposed(names: Sequence[str], finops: str | None, dataverse: str | None) -> Document:
    return {"legal_entities": list(names), "finops": finops, "dataverse": dataverse}


def _health(told: Document) -> LinkHealth:
    return LinkHealth(
        tuple(
            Check(HealthCode(each["code"]), Severity(each["severity"]), each["message"], each["remedy"])
            for each in told["checks"]
        )
    )


def _summary(told: Document) -> LinkSummary:
    proposal = LinkProposal.of(told["finops"], told["dataverse"], told["legal_entities"])
    return LinkSummary(told["connection"], proposal, tuple(told["solutions"]), _health(told["health"]))


def _standing(told: Document) -> Standing:
    link = _CONNECTION.validate_python(
        {
            "name": told["name"],
            "finops_environment": EnvironmentName(told["finops"]),
            "dataverse_environment": EnvironmentName(told["dataverse"]),
            "primary_side": Side(told["primary"]),
            "created_at": told["linked_at"],
            "state": LinkState(told["state"]),
            "reset_at": told["reset_at"],
        }
    )
    entities = tuple(_ENTITY.validate_python(each) for each in told["legal_entities"])
    teams, remains = _TEAMS.validate_python(told["owning_teams"]), _REMAINS.validate_python(told["remains"])
    return Standing(link, entities, teams, remains, int(told["maps"]))


def _added(told: Document) -> AddedLegalEntities:
    operation = told["operation"]
    run = None if operation is None else _RUN.validate_python(operation.rpartition(".")[2])
    return AddedLegalEntities(tuple(told["added"]), run, tuple(told["awaiting"]))


def _ended(told: Document) -> Ended:
    found = told["found"]
    remains = Remains(
        live=tuple(found["maps"]),
        runs=int(found["initial_syncs"]),
        queued_transactions=int(found["queued_transactions"]),
        queued_records=int(found["queued_records"]),
        open_errors=int(found["open_errors"]),
        unknown=tuple(found["not_answering"]),
    )
    cancelled, forgotten = int(told["initial_syncs_cancelled"]), int(told["initial_syncs_forgotten"])
    return Ended(remains, cancelled, forgotten, given_up=int(told["made_errors"]), discarded=int(told["discarded"]))
