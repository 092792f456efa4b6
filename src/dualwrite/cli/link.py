"""``dualwrite link``: connects the two environments for some legal entities."""

from __future__ import annotations

from typing import Annotated

import typer

from dualwrite.cli.invocation import invocation
from dualwrite.composition.house import CONNECTION, House
from dualwrite.linking.link import link_environments
from dualwrite.metadata.values import LegalEntityId
from dualwrite.solutions.starter import apply_starters

_WHO = "local administrator"


def link(
    context: typer.Context,
    legal_entities: Annotated[list[str], typer.Argument(help="Legal entities, such as: usmf demf")],
) -> None:
    """Link both environments for these legal entities; the maps of the starter solutions are at hand, none runs."""
    wanted = [LegalEntityId(each.lower()) for each in legal_entities]

    async def linked(house: House) -> tuple[list[str], int]:
        await link_environments(house.store, house.pair, CONNECTION, legal_entities=wanted, who=_WHO)
        await apply_starters(house.store, CONNECTION, who=_WHO, ensure_tables=house.ensure_tables)
        companies = await house.store.connections.companies(CONNECTION)
        return [each.company_code for each in companies], len(await house.store.maps.list(CONNECTION))

    call = invocation(context)
    companies, maps = call.in_house(linked)
    call.output.show(
        {"connection": CONNECTION, "companies": companies, "maps": maps},
        f"Linked for {', '.join(companies)}. There are {maps} maps; run them with: [cyan]dualwrite maps run --all[/]",
    )
