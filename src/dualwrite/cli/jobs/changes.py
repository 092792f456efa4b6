"""``dualwrite jobs set``, ``remove``, ``start`` and ``stop``."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from dualwrite.cli.invocation import invocation
from dualwrite.cli.jobs.office import JobOffice, at_job_office
from dualwrite.cli.jobs.shown import JobName, job_document
from dualwrite.cli.map_names import find_map
from dualwrite.metadata.schema import Side
from dualwrite.store.integration_jobs import IntegrationJob

Maps = Annotated[list[str], typer.Argument(metavar="MAP...", help="Maps, in the sequence in which they are moved.")]


def set_job(
    context: typer.Context,
    name: JobName,
    maps: Maps,
    primary: Annotated[
        Side, typer.Option("--primary", help="Whose change is kept where both sides have changed a record.")
    ] = Side.FINOPS,
) -> None:
    """Make a job of these maps, or give an existing one other maps."""
    call = invocation(context)

    async def saved(office: JobOffice) -> IntegrationJob:
        known = await office.maps()
        return await office.save(name, [find_map(known, each) for each in maps], primary=primary)

    job = at_job_office(call, saved)
    call.output.show(job_document(job), Text(f"Job {job.name}: {len(job.maps)} maps. Start it: dualwrite jobs start"))


def remove_job(context: typer.Context, name: JobName) -> None:
    """Remove a stopped job; its maps stay as they are."""
    call = invocation(context)

    at_job_office(call, lambda office: office.remove(name))
    call.output.show({"job": name, "removed": True}, Text(f"Job {name} is removed."))


def start_job(context: typer.Context, name: JobName) -> None:
    """From now on the job moves creates and updates of its maps, outside the users' transactions."""
    _act(context, name, start=True)


def stop_job(context: typer.Context, name: JobName) -> None:
    """The job's maps are live again, after what waits has been moved."""
    _act(context, name, start=False)


def _act(context: typer.Context, name: str, *, start: bool) -> None:
    call = invocation(context)

    async def acted(office: JobOffice) -> IntegrationJob:
        await (office.start(name) if start else office.stop(name))
        return await office.get(name)

    job = at_job_office(call, acted)
    said = "is active: dualwrite up moves its changes" if start else "is stopped, and its maps are live"
    call.output.show(job_document(job), Text(f"Job {name} {said}."))
