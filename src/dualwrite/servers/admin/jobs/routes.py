"""The integration jobs: maps whose creates and updates are moved outside the users' transactions, in a sequence."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from pydantic import Field

from dualwrite.metadata.schema import Side
from dualwrite.servers.admin.callers import Customizer, Reader
from dualwrite.servers.admin.desk import TheDesk
from dualwrite.servers.admin.maps.models import Maps
from dualwrite.servers.admin.model import NOT_A_TEXT, Asked, Name, Told
from dualwrite.servers.admin.operations.catch_ups import catch_up_operation
from dualwrite.servers.admin.operations.models import Operation
from dualwrite.servers.admin.operations.standing import accepted
from dualwrite.servers.admin.paging import A_PAGE, Limit
from dualwrite.servers.admin.problems import refusals
from dualwrite.store.catch_ups import CatchUpId
from dualwrite.store.integration_jobs import IntegrationJob, JobRequest, JobState, RequestKind, RequestState

router = APIRouter(tags=["integration jobs"])

JobName = Annotated[Name, Path(max_length=100, description="The job's name.", examples=["Nightly prices"])]


class JobShown(Told):
    """A job and its maps in their sequence. ``primary`` wins where both sides have changed a record."""

    name: str
    maps: Sequence[str]
    primary: Side
    state: JobState
    message: str
    changed_by: str
    changed_at: datetime

    @classmethod
    def of(cls, each: IntegrationJob) -> JobShown:
        return cls.model_validate(each)


class JobAsked(Asked):
    """The maps of a job, in the sequence in which it moves them."""

    maps: Maps
    primary: Side = Side.FINOPS


class JobRequestShown(Told):
    """What was asked of a job about some of its errors, and what came of it."""

    id: int
    kind: RequestKind
    errors: Sequence[int]
    state: RequestState
    result: str
    asked_by: str
    asked_at: datetime
    ended_at: datetime | None

    @classmethod
    def of(cls, each: JobRequest) -> JobRequestShown:
        return cls.model_validate(each)


class RequestAsked(Asked):
    """What the job is to do with these errors; at most five requests wait at a time."""

    kind: RequestKind
    errors: Annotated[
        tuple[Annotated[int, Field(ge=1, le=2**53 - 1), NOT_A_TEXT], ...], Field(min_length=1, max_length=10_000)
    ]


class JobRemoved(Told):
    """What there is no more."""

    name: str


@router.get("/integration-jobs", operation_id="listIntegrationJobs")
async def list_jobs(caller: Reader, desk: TheDesk) -> Sequence[JobShown]:
    """The jobs, by name."""
    return [JobShown.of(each) for each in await desk.jobs(caller).list()]


@router.get("/integration-jobs/{job}", operation_id="showIntegrationJob")
async def show_job(caller: Reader, desk: TheDesk, job: JobName) -> JobShown:
    """One job."""
    return JobShown.of(await desk.jobs(caller).get(job))


@router.put("/integration-jobs/{job}", operation_id="saveIntegrationJob", responses=refusals(409))
async def save_job(caller: Customizer, desk: TheDesk, job: JobName, asked: JobAsked) -> JobShown:
    """The job has these maps; a new one is stopped."""
    return JobShown.of(await desk.jobs(caller).save(job, asked.maps, primary=asked.primary))


@router.delete("/integration-jobs/{job}", operation_id="removeIntegrationJob", responses=refusals(409))
async def remove_job(caller: Customizer, desk: TheDesk, job: JobName) -> JobRemoved:
    """There is no such job any more."""
    await desk.jobs(caller).remove(job)
    return JobRemoved(name=job)


@router.post("/integration-jobs/{job}/start", operation_id="startIntegrationJob", responses=refusals(409))
async def start_job(caller: Customizer, desk: TheDesk, job: JobName) -> JobShown:
    """Creates and updates of the job's maps are moved by it from now on; deletes stay in the users' transactions."""
    jobs = desk.jobs(caller)
    await jobs.start(job)
    return JobShown.of(await jobs.get(job))


@router.post(
    "/integration-jobs/{job}/stop",
    operation_id="stopIntegrationJob",
    status_code=202,
    response_model=Operation,
    responses=refusals(409),
)
async def stop_job(request: Request, caller: Customizer, desk: TheDesk, job: JobName) -> Response:
    """What has waited for the job is moved in its order, then its maps are live again: that is the operation."""
    begun: list[CatchUpId] = []

    async def begin(names: Sequence[str]) -> None:
        begun.append(await desk.catch_ups.start(names, who=caller.name))

    await desk.jobs(caller, resume=begin).stop(job)
    return accepted(request, catch_up_operation(await desk.catch_ups.get(begun[0])))


@router.get("/integration-jobs/{job}/requests", operation_id="listJobRequests")
async def list_requests(
    caller: Reader,
    desk: TheDesk,
    job: JobName,
    limit: Limit = A_PAGE,
) -> Sequence[JobRequestShown]:
    """What was asked of the job about its errors, latest first."""
    return [JobRequestShown.of(each) for each in await desk.jobs(caller).requests(job, limit_rows=limit)]


@router.post("/integration-jobs/{job}/requests", operation_id="askIntegrationJob", responses=refusals(409))
async def ask_job(caller: Customizer, desk: TheDesk, job: JobName, asked: RequestAsked) -> JobRequestShown:
    """The request waits for the job."""
    return JobRequestShown.of(await desk.jobs(caller).ask(job, asked.kind, asked.errors))
