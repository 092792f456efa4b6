"""Creating a link between a finance and operations and a Dataverse environment."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from dualwrite.environments.port import Environment, EnvironmentName, LegalEntityLink, RowQuery
from dualwrite.errors import NotFound
from dualwrite.metadata.values import CompanyCode, LegalEntityId, Row
from dualwrite.store.database import Store
from dualwrite.sync.link import Pair
from dualwrite.sync.owning_teams import TEAM_TABLE
from dualwrite.sync.recovery import Recovery

LEGAL_ENTITIES = "OMLegalEntity"
_BUSINESS_UNITS = "businessunit"


async def link_environments(
    store: Store, pair: Pair, name: str, *, legal_entities: Sequence[LegalEntityId], who: str
) -> None:
    """The two environments are connected for ``legal_entities``, each linked to the company of the same code.

    Rows without a company belong to the team of the root business unit from now on.

    Idempotency: by name and legal entity. Raises: NotAllowed, when one of them is connected otherwise already;
    NotFound, for a legal entity that does not exist.
    """
    links = await links_of(pair, legal_entities)
    team = await root_team(pair.dataverse)
    async with store.transaction() as repositories:
        link = await repositories.connections.create(
            name,
            finops_environment=EnvironmentName(pair.finops.name),
            dataverse_environment=EnvironmentName(pair.dataverse.name),
        )
        await repositories.maps.lock(name)
        if link.owning_team is None:
            await repositories.connections.set_owning_team(name, team)
        await repositories.connections.add_companies(name, links)
        details = {"legal_entities": [str(each.legal_entity) for each in links]}
        await repositories.activity.record("link environments", who=who, result="completed", details=details)
    # Changes routed before the link existed are routed again.
    await Recovery(pair).level()


async def known_legal_entities(finops: Environment) -> Sequence[Row]:
    """The legal entities of finance and operations, by their ids."""
    rows = (await finops.read(RowQuery(LEGAL_ENTITIES, columns=("LegalEntityId", "Name")))).rows
    return sorted(rows, key=lambda row: str(row["LegalEntityId"]).lower())


async def links_of(pair: Pair, legal_entities: Sequence[LegalEntityId]) -> tuple[LegalEntityLink, ...]:
    """Each legal entity with the company of the same code, once. Raises: NotFound, naming those that do not exist."""
    known = {str(row["LegalEntityId"]).lower() for row in await known_legal_entities(pair.finops)}
    wanted = tuple(dict.fromkeys(each.strip().lower() for each in legal_entities))
    unknown = [each for each in wanted if each not in known]
    if unknown:
        there = ", ".join(sorted(known)) or "none"
        raise NotFound(
            f"There is no legal entity {', '.join(unknown)} in {pair.finops.name}; there are: {there}.",
            legal_entities=unknown,
        )
    return tuple(LegalEntityLink(LegalEntityId(each), CompanyCode(each)) for each in wanted)


async def root_team(dataverse: Environment) -> UUID | None:
    """The default team of the root business unit; None in an environment that has none."""
    if any(dataverse.schema.find(name) is None for name in (_BUSINESS_UNITS, TEAM_TABLE)):
        return None
    units = (
        await dataverse.read(RowQuery(_BUSINESS_UNITS, columns=("businessunitid", "name", "parentbusinessunitid")))
    ).rows
    roots = {row["businessunitid"]: row["name"] for row in units if row["parentbusinessunitid"] is None}
    columns = ("teamid", "name", "businessunitid", "isdefault")
    teams = (await dataverse.read(RowQuery(TEAM_TABLE, columns=columns))).rows
    own = [row for row in teams if row["businessunitid"] in roots]
    default = [row for row in own if row["isdefault"]] or [
        row for row in own if row["name"] == roots[row["businessunitid"]]
    ]
    found = default[0]["teamid"] if default else None
    return found if isinstance(found, UUID) else None
