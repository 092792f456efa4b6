"""``dualwrite jobs set``, ``remove``, ``start`` and ``stop``."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from dualwrite.cli.invocation import invocation
from dualwrite.cli.jobs.shown import JobName, job_document
from dualwrite.cli.map_choices import WHO
from dualwrite.cli.map_names import chosen_maps
from dualwrite.composition.house import House
from dualwrite.composition.integration_jobs import job_desk
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

    async def saved(house: House) -> IntegrationJob:
        return await job_desk(house, who=WHO).save(name, await chosen_maps(house, maps), primary=primary)

    job = call.in_house(saved)
    call.output.show(job_document(job), Text(f"Job {job.name}: {len(job.maps)} maps. Start it: dualwrite jobs start"))


def remove_job(context: typer.Context, name: JobName) -> None:
    """Remove a stopped job; its maps stay as they are."""
    call = invocation(context)

    async def removed(house: House) -> None:
        await job_desk(house, who=WHO).remove(name)

    call.in_house(removed)
    call.output.show({"job": name, "removed": True}, Text(f"Job {name} is removed."))


def start_job(context: typer.Context, name: JobName) -> None:
    """From now on the job moves creates and updates of its maps, outside the users' transactions."""
    _act(context, name, start=True)


def stop_job(context: typer.Context, name: JobName) -> None:
    """The job's maps are live again, after what waits has been moved."""
    _act(context, name, start=False)


def _act(context: typer.Context, name: str, *, start: bool) -> None:
    call = invocation(context)

    async def acted(house: House) -> IntegrationJob:
        desk = job_desk(house, who=WHO)
        await (desk.start(name) if start else desk.stop(name))
        return await desk.get(name)

    job = call.in_house(acted)
    said = "is active: dualwrite up moves its changes" if start else "is stopped, and its maps are live"
    call.output.show(job_document(job), Text(f"Job {name} {said}."))
