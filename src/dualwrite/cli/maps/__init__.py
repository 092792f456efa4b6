"""``dualwrite maps``: the table maps, what they say, changing and checking them, running and stopping them."""

from __future__ import annotations

import typer

from dualwrite.cli.maps import checking, drafts, editing, folder, health, listing, running, versions
from dualwrite.cli.queues import pausing

app = typer.Typer(
    help="Table maps: list, show, check, run, pause, resume, stop, change; their versions; and the same by files.",
    no_args_is_help=True,
)

app.command("list")(listing.list_maps)
app.command("show")(listing.show_map)
app.command("validate")(checking.validate)
app.command("health")(health.health)
app.command("run")(running.run_maps)
app.command("pause")(pausing.pause_maps)
app.command("resume")(pausing.resume_maps)
app.command("stop")(running.stop_maps)
app.command("versions")(versions.list_versions)
app.command("diff")(versions.diff)
app.command("activate")(versions.activate)
app.command("delete")(versions.delete)
app.command("new")(editing.new)
app.command("change")(editing.change)
app.command("edit")(drafts.edit)
app.command("copy")(editing.copy)
app.command("refresh")(checking.refresh)
app.command("export")(folder.export)
app.command("import")(folder.import_folder)
app.command("plan")(folder.plan)
app.command("apply")(folder.apply)
