"""``dualwrite alerts``: when too many errors are told, to whom, and what becomes of the map."""

from __future__ import annotations

import typer

from dualwrite.cli.alerts.events import list_events
from dualwrite.cli.alerts.setting import remove_alert, set_alert
from dualwrite.cli.alerts.shown import list_alerts, show_alert
from dualwrite.cli.alerts.trial import try_alert

app = typer.Typer(help="Alerts: what too many errors lead to, and who is told.", no_args_is_help=True)
app.command("list")(list_alerts)
app.command("show")(show_alert)
app.command("set")(set_alert)
app.command("remove")(remove_alert)
app.command("test")(try_alert)
app.command("events")(list_events)
