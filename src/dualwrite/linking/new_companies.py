"""Companies come before what belongs to them: those of new legal entities are in Dataverse before anything follows."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress

from dualwrite.environments.port import Caller, Create, RowQuery
from dualwrite.errors import RecordRefused
from dualwrite.filters.evaluate import matches
from dualwrite.linking.link import LEGAL_ENTITIES
from dualwrite.maps.execute import transform
from dualwrite.maps.plan import DirectionPlan
from dualwrite.metadata.values import Row
from dualwrite.sync.link import COMPANY_CODE, COMPANY_TABLE, Pair, Routing


async def bring_companies(pair: Pair, routing: Routing, legal_entities: Collection[str], *, who: str) -> int:
    """Dataverse has the companies of these legal entities, as the map of companies makes them; tells how many are new.

    Nothing happens where that map is not live. A company that Dataverse refuses is left to the run that follows, which
    tells of it. Idempotency: by code.
    """
    routes = [
        plan.to_dataverse
        for plan in routing.plans
        if plan.dataverse.name == COMPANY_TABLE and plan.finops.name == LEGAL_ENTITIES and plan.to_dataverse is not None
    ]
    if not routes or not legal_entities:
        return 0
    codes = (await pair.dataverse.read(RowQuery(COMPANY_TABLE, columns=(COMPANY_CODE,)))).rows
    known = {str(row[COMPANY_CODE]).lower() for row in codes}
    brought = 0
    for row in (await pair.finops.read(RowQuery(LEGAL_ENTITIES))).rows:
        entity = str(row["LegalEntityId"]).lower()
        if entity in legal_entities and entity not in known:
            with suppress(RecordRefused):
                brought += await _bring(pair, routes[0], row, who=who)
    return brought


async def _bring(pair: Pair, route: DirectionPlan, row: Row, *, who: str) -> int:
    if route.filter is not None and not matches(route.filter, row):
        return 0
    values = transform(route, row, changed=None, label=str(row["LegalEntityId"])).values
    await pair.dataverse.transact([Create(COMPANY_TABLE, values)], caller=Caller(who))
    return 1
