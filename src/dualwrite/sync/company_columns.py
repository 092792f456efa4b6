"""The company of new rows: the legal entity in finance and operations, the company and its owner team in Dataverse."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from dualwrite.environments.port import Condition, Search, Session
from dualwrite.errors import PartnerRefused
from dualwrite.metadata.schema import Side, Table
from dualwrite.metadata.values import Row, Value, target_entry
from dualwrite.sync.link import COMPANY_CODE, COMPANY_TABLE, Routing

OWNING_TEAM = "cdm_defaultowningteam"
_OWNER = "ownerid"


class CompanyColumns:
    """What a new row of a company holds in one target, each company asked for once."""

    def __init__(self, target: Session) -> None:
        self._target = target
        self._rows: dict[str, Row] = {}

    async def values(
        self, table: Table, company: str | None, *, owning_team: UUID | None = None
    ) -> Mapping[str, Value] | None:
        """The company column of a new row, and in Dataverse its owner: the company's default team.

        ``company`` is in the target's words. A global row has none, and belongs to ``owning_team``, where there is one.
        None when the target has no such company.
        """
        if company is None or table.company_column is None:
            return _owned(table, owning_team) if table.side is Side.DATAVERSE else {}
        if table.side is Side.FINOPS:
            return {table.company_column: company}
        row = await self._row(company)
        if row is None:
            return None
        return {table.company_column: row["cdm_companyid"], **_owned(table, row.get(OWNING_TEAM))}

    async def _row(self, company: str) -> Row | None:
        if company not in self._rows:
            (found,) = await self._target.search(Search(COMPANY_TABLE, (Condition((COMPANY_CODE,)),), ((company,),)))
            if found is None:
                return None
            self._rows[company] = found
        return self._rows[company]


def _owned(table: Table, team: Value) -> Mapping[str, Value]:
    if team is None or _OWNER not in table.by_name:
        return {}
    return {_OWNER: team, target_entry(_OWNER): "team"}


def missing_company(routing: Routing, *, map_name: str, label: str, company: str | None) -> PartnerRefused:
    """The refusal of a new row whose company is not in Dataverse."""
    name = routing.known_maps.get(COMPANY_TABLE, "Legal entities")
    return PartnerRefused(
        f"{map_name}, {label}: company {company} was not found in cdm_companies. Run the {name} map.",
        table=COMPANY_TABLE,
    )
