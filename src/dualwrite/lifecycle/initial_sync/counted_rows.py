"""How many rows each side has for the maps of a run, before it begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dualwrite.errors import NotAllowed
from dualwrite.maps.plan import Plan
from dualwrite.metadata.schema import Side
from dualwrite.sync.link import Companies, Pair


def wanted_companies(companies: Companies, wanted: Sequence[str] | None) -> Companies:
    """Those of the linked companies that a run is for. Raises: NotAllowed, for one that is not linked."""
    if wanted is None:
        return companies
    unknown = [each for each in wanted if each.lower() not in companies.by_legal_entity]
    if unknown:
        linked = ", ".join(companies.by_legal_entity) or "none"
        raise NotAllowed(f"{', '.join(unknown)} is not linked. Linked legal entities: {linked}.")
    return Companies(tuple(companies.by_legal_entity[each.lower()] for each in wanted))


async def rows_on_both_sides(
    pair: Pair, plans: Sequence[Plan], companies: Companies
) -> Mapping[str, Mapping[Side, int]]:
    """By map, the rows of its two tables that belong to ``companies``, or to no company where the table has none."""
    counted = {
        Side.FINOPS: await _counted(pair, Side.FINOPS, {each.finops.name for each in plans}),
        Side.DATAVERSE: await _counted(pair, Side.DATAVERSE, {each.dataverse.name for each in plans}),
    }
    words = {Side.FINOPS: frozenset(companies.by_legal_entity), Side.DATAVERSE: frozenset(companies.by_code)}
    return {
        plan.map.name: {
            side: sum(
                rows
                for company, rows in counted[side][_table(plan, side)].items()
                if not plan.company_specific or (company or "").lower() in words[side]
            )
            for side in Side
        }
        for plan in plans
    }


def _table(plan: Plan, side: Side) -> str:
    return plan.finops.name if side is Side.FINOPS else plan.dataverse.name


async def _counted(pair: Pair, side: Side, tables: set[str]) -> Mapping[str, Mapping[str | None, int]]:
    async with pair.side(side).copying() as participant:
        return {table: await participant.count_by_company(table) for table in sorted(tables)}
