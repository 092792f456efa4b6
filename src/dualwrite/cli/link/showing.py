"""``dualwrite link show``: the link there is, and what it holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict

import typer
from rich.console import RenderableType
from rich.text import Text

from dualwrite.cli.invocation import invocation
from dualwrite.cli.link.office import LinkOffice, at_link_office
from dualwrite.cli.output import grid
from dualwrite.linking.desk import Standing
from dualwrite.linking.legal_entities import few
from dualwrite.store.connections import FormerConnection


def show(context: typer.Context) -> None:
    """Show the link: environments, legal entities, owning teams, and what is running or waiting."""

    async def stands(office: LinkOffice) -> tuple[Standing | None, Sequence[FormerConnection]]:
        return await office.standing(), await office.former()

    call = invocation(context)
    standing, former = at_link_office(call, stands)
    call.output.show(_document(standing, former), *_shown(standing, former))


# --- what is shown --------------------------------------------------------------------------------------------------


def _document(standing: Standing | None, former: Sequence[FormerConnection]) -> dict[str, object]:
    before = [asdict(each) for each in former]
    if standing is None:
        return {"connection": None, "former": before}
    link = standing.link
    return {
        "connection": link.name,
        "state": link.state,
        "finops": link.finops_environment,
        "dataverse": link.dataverse_environment,
        "primary": link.primary_side,
        "linked_at": link.created_at,
        "reset_at": link.reset_at,
        "legal_entities": [each.legal_entity for each in standing.legal_entities],
        "awaiting_copy": {each.legal_entity: each.awaited_by for each in standing.legal_entities if each.awaited_by},
        "owning_team": None if standing.teams.default is None else standing.teams.default.name,
        "holds": standing.remains.document(),
        "maps": standing.maps,
        "former": before,
    }


def _shown(standing: Standing | None, former: Sequence[FormerConnection]) -> Iterator[RenderableType]:
    if standing is None:
        yield "Nothing is linked. Begin with: [cyan]dualwrite link check --all[/]"
        for each in former[:1]:
            until = f"{each.unlinked_at:%Y-%m-%d %H:%M}"
            yield Text(f"Until {until} there was {each.name}, unlinked by {each.unlinked_by}.", style="dim")
        return
    link, remains = standing.link, standing.remains
    entities = [each.legal_entity for each in standing.legal_entities]
    facts = grid("", "")
    facts.show_header = False
    facts.add_row("connection", f"{link.name}, {link.state.value} since {link.created_at:%Y-%m-%d %H:%M}")
    facts.add_row("environments", f"{link.finops_environment} and {link.dataverse_environment}")
    facts.add_row("primary", link.primary_side.value)
    facts.add_row("legal entities", Text(f"{len(entities)}: {few(entities)}"))
    facts.add_row("default owning team", Text(standing.teams.default.name if standing.teams.default else "none"))
    facts.add_row("maps", f"{len(remains.live)} of {standing.maps} are not stopped")
    facts.add_row("waiting", Text(remains.lost or "nothing"))
    yield facts
    waiting = [each.legal_entity for each in standing.legal_entities if each.awaited_by]
    if waiting:
        text = f"The rows of {few(waiting)} have still to be copied: dualwrite link legal-entities copy"
        yield Text(text, style="yellow")
