"""``dualwrite jobs retry`` and ``dismiss``: a job is asked to see to some of its errors."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from dualwrite.cli.invocation import invocation
from dualwrite.cli.jobs.office import at_job_office
from dualwrite.cli.jobs.shown import JobName, request_document
from dualwrite.store.integration_jobs import RequestKind

Errors = Annotated[list[int], typer.Argument(metavar="ERROR...", help="Numbers of errors, as errors list shows them.")]


def retry_errors(context: typer.Context, name: JobName, errors: Errors) -> None:
    """Have the job try these errors again; at most five requests wait, each about 10,000 errors at most."""
    _ask(context, name, RequestKind.RETRY, errors)


def dismiss_errors(context: typer.Context, name: JobName, errors: Errors) -> None:
    """Have the job dismiss these errors."""
    _ask(context, name, RequestKind.DISMISS, errors)


def _ask(context: typer.Context, name: str, kind: RequestKind, errors: list[int]) -> None:
    call = invocation(context)
    request = at_job_office(call, lambda office: office.ask(name, kind, errors))
    waits = Text(f"Request {request.id} waits for the job: {kind.value} {len(errors)} errors. See: jobs show {name}")
    call.output.show(request_document(request), waits)
