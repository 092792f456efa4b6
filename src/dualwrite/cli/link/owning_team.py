"""``dualwrite link owning-team``: who owns what dual-write creates in Dataverse."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.text import Text

from dualwrite.cli.invocation import invocation
from dualwrite.cli.map_choices import WHO, one_map
from dualwrite.cli.output import grid
from dualwrite.composition.house import House
from dualwrite.composition.linking import link_desk
from dualwrite.errors import SettingsRefused
from dualwrite.linking.owning_teams import OwningTeams, Team

app = typer.Typer(help="Owning teams of what is created in Dataverse: show, teams, set, reset.", no_args_is_help=True)

OfMap = Annotated[str | None, typer.Option("--map", help="A map whose rows belong to no company.")]
OfLegalEntity = Annotated[str | None, typer.Option("--legal-entity", help="A linked legal entity.")]


@app.command("show")
def show(context: typer.Context) -> None:
    """Show the default owning team, those of legal entities, and those of maps without companies."""

    async def found(house: House) -> OwningTeams:
        return await link_desk(house).owning_teams.show()

    call = invocation(context)
    teams = call.in_house(found)
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

    async def found(house: House) -> Sequence[Team]:
        return await link_desk(house).owning_teams.teams()

    call = invocation(context)
    teams = call.in_house(found)
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

    async def done(house: House) -> tuple[str, Team]:
        desk = link_desk(house).owning_teams
        if legal_entity is not None:
            return legal_entity, await desk.set_for_legal_entity(legal_entity, team, who=WHO)
        if map_name is not None:
            name = await one_map(house, map_name)
            return name, await desk.set_for_map(name, team, who=WHO)
        return "maps without companies", await desk.set_default(team, who=WHO)

    call = invocation(context)
    of, chosen = call.in_house(done)
    call.output.show({"of": of, "team": chosen}, Text(f"New rows of {of} belong to {chosen.name}."))


@app.command("reset")
def reset_team(context: typer.Context, map_name: OfMap = None) -> None:
    """Let a map follow the default again; without --map, make the root business unit's team the default."""

    async def done(house: House) -> tuple[str, Team | None]:
        desk = link_desk(house).owning_teams
        if map_name is None:
            return "maps without companies", await desk.reset_default(who=WHO)
        name = await one_map(house, map_name)
        await desk.reset_for_map(name, who=WHO)
        return name, (await desk.show()).default

    call = invocation(context)
    of, team = call.in_house(done)
    owner = "whoever the environment says" if team is None else team.name
    call.output.show({"of": of, "team": team}, Text(f"New rows of {of} belong to {owner}."))


def _cells(team: Team | None, otherwise: str) -> tuple[Text, Text]:
    if team is None:
        return Text(otherwise, style="dim"), Text()
    return Text(team.name or f"{team.id} (gone)", style="" if team.name else "red"), Text(team.business_unit)
