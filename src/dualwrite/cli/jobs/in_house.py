"""The commands on integration jobs, done in the house of the data folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dualwrite.cli.map_choices import WHO
from dualwrite.composition.house import CONNECTION, House
from dualwrite.composition.integration_jobs import job_desk
from dualwrite.lifecycle.integration_jobs.desk import IntegrationJobs
from dualwrite.metadata.schema import Side
from dualwrite.store.integration_jobs import IntegrationJob, JobRequest, RequestKind


@dataclass(frozen=True, slots=True)
class HouseJobOffice:
    """Implements :class:`dualwrite.cli.jobs.office.JobOffice`."""

    house: House

    @property
    def _desk(self) -> IntegrationJobs:
        return job_desk(self.house, who=WHO)

    async def maps(self) -> Sequence[str]:
        return [each.name for each in await self.house.store.maps.list(CONNECTION)]

    async def list(self) -> Sequence[IntegrationJob]:
        return await self._desk.list()

    async def get(self, name: str) -> IntegrationJob:
        return await self._desk.get(name)

    async def requests(self, name: str) -> Sequence[JobRequest]:
        return await self._desk.requests(name)

    async def save(self, name: str, maps: Sequence[str], *, primary: Side) -> IntegrationJob:
        return await self._desk.save(name, maps, primary=primary)

    async def remove(self, name: str) -> None:
        await self._desk.remove(name)

    async def start(self, name: str) -> None:
        await self._desk.start(name)

    async def stop(self, name: str) -> None:
        await self._desk.stop(name)

    async def ask(self, name: str, kind: RequestKind, errors: Sequence[int]) -> JobRequest:
        return await self._desk.ask(name, kind, errors)
