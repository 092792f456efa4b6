"""``dualwrite initial-sync``: what both sides hold is brought into step, in runs that people follow and steer."""

from __future__ import annotations

import typer

from dualwrite.cli.initial_sync import history, refused, running, steering

app = typer.Typer(
    help="Initial sync: bring what both sides hold into step; watch, pause, resume, cancel, rerun; what was refused.",
    no_args_is_help=True,
)

app.command("run")(running.run_sync)
app.command("list")(history.list_runs)
app.command("show")(history.show_run)
app.command("watch")(running.watch_run)
app.command("pause")(steering.pause)
app.command("resume")(running.resume)
app.command("cancel")(steering.cancel)
app.command("rerun")(running.rerun)
app.command("go-live")(steering.go_live)
app.command("refused")(refused.list_refused)
