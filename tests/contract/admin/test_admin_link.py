"""The link over the API, as the command line asks for it there: the same answers as in the house itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import httpx
import pytest
from admin_room import GROUPS, AdminRoom

from dualwrite.cli.api import Api
from dualwrite.cli.link.over_api import ApiLinkOffice
from dualwrite.environments.hosted.dataverse_seed import ROOT_UNIT_ID
from dualwrite.environments.port import Create
from dualwrite.errors import NotAllowed, NotFound
from dualwrite.linking.health import HealthCode
from dualwrite.store.connections import LinkState
from linked_pair import CALLER

COMPANIES = "Legal entities (cdm_companies)"
AFFIXES = "Name affixes (msdyn_nameaffixes)"


@pytest.fixture
async def office(room: AdminRoom) -> AsyncIterator[ApiLinkOffice]:
    """The command line at work over the API, as an administrator."""
    async with room.served() as address, httpx.AsyncClient(timeout=60, trust_env=False) as client:
        client.headers["Authorization"] = "Bearer administrator"
        yield ApiLinkOffice(Api(address.removesuffix("/api/v1"), client))


async def team(room: AdminRoom, name: str) -> UUID:
    team_id = uuid4()
    row = {"teamid": team_id, "name": name, "businessunitid": ROOT_UNIT_ID}
    await room.linked.dataverse.transact([Create("team", row)], caller=CALLER)
    return team_id


async def test_the_link_is_told_as_it_stands(office: ApiLinkOffice, room: AdminRoom) -> None:
    assert await office.standing() == await room.link.standing()
    assert await office.legal_entities() == list(await room.link.legal_entities.list())
    assert (await office.check()).checks == (await room.link.wizard.check()).checks
    assert [each.connection for each in await office.environments()] == ["main", "main"]


async def test_legal_entities_come_and_go(office: ApiLinkOffice, room: AdminRoom) -> None:
    await room.lifecycle("tests").run([COMPANIES, GROUPS])
    added = await office.add(["usrt"])
    assert added.added == ("usrt",)
    assert added.run is not None
    report = await office.runs.reports.report(added.run)
    assert [each.map for each in report.maps] == [COMPANIES, GROUPS]
    assert (await office.copy_pending()).run is None
    assert await office.remove(["demf"]) == ["demf"]
    with pytest.raises(NotFound, match="There is no legal entity nowhere"):
        await office.add(["nowhere"])


async def test_owning_teams_are_chosen(office: ApiLinkOffice, room: AdminRoom) -> None:
    own = await team(room, "Marketing")
    assert (await office.set_team_of_map(AFFIXES, "Marketing")).id == own
    assert (await office.set_default_team("marketing")).id == own
    assert (await office.set_team_of_legal_entity("usmf", "Marketing")).id == own
    teams = await office.owning_teams()
    assert teams == await room.link.owning_teams.show()
    assert teams.by_map[AFFIXES].name == "Marketing"
    await office.reset_team_of_map(AFFIXES)
    root = await office.reset_default_team()
    assert root is not None
    assert root.name == "root"
    assert "Marketing" in [each.name for each in await office.teams()]


async def test_a_link_is_reset_unlinked_and_created(office: ApiLinkOffice, room: AdminRoom) -> None:
    await room.lifecycle("tests").run([COMPANIES, GROUPS])
    with pytest.raises(NotAllowed, match="not stopped"):
        await office.reset(forced=False)
    ended = await office.reset(forced=True)
    assert ended.remains.live == (COMPANIES, GROUPS)
    await office.unlink(forced=False)
    assert await office.standing() is None
    assert [each.legal_entities for each in await office.former()] == [("demf", "usmf")]
    summary = await office.summary(["usmf", "nowhere"], None, None)
    assert [each.code for each in summary.health.errors] == [HealthCode.LEGAL_ENTITIES]
    created = await office.create(["usmf"], None, None)
    assert created.solutions
    standing = await office.standing()
    assert standing is not None
    assert (standing.link.state, [each.legal_entity for each in standing.legal_entities]) == (
        LinkState.LINKED,
        ["usmf"],
    )
