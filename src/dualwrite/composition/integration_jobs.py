"""Integration jobs of a house: the desk where they are made, and the runner that ``dualwrite up`` keeps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from dualwrite.composition.house import CONNECTION, House
from dualwrite.lifecycle.integration_jobs.desk import IntegrationJobs
from dualwrite.lifecycle.integration_jobs.runner import JobRunner
from dualwrite.metadata.schema import Side
from dualwrite.sync.catch_up.replay import Replay
from dualwrite.sync.stored_failures import StoredFailures


def job_desk(house: House, *, who: str) -> IntegrationJobs:
    """The desk of the house's connection."""
    lifecycle = house.lifecycle_of(who)
    return IntegrationJobs(house.store, CONNECTION, house.router, resume=lifecycle.resume, who=who)


@asynccontextmanager
async def moving(house: House) -> AsyncIterator[None]:
    """Meanwhile active jobs move changes."""
    runner = asyncio.ensure_future(job_runner(house).run())
    try:
        yield
    finally:
        runner.cancel()
        await asyncio.gather(runner, return_exceptions=True)


def job_runner(house: House) -> JobRunner:
    """What carries out the jobs of the house's connection."""
    failures = StoredFailures(house.store, CONNECTION)

    def replay_of(primary: Side) -> Replay:
        return Replay(house.pair, house.router, primary, failures, house.tally, latest=True)

    return JobRunner(house.store, CONNECTION, replay_of, _Errors(house))


@dataclass(frozen=True, slots=True)
class _Errors:
    """Implements ``runner.JobErrors`` over the house's error desk."""

    house: House

    async def retry(self, errors: Sequence[int], *, who: str) -> str:
        report = await self.house.errors_of(who).retry(errors)
        return str(report)

    async def dismiss(self, errors: Sequence[int], *, who: str) -> str:
        dismissed = await self.house.errors_of(who).dismiss(errors)
        return f"{dismissed} dismissed"
