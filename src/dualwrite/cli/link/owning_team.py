"""``dualwrite link owning-team``: who owns what dual-write creates in Dataverse."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.text import Text

from dualwrite.cli.invocation import invocation
from dualwrite.cli.link.office import LinkOffice, at_link_office
from dualwrite.cli.map_names import find_map
from dualwrite.cli.output import grid
from dualwrite.errors import SettingsRefused
from dualwrite.linking.owning_teams import OwningTeams, Team

app = typer.Typer(help="Owning teams of what is created in Dataverse: show, teams, set, reset.", no_args_is_help=True)

OfMap = Annotated[str | None, typer.Option("--map", help="A map whose rows belong to no company.")]
OfLegalEntity = Annotated[str | None, typer.Option("--legal-entity", help="A linked legal entity.")]


@app.command("show")
def show(context: typer.Context) -> None:
    """Show the default owning team, those of legal entities, and those of maps without companies."""

    async def found(office: LinkOffice) -> OwningTeams:
        return await office.owning_teams()

    call = invocation(context)
    teams = at_link_office(call, found)
    shown = grid("rows of", "belong to", "business unit")
    shown.add_row("maps without companies", *_cells(teams.default, "whoever the environment says"))
    for legal_entity, team in teams.by_legal_entity.items():
        shown.add_row(Text(legal_entity), *_cells(team, "no company in Dataverse yet"))
    for name, team in teams.by_map.items():
        shown.add_row(Text(name), *_cells(team, ""))
    call.output.show(teams, shown)


@app.command("teams")
def list_teams(context: typer.Context) -> None:
    """List the teams of Dataverse."""

    async def found(office: LinkOffice) -> Sequence[Team]:
        return await office.teams()

    call = invocation(context)
    teams = at_link_office(call, found)
    shown = grid("team", "business unit", "id")
    for each in teams:
        shown.add_row(Text(each.name), Text(each.business_unit), str(each.id))
    call.output.show(teams, shown)


@app.command("set")
def set_team(
    context: typer.Context,
    team: Annotated[str, typer.Argument(help="Name or id of a team.")],
    legal_entity: OfLegalEntity = None,
    map_name: OfMap = None,
) -> None:
    """Choose the team that owns new rows: by default, of a legal entity, or of a map without companies."""
    if legal_entity is not None and map_name is not None:
        raise SettingsRefused("Give --legal-entity or --map, not both.")

    async def done(office: LinkOffice) -> tuple[str, Team]:
        if legal_entity is not None:
            return legal_entity, await office.set_team_of_legal_entity(legal_entity, team)
        if map_name is not None:
            name = find_map(await office.runs.map_names(), map_name)
            return name, await office.set_team_of_map(name, team)
        return "maps without companies", await office.set_default_team(team)

    call = invocation(context)
    of, chosen = at_link_office(call, done)
    call.output.show({"of": of, "team": chosen}, Text(f"New rows of {of} belong to {chosen.name}."))


@app.command("reset")
def reset_team(context: typer.Context, map_name: OfMap = None) -> None:
    """Let a map follow the default again; without --map, make the root business unit's team the default."""

    async def done(office: LinkOffice) -> tuple[str, Team | None]:
        if map_name is None:
            return "maps without companies", await office.reset_default_team()
        name = find_map(await office.runs.map_names(), map_name)
        await office.reset_team_of_map(name)
        return name, (await office.owning_teams()).default

    call = invocation(context)
    of, team = at_link_office(call, done)
    owner = "whoever the environment says" if team is None else team.name
    call.output.show({"of": of, "team": team}, Text(f"New rows of {of} belong to {owner}."))


def _cells(team: Team | None, otherwise: str) -> tuple[Text, Text]:
    if team is None:
        return Text(otherwise, style="dim"), Text()
    return Text(team.name or f"{team.id} (gone)", style="" if team.name else "red"), Text(team.business_unit)
