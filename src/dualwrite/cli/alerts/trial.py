"""``dualwrite alerts test``: whether everybody is reached whom an alert would tell."""

from __future__ import annotations

import typer
from rich.text import Text

from dualwrite.cli.alerts.choices import AlertName
from dualwrite.cli.alerts.office import at_alert_office
from dualwrite.cli.invocation import invocation
from dualwrite.cli.output import grid
from dualwrite.monitoring.notify.channel import Outcome


def try_alert(context: typer.Context, name: AlertName) -> None:
    """Send a test to everybody whom an alert tells. Exit code 1 when somebody could not be told."""
    call = invocation(context)
    told = at_alert_office(call, lambda office: office.send_test(name))
    table = grid("to", "", "")
    for each in told:
        style = "green" if each.outcome is Outcome.SENT else "red"
        table.add_row(Text(each.shown), Text(each.outcome.value, style=style), Text(each.message))
    document = [
        {"to": each.shown, "channel": each.channel, "outcome": each.outcome, "message": each.message} for each in told
    ]
    call.output.show(document, table if told else Text(f"{name} tells nobody.", style="yellow"))
    if any(each.outcome is not Outcome.SENT for each in told):
        raise typer.Exit(1)
