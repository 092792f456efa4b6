"""Who owns what dual-write creates in Dataverse: by legal entity, by map without companies, and by default."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from dualwrite.environments.port import Caller, RecordKey, RowQuery, Update
from dualwrite.errors import NotAllowed, NotFound
from dualwrite.linking.link import root_team
from dualwrite.linking.states import LinkAction, state_after
from dualwrite.metadata.values import Row
from dualwrite.store.database import Repositories, Store
from dualwrite.sync.company_columns import OWNING_TEAM
from dualwrite.sync.link import COMPANY_CODE, COMPANY_TABLE, Pair
from dualwrite.sync.owning_teams import TEAM_TABLE
from dualwrite.sync.stored_router import StoredRouter

_COMPANY_ID = "cdm_companyid"


@dataclass(frozen=True, slots=True)
class Team:
    """A team of Dataverse. ``name`` is empty for one that has gone."""

    id: UUID
    name: str
    business_unit: str = ""


@dataclass(frozen=True, slots=True)
class OwningTeams:
    """Rows of a company belong to its team; those of a map without companies to the map's team, or the default one.

    A default of None leaves the owner to the environment. ``by_legal_entity`` has None for a legal entity of which
    Dataverse has no company yet.
    """

    default: Team | None
    by_legal_entity: Mapping[str, Team | None]
    by_map: Mapping[str, Team]


class OwningTeamDesk:
    """The owning teams of one connection. New rows get them; rows that are there keep their owner."""

    def __init__(self, store: Store, connection: str, pair: Pair, router: StoredRouter) -> None:
        self._store = store
        self._connection = connection
        self._pair = pair
        self._router = router

    async def teams(self) -> tuple[Team, ...]:
        """The teams of Dataverse, by name. Raises: EnvironmentUnavailable."""
        units = {
            row["businessunitid"]: str(row["name"])
            for row in await self._rows("businessunit", ("businessunitid", "name"))
        }
        rows = await self._rows(TEAM_TABLE, ("teamid", "name", "businessunitid"))
        found = [
            Team(row["teamid"], str(row["name"]), units.get(row["businessunitid"], ""))
            for row in rows
            if isinstance(row["teamid"], UUID)
        ]
        return tuple(sorted(found, key=lambda each: (each.name.casefold(), each.business_unit)))

    async def show(self) -> OwningTeams:
        """Who owns what at this moment. Raises: NotFound, EnvironmentUnavailable."""
        link = await self._store.connections.named(self._connection)
        known = {each.id: each for each in await self.teams()}
        companies = {str(row[COMPANY_CODE]).lower(): row for row in await self._companies()}
        entities: dict[str, Team | None] = {}
        for each in await self._store.connections.companies(self._connection):
            row = companies.get(str(each.company_code).lower())
            entities[str(each.legal_entity)] = None if row is None else _team(known, row[OWNING_TEAM])
        by_map = {
            name: known.get(team, Team(team, ""))
            for name, team in (await self._store.owning_teams.by_map(self._connection)).items()
        }
        return OwningTeams(_team(known, link.owning_team), entities, by_map)

    async def set_default(self, team: str, *, who: str) -> Team:
        """Rows without a company belong to ``team`` (a name or an id), where their map has none of its own.

        Raises: NotFound, NotAllowed for a name that several teams have.
        """
        found = await self.find(team)
        async with self._store.transaction() as repositories:
            await self._may_change(repositories)
            await repositories.connections.set_owning_team(self._connection, found.id)
            await _record(repositories, who, {"team": found.name, "team_id": str(found.id), "of": "default"})
        await self._router.renew()
        return found

    async def reset_default(self, *, who: str) -> Team | None:
        """Rows without a company belong to the team of the root business unit, as documented."""
        found = await root_team(self._pair.dataverse)
        async with self._store.transaction() as repositories:
            await self._may_change(repositories)
            await repositories.connections.set_owning_team(self._connection, found)
            await _record(repositories, who, {"team_id": str(found) if found else None, "of": "default"})
        await self._router.renew()
        known = {each.id: each for each in await self.teams()}
        return _team(known, found)

    async def set_for_legal_entity(self, legal_entity: str, team: str, *, who: str) -> Team:
        """New rows of the legal entity belong to ``team``: it is its company's default owning team in Dataverse.

        Raises: NotFound, NotAllowed, RecordRefused.
        """
        found = await self.find(team)
        links = await self._store.connections.companies(self._connection)
        link = next((each for each in links if str(each.legal_entity).lower() == legal_entity.strip().lower()), None)
        if link is None:
            there = ", ".join(str(each.legal_entity) for each in links) or "none"
            raise NotFound(f"{legal_entity} is not linked. The linked legal entities are: {there}.")
        code = str(link.company_code).lower()
        row = next((row for row in await self._companies() if str(row[COMPANY_CODE]).lower() == code), None)
        if row is None:
            raise NotFound(
                f"Dataverse has no company {code} yet. Run the map of legal entities first; it brings the company, "
                "with a team of its own.",
                legal_entity=legal_entity,
            )
        key = RecordKey(((_COMPANY_ID, row[_COMPANY_ID]),))
        await self._pair.dataverse.transact([Update(COMPANY_TABLE, key, {OWNING_TEAM: found.id})], caller=Caller(who))
        await _record(self._store, who, {"team": found.name, "team_id": str(found.id), "of": str(link.legal_entity)})
        return found

    async def set_for_map(self, map_name: str, team: str, *, who: str) -> Team:
        """What the map without companies creates belongs to ``team``, whatever its version says.

        Raises: NotFound; NotAllowed, for a map whose rows belong to companies.
        """
        found = await self.find(team)
        await self._check_without_companies(map_name)
        async with self._store.transaction() as repositories:
            await self._may_change(repositories)
            await repositories.owning_teams.set(self._connection, map_name, found.id)
            await _record(repositories, who, {"team": found.name, "team_id": str(found.id)}, map=map_name)
        await self._router.renew()
        return found

    async def reset_for_map(self, map_name: str, *, who: str) -> bool:
        """The map has no team of its own; False when it had none. Raises: NotFound, NotAllowed."""
        async with self._store.transaction() as repositories:
            await self._may_change(repositories)
            had = await repositories.owning_teams.remove(self._connection, map_name)
            if had:
                await _record(repositories, who, {"team": None}, map=map_name)
        if had:
            await self._router.renew()
        return had

    async def find(self, team: str) -> Team:
        """The one team that goes by ``team``, a name or an id. Raises: NotFound, NotAllowed when several do."""
        wanted = team.strip().casefold()
        known = await self.teams()
        found = [each for each in known if wanted in (each.name.casefold(), str(each.id))]
        if not found:
            there = ", ".join(each.name for each in known[:10])
            raise NotFound(
                f"Dataverse has no team {team!r}. There are: {there}{', …' if known[10:] else ''}.", team=team
            )
        if len(found) > 1:
            ids = ", ".join(f"{each.id} (in {each.business_unit})" for each in found)
            raise NotAllowed(f"There are several teams {team!r}: {ids}. Name one by its id.", team=team)
        return found[0]

    # --- what is there ------------------------------------------------------------------------------------------------

    async def _rows(self, table: str, columns: tuple[str, ...]) -> Sequence[Row]:
        return (await self._pair.dataverse.read(RowQuery(table, columns=columns))).rows

    async def _companies(self) -> Sequence[Row]:
        return await self._rows(COMPANY_TABLE, (_COMPANY_ID, COMPANY_CODE, OWNING_TEAM))

    async def _may_change(self, repositories: Repositories) -> None:
        await repositories.maps.lock(self._connection)
        state_after(LinkAction.CHANGE, await repositories.connections.named(self._connection, lock=True))

    async def _check_without_companies(self, name: str) -> None:
        stored = await self._store.maps.version(self._connection, name)
        if stored is None:
            raise NotFound(f"There is no map {name!r}. See: dualwrite maps list", map=name)
        await self._router.compiled.refresh()
        head = self._router.compiled.head(stored.document)
        table = (await self._pair.dataverse.current_schema()).find(head.dataverse_table)
        if table is not None and table.is_company_specific:
            raise NotAllowed(
                f"{name}: the rows of {table.name} belong to the team of their company. Choose that instead: dualwrite "
                "link owning-team set TEAM --legal-entity ID",
                map=name,
                table=table.name,
            )


def _team(known: Mapping[UUID, Team], team: object) -> Team | None:
    return known.get(team, Team(team, "")) if isinstance(team, UUID) else None


async def _record(
    repositories: Repositories, who: str, details: Mapping[str, object], *, map: str | None = None
) -> None:
    await repositories.activity.record("set owning team", who=who, result="completed", map=map, details=details)
