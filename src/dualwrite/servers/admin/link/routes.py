"""The link: its health, its legal entities, its owning teams, creating and ending it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request

from dualwrite.linking.legal_entities import AddedLegalEntities
from dualwrite.metadata.values import LegalEntityId
from dualwrite.servers.admin.callers import Administrator, Reader
from dualwrite.servers.admin.desk import TheDesk
from dualwrite.servers.admin.link.models import (
    EndAsked,
    Ended,
    EntitiesAdded,
    EntitiesAsked,
    EntitiesRemoved,
    EnvironmentShown,
    FormerLinkShown,
    HealthShown,
    LegalEntityShown,
    LinkAsked,
    LinkShown,
    OwningTeamsShown,
    SummaryShown,
    TeamAsked,
    TeamShown,
)
from dualwrite.servers.admin.model import Name
from dualwrite.servers.admin.operations.models import OperationKind
from dualwrite.servers.admin.operations.standing import PREFIX, operation_id
from dualwrite.servers.admin.paging import A_PAGE, Cursor, Limit, Page, behind, page_of
from dualwrite.servers.admin.problems import refusals

router = APIRouter(tags=["link"])

LegalEntity = Annotated[Name, Path(description="A legal entity's id.", examples=["usmf"])]
MapName = Annotated[Name, Path(description="A map whose rows belong to no company.")]


@router.get("/link", operation_id="showLink")
async def show(caller: Reader, desk: TheDesk) -> LinkShown:
    """The link: its environments, legal entities and owning teams, and what is running or waiting."""
    return LinkShown.of(await desk.link.standing())


@router.get("/link/former", operation_id="listFormerLinks")
async def former(caller: Reader, desk: TheDesk) -> Sequence[FormerLinkShown]:
    """The links that have been taken apart, the latest first."""
    return [FormerLinkShown.model_validate(each) for each in await desk.link.former()]


@router.get("/link/environments", operation_id="listEnvironments")
async def list_environments(caller: Reader, desk: TheDesk) -> Sequence[EnvironmentShown]:
    """The environments there are, with the link that each is part of."""
    return [EnvironmentShown.of(each) for each in await desk.link.wizard.environments()]


@router.get("/link/health", operation_id="checkLink")
async def check_link(caller: Reader, desk: TheDesk) -> HealthShown:
    """The health of the link: everything that was looked at, each with its remedy where something is wrong."""
    return HealthShown.of(await desk.link.wizard.check())


@router.post("/link/summary", operation_id="summarizeLink", responses=refusals(409))
async def summary(caller: Reader, desk: TheDesk, asked: LinkAsked) -> SummaryShown:
    """What creating a link would do, and what stands in the way. Nothing has changed."""
    wizard = desk.link.wizard
    proposal = await wizard.proposal(asked.legal_entities, finops=asked.finops, dataverse=asked.dataverse)
    return SummaryShown.of(await wizard.summary(proposal))


@router.post("/link", operation_id="createLink", responses=refusals(409))
async def create(caller: Administrator, desk: TheDesk, asked: LinkAsked) -> SummaryShown:
    """The environments are linked, and the maps of the starter solutions are at hand; none runs."""
    wizard = desk.link.wizard
    proposal = await wizard.proposal(asked.legal_entities, finops=asked.finops, dataverse=asked.dataverse)
    return SummaryShown.of(await wizard.create(proposal, who=caller.name))


@router.post("/link/reset", operation_id="resetLink", responses=refusals(409))
async def reset(caller: Administrator, desk: TheDesk, asked: EndAsked) -> Ended:
    """No map runs, and it is as if none ever had; environments, legal entities, maps and teams are kept."""
    ended = await desk.link.ending.reset(who=caller.name, forced=asked.forced)
    return Ended.model_validate(ended.document())


@router.post("/link/unlink", operation_id="unlink", responses=refusals(409))
async def unlink(caller: Administrator, desk: TheDesk, asked: EndAsked) -> Ended:
    """There is no link any more: the two environments can be linked anew. Rows stay where they are."""
    ended = await desk.link.ending.unlink(who=caller.name, forced=asked.forced)
    return Ended.model_validate(ended.document())


# --- legal entities ---------------------------------------------------------------------------------------------------


@router.get("/legal-entities", operation_id="listLegalEntities")
async def list_legal_entities(
    request: Request,
    caller: Reader,
    desk: TheDesk,
    linked: Annotated[bool | None, Query(description="Only those that take part, or that do not.")] = None,
    limit: Limit = A_PAGE,
    cursor: Cursor = None,
) -> Page[LegalEntityShown]:
    """Every legal entity there is, and whether it takes part."""
    known = behind(await desk.link.legal_entities.list(), cursor, lambda each: each.legal_entity)
    found = [each for each in known if linked in (None, each.linked)]
    return page_of(request, found, limit, LegalEntityShown.model_validate, lambda each: each.legal_entity)


@router.post("/legal-entities/actions/add", operation_id="addLegalEntities", responses=refusals(409))
async def add(caller: Administrator, desk: TheDesk, asked: EntitiesAsked) -> EntitiesAdded:
    """The legal entities take part at once; their rows are copied for the maps that run."""
    entities = [LegalEntityId(each) for each in asked.legal_entities]
    return _added(await desk.link.legal_entities.add(entities, who=caller.name))


@router.post("/legal-entities/actions/copy", operation_id="copyLegalEntities", responses=refusals(409))
async def copy(caller: Administrator, desk: TheDesk) -> EntitiesAdded:
    """The rows of added legal entities that have waited are copied, for maps that were paused and run again."""
    return _added(await desk.link.legal_entities.copy_awaited(who=caller.name))


def _added(added: AddedLegalEntities) -> EntitiesAdded:
    operation = None
    if added.run is not None:
        operation = f"{PREFIX}/operations/{operation_id(OperationKind.INITIAL_SYNC, added.run)}"
    return EntitiesAdded(added=added.added, operation=operation, awaiting=added.awaiting)


@router.post("/legal-entities/actions/remove", operation_id="removeLegalEntities", responses=refusals(409))
async def remove(caller: Administrator, desk: TheDesk, asked: EntitiesAsked) -> EntitiesRemoved:
    """The legal entities take no part any more; their rows stay on both sides as they are."""
    entities = [LegalEntityId(each) for each in asked.legal_entities]
    return EntitiesRemoved(removed=await desk.link.legal_entities.remove(entities, who=caller.name))


# --- owning teams -----------------------------------------------------------------------------------------------------


@router.get("/owning-teams", operation_id="showOwningTeams")
async def owning_teams(caller: Reader, desk: TheDesk) -> OwningTeamsShown:
    """Who owns what dual-write creates: by legal entity, by map without companies, and by default."""
    return OwningTeamsShown.of(await desk.link.owning_teams.show())


@router.get("/owning-teams/teams", operation_id="listTeams")
async def list_teams(caller: Reader, desk: TheDesk) -> Sequence[TeamShown]:
    """The teams of Dataverse, by name."""
    return [TeamShown.of(each) for each in await desk.link.owning_teams.teams()]


@router.put("/owning-teams/default", operation_id="setDefaultOwningTeam", responses=refusals(409))
async def set_default(caller: Administrator, desk: TheDesk, asked: TeamAsked) -> TeamShown:
    """Rows without a company belong to the team, where their map has none of its own."""
    return TeamShown.of(await desk.link.owning_teams.set_default(asked.team, who=caller.name))


@router.delete("/owning-teams/default", operation_id="resetDefaultOwningTeam", responses=refusals(409))
async def reset_default(caller: Administrator, desk: TheDesk) -> TeamShown | None:
    """Rows without a company belong to the team of the root business unit."""
    found = await desk.link.owning_teams.reset_default(who=caller.name)
    return None if found is None else TeamShown.of(found)


@router.put(
    "/owning-teams/legal-entities/{legal_entity}", operation_id="setOwningTeamOfLegalEntity", responses=refusals(409)
)
async def set_for_legal_entity(
    caller: Administrator, desk: TheDesk, legal_entity: LegalEntity, asked: TeamAsked
) -> TeamShown:
    """New rows of the legal entity belong to the team."""
    return TeamShown.of(await desk.link.owning_teams.set_for_legal_entity(legal_entity, asked.team, who=caller.name))


@router.put("/owning-teams/maps/{map}", operation_id="setOwningTeamOfMap", responses=refusals(409))
async def set_for_map(caller: Administrator, desk: TheDesk, map: MapName, asked: TeamAsked) -> TeamShown:
    """What the map creates belongs to the team, whatever its version says."""
    return TeamShown.of(await desk.link.owning_teams.set_for_map(map, asked.team, who=caller.name))


@router.delete("/owning-teams/maps/{map}", operation_id="resetOwningTeamOfMap", responses=refusals(409))
async def reset_for_map(caller: Administrator, desk: TheDesk, map: MapName) -> OwningTeamsShown:
    """The map has no team of its own any more."""
    await desk.link.owning_teams.reset_for_map(map, who=caller.name)
    return OwningTeamsShown.of(await desk.link.owning_teams.show())
