"""``dualwrite link``: the link between the two environments, from its health check to taking it apart."""

from __future__ import annotations

import typer

from dualwrite.cli.link import creating, ending, legal_entities, owning_team, showing

app = typer.Typer(
    help="The link: check, create, show, legal entities, owning teams, reset, unlink.", no_args_is_help=True
)

app.command("environments")(creating.environments)
app.command("check")(creating.check)
app.command("create")(creating.create)
app.command("show")(showing.show)
app.command("reset")(ending.reset)
app.command("unlink")(ending.unlink)
app.add_typer(legal_entities.app, name="legal-entities")
app.add_typer(owning_team.app, name="owning-team")
