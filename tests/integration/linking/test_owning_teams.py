"""What dual-write creates in Dataverse belongs to the team that was chosen: by map, by legal entity, by default."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from link_room import COMPANIES, CURRENCIES, GROUPS, LinkRoom

from dualwrite.environments.hosted.dataverse_seed import ROOT_TEAM_ID, ROOT_UNIT_ID
from dualwrite.environments.port import Create
from dualwrite.errors import NotAllowed, NotFound
from dualwrite.linking.health import HealthCode

AFFIXES = "Name affixes (msdyn_nameaffixes)"


def affix(name: str) -> Create:
    return Create("DirNameAffixEntity", {"Affix": name, "Type": "PersonalPrefix"})


async def team(room: LinkRoom, name: str) -> UUID:
    """A new team of the root business unit."""
    team_id = uuid4()
    await room.dataverse(Create("team", {"teamid": team_id, "name": name, "businessunitid": ROOT_UNIT_ID}))
    return team_id


async def owners(room: LinkRoom, table: str, column: str) -> dict[str, object]:
    """Who owns the rows of a table, by one of their columns."""
    return {str(row[column]): row["owningteam"] for row in await room.linked.rows("dataverse", table)}


async def test_rows_without_a_company_belong_to_the_team_of_the_map_else_to_the_default(link_room: LinkRoom) -> None:
    default, own = await team(link_room, "Everybody"), await team(link_room, "Marketing")
    teams = link_room.desk.owning_teams
    assert (await teams.set_default("everybody", who="tests")).id == default
    await link_room.lifecycle.run([AFFIXES])
    await link_room.finops(affix("Dr"))
    await teams.set_for_map(AFFIXES, str(own), who="tests")
    await link_room.finops(affix("Prof"))
    assert await teams.reset_for_map(AFFIXES, who="tests")
    await link_room.finops(affix("Sir"))
    owned = await owners(link_room, "msdyn_nameaffix", "msdyn_affix")
    assert owned == {"Dr": default, "Prof": own, "Sir": default}
    entries = await link_room.activities("set owning team")
    assert [(each.map, each.details["team"]) for each in entries] == [
        (None, "Everybody"),
        (AFFIXES, "Marketing"),
        (AFFIXES, None),
    ]


async def test_an_initial_sync_gives_rows_to_the_same_teams(link_room: LinkRoom) -> None:
    own = await team(link_room, "Marketing")
    await link_room.finops(affix("Dr"), affix("Prof"))
    await link_room.desk.owning_teams.set_for_map(AFFIXES, "Marketing", who="tests")
    await link_room.lifecycle.run([AFFIXES])
    assert await owners(link_room, "msdyn_nameaffix", "msdyn_affix") == {"Dr": own, "Prof": own}


async def test_the_team_that_a_version_names_comes_before_the_default(link_room: LinkRoom) -> None:
    named = await team(link_room, "Protocol")
    known = await link_room.store.maps.version("main", AFFIXES)
    assert known is not None
    document = f"owning_team: protocol\n{known.document}"
    await link_room.store.maps.save_version(
        "main",
        AFFIXES,
        version="9.0.0.1",
        publisher="tests",
        document=document.replace(known.version, "9.0.0.1"),
        created_by="tests",
    )
    await link_room.store.maps.activate("main", AFFIXES, "9.0.0.1")
    await link_room.lifecycle.run([AFFIXES])
    await link_room.finops(affix("Dr"))
    assert await owners(link_room, "msdyn_nameaffix", "msdyn_affix") == {"Dr": named}


async def test_rows_of_a_legal_entity_belong_to_its_team(link_room: LinkRoom) -> None:
    own = await team(link_room, "Sales US")
    await link_room.lifecycle.run([COMPANIES, GROUPS])
    chosen = await link_room.desk.owning_teams.set_for_legal_entity("USMF", "Sales US", who="tests")
    assert chosen.id == own
    group = {"dataAreaId": "usmf", "CustomerGroupId": "30", "Description": "x"}
    await link_room.finops(Create("CustCustomerGroupEntity", group))
    new = await link_room.linked.row("dataverse", "msdyn_customergroup", msdyn_description="x")
    assert new["owningteam"] == own
    shown = await link_room.desk.owning_teams.show()
    usmf = shown.by_legal_entity["usmf"]
    assert usmf is not None
    assert usmf.name == "Sales US"


async def test_the_default_is_the_team_of_the_root_business_unit_again(link_room: LinkRoom) -> None:
    await team(link_room, "Everybody")
    teams = link_room.desk.owning_teams
    await teams.set_default("Everybody", who="tests")
    back = await teams.reset_default(who="tests")
    assert back is not None
    assert back.id == ROOT_TEAM_ID
    assert (await teams.show()).default == back


async def test_what_cannot_be_chosen_says_why(link_room: LinkRoom) -> None:
    teams = link_room.desk.owning_teams
    with pytest.raises(NotFound, match="Dataverse has no team 'Nobody'"):
        await teams.set_default("Nobody", who="tests")
    for _ in range(2):
        await team(link_room, "Twins")
    with pytest.raises(NotAllowed, match="several teams 'Twins'"):
        await teams.set_default("Twins", who="tests")
    with pytest.raises(NotAllowed, match="belong to the team of their company"):
        await teams.set_for_map(GROUPS, "root", who="tests")
    with pytest.raises(NotFound, match="usrt is not linked"):
        await teams.set_for_legal_entity("usrt", "root", who="tests")


async def test_a_team_that_has_gone_is_a_failed_check(link_room: LinkRoom) -> None:
    await link_room.store.connections.set_owning_team("main", uuid4())
    await link_room.store.owning_teams.set("main", CURRENCIES, uuid4())
    health = await link_room.desk.wizard.check()
    assert [each.code for each in health.errors] == [HealthCode.OWNING_TEAM] * 2
    assert "dualwrite link owning-team set TEAM" in health.errors[0].remedy
