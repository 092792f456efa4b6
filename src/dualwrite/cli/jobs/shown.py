"""``dualwrite jobs list`` and ``show``: the jobs, their maps, and what was asked of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

import typer
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from dualwrite.cli.initial_sync.words import moment
from dualwrite.cli.invocation import invocation
from dualwrite.cli.jobs.office import JobOffice, at_job_office
from dualwrite.cli.map_names import short_names
from dualwrite.cli.output import grid
from dualwrite.store.integration_jobs import IntegrationJob, JobRequest, JobState

JobName = Annotated[str, typer.Argument(metavar="NAME", help="Name of the job.")]

_STYLES: Mapping[JobState, str] = {JobState.ACTIVE: "green", JobState.STOPPED: "dim"}


def list_jobs(context: typer.Context) -> None:
    """List the integration jobs."""
    call = invocation(context)
    jobs = at_job_office(call, lambda office: office.list())
    nothing = Text("There is no integration job. Make one with: dualwrite jobs set NAME MAP ...", style="dim")
    call.output.show([job_document(each) for each in jobs], _table(jobs) if jobs else nothing)


def show_job(context: typer.Context, name: JobName) -> None:
    """Show a job with its maps, in their sequence, and what was asked of it."""
    call = invocation(context)

    async def found(office: JobOffice) -> tuple[IntegrationJob, Sequence[JobRequest]]:
        return await office.get(name), await office.requests(name)

    job, requests = at_job_office(call, found)
    shown: list[RenderableType] = [_table([job])]
    if requests:
        shown += [Text(), _requests(requests)]
    call.output.show({**job_document(job), "requests": [request_document(each) for each in requests]}, *shown)


def job_document(job: IntegrationJob) -> Mapping[str, object]:
    return {
        "job": job.name,
        "state": job.state,
        "maps": list(job.maps),
        "primary": job.primary,
        "message": job.message,
        "changed_by": job.changed_by,
        "changed_at": job.changed_at,
    }


def request_document(request: JobRequest) -> Mapping[str, object]:
    return {
        "request": request.id,
        "kind": request.kind,
        "errors": len(request.errors),
        "state": request.state,
        "result": request.result,
        "asked_by": request.asked_by,
        "asked_at": request.asked_at,
        "ended_at": request.ended_at,
    }


def _table(jobs: Sequence[IntegrationJob]) -> Table:
    table = grid("job", "state", "maps, in their sequence", "primary", "")
    for job in jobs:
        names = short_names(set(job.maps))
        maps = Text("\n".join(f"{number}. {names[each]}" for number, each in enumerate(job.maps, 1)))
        table.add_row(
            job.name, Text(job.state.value, _STYLES[job.state]), maps, job.primary.value, Text(job.message, "yellow")
        )
    return table


def _requests(requests: Sequence[JobRequest]) -> Table:
    table = grid("asked", "what", "errors", "state", "result", numbers=("asked", "errors"))
    for each in requests:
        table.add_row(moment(each.asked_at), each.kind.value, f"{len(each.errors):,}", each.state.value, each.result)
    return table
