"""The commands on integration jobs, done by a program over its API."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from pydantic import TypeAdapter

from dualwrite.cli.api import Api, Document
from dualwrite.cli.queues.over_api import ApiQueueOffice
from dualwrite.errors import NotAllowed
from dualwrite.metadata.schema import Side
from dualwrite.store.catch_ups import CatchUpId, CatchUpState
from dualwrite.store.integration_jobs import IntegrationJob, JobRequest, RequestKind

_JOB = TypeAdapter(IntegrationJob)
_REQUEST = TypeAdapter(JobRequest)
_CATCH_UP: TypeAdapter[CatchUpId] = TypeAdapter(CatchUpId)


@dataclass(frozen=True, slots=True)
class ApiJobOffice:
    """Implements :class:`dualwrite.cli.jobs.office.JobOffice`."""

    api: Api

    async def maps(self) -> Sequence[str]:
        return [each.name for each in await ApiQueueOffice(self.api).states()]

    async def list(self) -> Sequence[IntegrationJob]:
        return [_job(each) for each in await self.api.get("/integration-jobs")]

    async def get(self, name: str) -> IntegrationJob:
        return _job(await self.api.get(_path(name)))

    async def requests(self, name: str) -> Sequence[JobRequest]:
        return [_request(each, name) for each in await self.api.get(f"{_path(name)}/requests")]

    async def save(self, name: str, maps: Sequence[str], *, primary: Side) -> IntegrationJob:
        return _job(await self.api.put(_path(name), {"maps": list(maps), "primary": primary.value}))

    async def remove(self, name: str) -> None:
        await self.api.delete(_path(name))

    async def start(self, name: str) -> None:
        await self.api.post(f"{_path(name)}/start")

    async def stop(self, name: str) -> None:
        operation = await self.api.post(f"{_path(name)}/stop")
        run = _CATCH_UP.validate_python(operation["id"].partition(".")[2])
        ended = await ApiQueueOffice(self.api).ended(run)
        if ended.state is not CatchUpState.COMPLETED:
            raise NotAllowed(f"Catch-up {run} has {ended.state.value}. {ended.message}", run=str(run))

    async def ask(self, name: str, kind: RequestKind, errors: Sequence[int]) -> JobRequest:
        asked = {"kind": kind.value, "errors": list(errors)}
        return _request(await self.api.post(f"{_path(name)}/requests", asked), name)


def _path(name: str) -> str:
    return f"/integration-jobs/{quote(name, safe='')}"


def _job(told: Document) -> IntegrationJob:
    return _JOB.validate_python({**told, "connection": ""})


def _request(told: Document, job: str) -> JobRequest:
    return _REQUEST.validate_python({**told, "connection": "", "job": job})
