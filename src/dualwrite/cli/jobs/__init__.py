"""``dualwrite jobs``: integration jobs, which move creates and updates outside the users' transactions."""

from __future__ import annotations

import typer

from dualwrite.cli.jobs.changes import remove_job, set_job, start_job, stop_job
from dualwrite.cli.jobs.requests import dismiss_errors, retry_errors
from dualwrite.cli.jobs.shown import list_jobs, show_job

app = typer.Typer(
    help="Integration jobs: maps whose creates and updates are moved outside the users' transactions.",
    no_args_is_help=True,
)
app.command("list")(list_jobs)
app.command("show")(show_job)
app.command("set")(set_job)
app.command("remove")(remove_job)
app.command("start")(start_job)
app.command("stop")(stop_job)
app.command("retry")(retry_errors)
app.command("dismiss")(dismiss_errors)
