"""The ``dualwrite`` command: all commands in one application, errors as one line."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import structlog
import typer

from dualwrite.cli import compare, imports, link, maps, records, status, token, up
from dualwrite.cli.invocation import Invocation
from dualwrite.cli.output import Output
from dualwrite.errors import DualwriteError

_ANYWHERE_WITH_VALUE = ("--data-folder",)
_ANYWHERE_FLAGS = ("--json",)

app = typer.Typer(
    name="dualwrite",
    help="Keeps a finance and operations environment and a Dataverse environment in step.",
    epilog="--data-folder and --json may stand anywhere on the line.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


@app.callback()
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
) -> None:
    context.obj = Invocation(data_folder, Output(as_json=as_json))


app.command("up")(up.up)
app.command("status")(status.status)
app.command("token")(token.token)
app.command("import")(imports.import_file)
app.command("link")(link.link)
app.command("compare")(compare.compare)
app.add_typer(maps.app, name="maps")
app.add_typer(records.app, name="records")


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line is carried out; exit code 1 for what the program refuses, 2 for a line it cannot read."""
    line = _global_options_first(sys.argv[1:] if arguments is None else arguments)
    _log_to_standard_error()
    if not sys.warnoptions:
        # Warnings of libraries are for developers; whoever wants them asks with python -W.
        warnings.simplefilter("ignore")
    try:
        app(args=line)
    except DualwriteError as error:
        Output(as_json="--json" in line).refuse(error)
        sys.exit(1)


def _global_options_first(arguments: Sequence[str]) -> list[str]:
    """The line with the options that may stand anywhere moved to where the parser expects them."""
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
    return first + rest


def _log_to_standard_error() -> None:
    """Standard output belongs to results."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False),
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
