"""``dualwrite errors``: changes that the other side does not have, and what becomes of them."""

from __future__ import annotations

import typer

from dualwrite.cli.errors.acting import dismiss, retry
from dualwrite.cli.errors.downloading import download
from dualwrite.cli.errors.listing import groups, list_errors, show

app = typer.Typer(
    help="Changes that failed: list, groups, show, retry, dismiss, download.",
    no_args_is_help=True,
)
app.command("list")(list_errors)
app.command("groups")(groups)
app.command("show")(show)
app.command("retry")(retry)
app.command("dismiss")(dismiss)
app.command("download")(download)
