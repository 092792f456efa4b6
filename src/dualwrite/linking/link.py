"""Creating a link between a finance and operations and a Dataverse environment."""

from __future__ import annotations

from collections.abc import Sequence

from dualwrite.environments.port import EnvironmentName, RowQuery
from dualwrite.errors import NotAllowed
from dualwrite.metadata.values import LegalEntityId
from dualwrite.store.database import Store
from dualwrite.sync.link import Pair
from dualwrite.sync.recovery import Recovery

LEGAL_ENTITIES = "OMLegalEntity"


async def link_environments(
    store: Store, pair: Pair, name: str, *, legal_entities: Sequence[LegalEntityId], who: str
) -> None:
    """The two environments are connected for ``legal_entities``, each linked to the company of the same code.

    Idempotency: by name and legal entity. Raises: NotAllowed, for a legal entity that does not exist.
    """
    known = {str(row["LegalEntityId"]).lower() for row in (await pair.finops.read(RowQuery(LEGAL_ENTITIES))).rows}
    for legal_entity in legal_entities:
        if legal_entity.lower() not in known:
            there = ", ".join(sorted(known)) or "none"
            raise NotAllowed(f"There is no legal entity {legal_entity} in {pair.finops.name}; there are: {there}.")
    async with store.transaction() as repositories:
        await repositories.connections.create(
            name,
            finops_environment=EnvironmentName(pair.finops.name),
            dataverse_environment=EnvironmentName(pair.dataverse.name),
        )
        for legal_entity in legal_entities:
            await repositories.connections.add_company(name, legal_entity=legal_entity, company_code=legal_entity)
        details = {"legal_entities": list(legal_entities)}
        await repositories.activity.record("link environments", who=who, result="completed", details=details)
    # Changes routed before the link existed are routed again.
    await Recovery(pair).level()
