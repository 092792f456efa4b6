"""Who owns the rows that maps without companies create in Dataverse.

The team chosen for the map on this connection comes first, then the team that the map's version names, then the
default owning team of the connection.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from dualwrite.environments.port import Environment, RowQuery
from dualwrite.maps.plan import Plan
from dualwrite.store.database import Repositories

TEAM_TABLE = "team"


async def owning_teams(
    repositories: Repositories, connection: str, dataverse: Environment, plans: Sequence[Plan]
) -> Mapping[str, UUID]:
    """The team that owns what each map without companies creates, by map; without one, the environment decides.

    Raises: EnvironmentUnavailable.
    """
    known = await repositories.connections.get(connection)
    default = None if known is None else known.owning_team
    chosen = await repositories.owning_teams.by_map(connection)
    wanted = [each for each in plans if each.to_dataverse is not None and not each.company_specific]
    named = {
        each.map.name: each.map.owning_team
        for each in wanted
        if each.map.owning_team is not None and each.map.name not in chosen
    }
    ids = await team_ids(dataverse, set(named.values())) if named else {}
    found = {each.map.name: chosen.get(each.map.name) or ids.get(named.get(each.map.name, "")) for each in wanted}
    teams = {name: team or default for name, team in found.items()}
    return {name: team for name, team in teams.items() if team is not None}


async def team_ids(dataverse: Environment, names: Collection[str]) -> Mapping[str, UUID]:
    """The teams that go by these names or ids, without regard to case; a name that several have stands for none."""
    if dataverse.schema.find(TEAM_TABLE) is None:
        return {}
    found: dict[str, set[UUID]] = {}
    for row in (await dataverse.read(RowQuery(TEAM_TABLE, columns=("teamid", "name")))).rows:
        team = row["teamid"]
        if isinstance(team, UUID):
            for spelling in (str(row["name"]).casefold(), str(team)):
                found.setdefault(spelling, set()).add(team)
    wanted = {name: found.get(name.strip().casefold(), set()) for name in names}
    return {name: next(iter(teams)) for name, teams in wanted.items() if len(teams) == 1}
