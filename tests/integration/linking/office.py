"""An office that has worked in Dataverse for years: rows without a company, before any map has run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from dualwrite.environments.hosted.environment import HostedEnvironment
from dualwrite.environments.port import Create, RowQuery
from dualwrite.linking.bootstrap import CompanyBootstrap
from dualwrite.metadata.values import Row, Value
from dualwrite.store import Store
from linked_pair import CALLER


@dataclass
class Office:
    """The environment, and the assignment of companies in it."""

    dataverse: HostedEnvironment
    store: Store
    bootstrap: CompanyBootstrap

    async def accounts(self, *rows: Mapping[str, Value]) -> Sequence[Row]:
        """New accounts; those that say nothing else are customers without a company."""
        commands = [Create("account", {"customertypecode": 3, **row}) for row in rows]
        return [change.image for change in await self.dataverse.transact(commands, caller=CALLER)]

    async def companies(self) -> Mapping[Value, Value]:
        """The company of each account by its name; None where it has none."""
        codes = {row["cdm_companyid"]: row["cdm_companycode"] for row in await self.rows("cdm_company")}
        return {row["name"]: codes.get(row["msdyn_company"]) for row in await self.rows("account")}

    async def rows(self, table: str) -> Sequence[Row]:
        return (await self.dataverse.read(RowQuery(table))).rows

    async def company(self, code: str) -> Row:
        return next(row for row in await self.rows("cdm_company") if row["cdm_companycode"] == code)

    async def company_id(self, code: str) -> UUID:
        found = (await self.company(code))["cdm_companyid"]
        assert isinstance(found, UUID)
        return found
