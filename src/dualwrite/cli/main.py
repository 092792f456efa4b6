"""The ``dualwrite`` command: all commands in one application, errors as one line."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from dualwrite.cli.invocation import Invocation
from dualwrite.cli.output import Output
from dualwrite.errors import DualwriteError

_ANYWHERE_WITH_VALUE = ("--data-folder", "--url", "--token")
_ANYWHERE_FLAGS = ("--json",)
_INTERRUPTED = 130

_COMMANDS: Mapping[str, str] = {
    "up": "dualwrite.cli.up:up",
    "worker": "dualwrite.cli.worker:worker",
    "status": "dualwrite.cli.status:status",
    "token": "dualwrite.cli.token:token",
    "import": "dualwrite.cli.imports.command:import_files",
    "imports": "dualwrite.cli.imports.history:app",
    "export": "dualwrite.cli.exports:export_tables",
    "link": "dualwrite.cli.link:app",
    "companies": "dualwrite.cli.companies:app",
    "maps": "dualwrite.cli.maps:app",
    "initial-sync": "dualwrite.cli.initial_sync:app",
    "queue": "dualwrite.cli.queues.waiting:app",
    "catch-ups": "dualwrite.cli.queues.catch_ups:app",
    "errors": "dualwrite.cli.errors:app",
    "keys": "dualwrite.cli.keys:app",
    "solutions": "dualwrite.cli.solutions:app",
    "tables": "dualwrite.cli.tables:app",
    "records": "dualwrite.cli.records:app",
    "compare": "dualwrite.cli.compare:compare",
    "jobs": "dualwrite.cli.jobs:app",
    "alerts": "dualwrite.cli.alerts:app",
    "activities": "dualwrite.cli.activities:app",
}
"""Each command with its place. Only the one that is called is loaded, so that it answers quickly."""


def build_app(names: Iterable[str] = tuple(_COMMANDS)) -> typer.Typer:
    """The application with the commands called ``names``."""
    app = typer.Typer(
        name="dualwrite",
        help="Keeps a finance and operations environment and a Dataverse environment in step.",
        epilog="--data-folder, --json, --url and --token may stand anywhere on the line.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
    )
    app.callback()(options)
    for name in names:
        module, _, attribute = _COMMANDS[name].partition(":")
        command = getattr(import_module(module), attribute)
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name)
        else:
            app.command(name)(command)
    return app


def options(
    context: typer.Context,
    data_folder: Annotated[
        Path | None,
        typer.Option(
            "--data-folder", help="Where database, keys and credentials live (DUALWRITE_DATA_FOLDER, else ./data)."
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document, and nothing else, on standard output.")
    ] = False,
    url: Annotated[
        str | None,
        typer.Option(
            "--url",
            envvar="DUALWRITE_URL",
            metavar="URL",
            help="Call the program that runs there over its API, instead of opening the data folder.",
        ),
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(
            "--token",
            envvar="DUALWRITE_TOKEN",
            metavar="TOKEN",
            help="With --url: an access token; else the data folder's administrator asks for one.",
        ),
    ] = None,
) -> None:
    context.obj = Invocation(data_folder, Output(as_json=as_json), url or None, token or None)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line is carried out; exit code 1 for what the program refuses, 2 for a line it cannot read."""
    everywhere, rest = _split_line(sys.argv[1:] if arguments is None else arguments)
    if not sys.warnoptions:
        # Warnings of libraries are for developers; whoever wants them asks with python -W.
        warnings.simplefilter("ignore")
    try:
        build_app(rest[:1] if rest[:1] and rest[0] in _COMMANDS else _COMMANDS)(
            args=[*everywhere, *rest], prog_name="dualwrite"
        )
    except DualwriteError as error:
        Output(as_json="--json" in everywhere).refuse(error)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)


def _split_line(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """The options that may stand anywhere, for they are to come first, and the rest of the line."""
    first: list[str] = []
    rest: list[str] = []
    left = iter(arguments)
    for each in left:
        if each == "--":
            rest += [each, *left]
        elif each in _ANYWHERE_FLAGS or each.startswith(tuple(f"{name}=" for name in _ANYWHERE_WITH_VALUE)):
            first.append(each)
        elif each in _ANYWHERE_WITH_VALUE:
            first += [each, *([value] if (value := next(left, None)) is not None else [])]
        else:
            rest.append(each)
    return first, rest
