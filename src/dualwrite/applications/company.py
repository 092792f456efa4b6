"""The company concept in Dataverse: each company has a business unit and an owner team, and its rows belong to that
team.

The company row is written by the Legal entities map. Here it gets what the documented plug-in gives it: a business
unit of the same name,
a team in it called ``<company> (dual-write)``, and that team as default owning team.
"""

from __future__ import annotations

from collections.abc import Collection

from dualwrite.environments.hosted.dataverse_seed import ROOT_UNIT_ID
from dualwrite.environments.hosted.rules import WriteSession
from dualwrite.environments.hosted.validation import refuse
from dualwrite.environments.port import Condition, Create, Search
from dualwrite.errors import ValueProblem
from dualwrite.metadata.schema import Side, Table
from dualwrite.metadata.values import Row, Value

TABLE = "cdm_company"
CODE = "cdm_companycode"
OWNING_TEAM = "cdm_defaultowningteam"


class OwnerTeam:
    """A company row always has a business unit of its name and a default owning team in it."""

    def applies_to(self, table: Table) -> bool:
        return table.side is Side.DATAVERSE and table.name == TABLE and OWNING_TEAM in table.by_name

    def looks_at(self, table: Table, given: Collection[str]) -> tuple[str, ...]:
        return ()

    async def before_write(
        self, session: WriteSession, table: Table, *, before: Row | None, values: dict[str, Value]
    ) -> None:
        if before is not None:
            if OWNING_TEAM in values and values[OWNING_TEAM] is None:
                reason = "the default owning team can be changed, not emptied"
                raise refuse(table, table.column(OWNING_TEAM), ValueProblem.REQUIRED, reason)
            return
        code = values.get(CODE)
        if values.get(OWNING_TEAM) is not None or not isinstance(code, str):
            return
        unit = await _find_or_create(session, "businessunit", {"name": code, "parentbusinessunitid": ROOT_UNIT_ID})
        team = await _find_or_create(session, "team", {"name": f"{code} (dual-write)", "businessunitid": unit})
        values[OWNING_TEAM] = team


async def _find_or_create(session: WriteSession, table: str, values: dict[str, Value]) -> Value:
    key = session.primary_key(table)
    found = (await session.search(Search(table, (Condition(("name",)),), ((values["name"],),))))[0]
    if found is not None:
        return found[key]
    return (await session.execute([Create(table, values)]))[0].image[key]
