"""What every row of a finance and operations environment obeys: it belongs to a legal entity that exists."""

from __future__ import annotations

from collections.abc import Collection

from dualwrite.environments.hosted.rules import Rule, WriteSession
from dualwrite.environments.port import Condition, Search
from dualwrite.errors import ReferenceNotFound
from dualwrite.metadata.schema import Side, Table
from dualwrite.metadata.values import Row, Value

LEGAL_ENTITIES = "OMLegalEntity"
LEGAL_ENTITY_ID = "LegalEntityId"


class KnownLegalEntity:
    """A new row of a company-specific entity names a legal entity of the environment, and names it in lower case."""

    def applies_to(self, table: Table) -> bool:
        return table.side is Side.FINOPS and table.company_column is not None

    def looks_at(self, table: Table, given: Collection[str]) -> tuple[str, ...]:
        return ()

    async def before_write(
        self, session: WriteSession, table: Table, *, before: Row | None, values: dict[str, Value]
    ) -> None:
        column = table.company_column
        if before is not None or column is None:
            return
        company = str(values.get(column) or "").lower()
        values[column] = company
        search = Search(LEGAL_ENTITIES, (Condition((LEGAL_ENTITY_ID,)),), ((company,),))
        if (await session.search(search))[0] is None:
            raise ReferenceNotFound(f"There is no legal entity '{company}'.", table=table.name, column=column)


def finops_rules() -> tuple[Rule, ...]:
    """The rules every finance and operations environment has."""
    return (KnownLegalEntity(),)
