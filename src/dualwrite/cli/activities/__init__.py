"""``dualwrite activities``: what was done, by whom, and how it ended."""

from __future__ import annotations

import typer

from dualwrite.cli.activities.exporting import export_activities
from dualwrite.cli.activities.listing import list_activities

app = typer.Typer(help="What was done, by whom, and how it ended: list, export.", no_args_is_help=True)
app.command("list")(list_activities)
app.command("export")(export_activities)
