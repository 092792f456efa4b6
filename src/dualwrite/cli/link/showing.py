"""``dualwrite link show``: the link there is, and what it holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import typer
from rich.console import RenderableType
from rich.text import Text

from dualwrite.cli.invocation import invocation
from dualwrite.cli.output import grid
from dualwrite.composition.house import CONNECTION, House
from dualwrite.composition.linking import link_desk
from dualwrite.errors import NotFound
from dualwrite.linking.legal_entities import KnownLegalEntity, few
from dualwrite.linking.owning_teams import OwningTeams
from dualwrite.linking.remains import Remains
from dualwrite.store.connections import Connection, FormerConnection
from dualwrite.store.maps import TableMap


@dataclass(frozen=True, slots=True)
class _Standing:
    """The link with everything that is told of it; without one, what it was last."""

    link: Connection | None
    entities: Sequence[KnownLegalEntity] = ()
    teams: OwningTeams | None = None
    remains: Remains | None = None
    maps: Sequence[TableMap] = ()
    former: Sequence[FormerConnection] = ()


def show(context: typer.Context) -> None:
    """Show the link: environments, legal entities, owning teams, and what is running or waiting."""

    async def stands(house: House) -> _Standing:
        desk = link_desk(house)
        former = await house.store.connections.former()
        try:
            link = await desk.link()
        except NotFound:
            return _Standing(None, former=former)
        return _Standing(
            link,
            await desk.legal_entities.list(),
            await desk.owning_teams.show(),
            await desk.ending.remains(),
            await house.store.maps.list(CONNECTION),
            former,
        )

    call = invocation(context)
    standing = call.in_house(stands)
    call.output.show(_standing_document(standing), *_standing_shown(standing))


# --- what is shown --------------------------------------------------------------------------------------------------


def _standing_document(standing: _Standing) -> dict[str, object]:
    link = standing.link
    former = [
        {
            "connection": each.name,
            "finops": each.finops_environment,
            "dataverse": each.dataverse_environment,
            "legal_entities": each.legal_entities,
            "linked_at": each.linked_at,
            "unlinked_at": each.unlinked_at,
            "unlinked_by": each.unlinked_by,
        }
        for each in standing.former
    ]
    if link is None or standing.teams is None or standing.remains is None:
        return {"connection": None, "former": former}
    linked = [each for each in standing.entities if each.linked]
    return {
        "connection": link.name,
        "state": link.state,
        "finops": link.finops_environment,
        "dataverse": link.dataverse_environment,
        "primary": link.primary_side,
        "linked_at": link.created_at,
        "reset_at": link.reset_at,
        "legal_entities": [each.legal_entity for each in linked],
        "awaiting_copy": {each.legal_entity: each.awaited_by for each in linked if each.awaited_by},
        "owning_team": None if standing.teams.default is None else standing.teams.default.name,
        "holds": standing.remains.document(),
        "maps": len(standing.maps),
        "former": former,
    }


def _standing_shown(standing: _Standing) -> Iterator[RenderableType]:
    link = standing.link
    if link is None or standing.teams is None or standing.remains is None:
        yield "Nothing is linked. Begin with: [cyan]dualwrite link check --all[/]"
        for each in standing.former[:1]:
            until = f"{each.unlinked_at:%Y-%m-%d %H:%M}"
            yield Text(f"Until {until} there was {each.name}, unlinked by {each.unlinked_by}.", style="dim")
        return
    entities = [each.legal_entity for each in standing.entities if each.linked]
    remains = standing.remains
    facts = grid("", "")
    facts.show_header = False
    facts.add_row("connection", f"{link.name}, {link.state.value} since {link.created_at:%Y-%m-%d %H:%M}")
    facts.add_row("environments", f"{link.finops_environment} and {link.dataverse_environment}")
    facts.add_row("primary", link.primary_side.value)
    facts.add_row("legal entities", Text(f"{len(entities)}: {few(entities)}"))
    facts.add_row("default owning team", Text(standing.teams.default.name if standing.teams.default else "none"))
    facts.add_row("maps", f"{len(remains.live)} of {len(standing.maps)} are not stopped")
    facts.add_row("waiting", Text(remains.lost or "nothing"))
    yield facts
    waiting = [each for each in standing.entities if each.awaited_by]
    if waiting:
        names = few([each.legal_entity for each in waiting])
        yield Text(f"The rows of {names} have still to be copied: dualwrite link legal-entities copy", style="yellow")
