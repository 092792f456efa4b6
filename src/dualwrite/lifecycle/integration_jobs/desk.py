"""What people do with integration jobs: they are made, started, stopped, and asked to see to their errors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from dualwrite.errors import NotAllowed, NotFound
from dualwrite.lifecycle.catch_up.moving import move
from dualwrite.lifecycle.integration_jobs.states import JobAction, outcome
from dualwrite.lifecycle.transitions import Action
from dualwrite.metadata.schema import Side
from dualwrite.store.database import Repositories, Store
from dualwrite.store.integration_jobs import IntegrationJob, JobRequest, JobState, RequestKind
from dualwrite.store.maps import MapState
from dualwrite.sync.stored_router import StoredRouter

Resume: TypeAlias = Callable[[Sequence[str]], Awaitable[object]]
"""Paused maps go live again, with what waits for them replayed first."""


class IntegrationJobs:
    """The jobs of one connection. Several processes may act; the store and the epoch serialise them."""

    def __init__(self, store: Store, connection: str, router: StoredRouter, *, resume: Resume, who: str) -> None:
        self._store = store
        self._connection = connection
        self._router = router
        self._resume = resume
        self._who = who

    async def list(self) -> Sequence[IntegrationJob]:
        """All jobs, by name."""
        return await self._store.integration_jobs.list(self._connection)

    async def get(self, name: str) -> IntegrationJob:
        """The job. Raises: NotFound."""
        return await self._store.integration_jobs.get(self._connection, name)

    async def requests(self, name: str, *, limit_rows: int = 20) -> Sequence[JobRequest]:
        """What was asked of the job, latest first. Raises: NotFound."""
        job = await self.get(name)
        return await self._store.integration_jobs.requests(self._connection, job.name, limit_rows=limit_rows)

    async def save(self, name: str, maps: Sequence[str], *, primary: Side = Side.FINOPS) -> IntegrationJob:
        """The job has these maps, moved in this sequence; a new one is stopped.

        Raises: NotFound for unknown maps; NotAllowed for those of another job, and while the job is active.
        """
        maps = tuple(dict.fromkeys(maps))
        if not maps:
            raise NotAllowed(f"The integration job {name} needs at least one map.", job=name)
        async with self._store.transaction() as repositories:
            await repositories.maps.lock(self._connection)
            known = {each.name for each in await repositories.maps.list(self._connection)}
            unknown = [each for each in maps if each not in known]
            if unknown:
                raise NotFound(f"There is no map {', '.join(unknown)} in {self._connection}.", maps=unknown)
            for each in await repositories.integration_jobs.list(self._connection):
                if each.name == name:
                    outcome(JobAction.CHANGE, each)
            job = await repositories.integration_jobs.save(
                self._connection, name, maps=maps, primary=primary, changed_by=self._who
            )
            await self._tell(repositories, "change integration job", job, f"{len(maps)} maps")
        return job

    async def remove(self, name: str) -> None:
        """There is no such job any more. Raises: NotFound; NotAllowed while it is active."""
        async with self._store.transaction() as repositories:
            await repositories.maps.lock(self._connection)
            job = await repositories.integration_jobs.get(self._connection, name)
            outcome(JobAction.REMOVE, job)
            await repositories.integration_jobs.remove(self._connection, name)
            await self._tell(repositories, "remove integration job", job, "completed")

    async def start(self, name: str) -> None:
        """Creates and updates of the job's maps are moved by it from now on.

        Raises: NotFound, NotAllowed unless all of them run.
        """
        async with self._store.transaction() as repositories:
            job = await self._moved(repositories, name, JobAction.START)
            states = {each.name: each.state for each in await repositories.maps.list(self._connection)}
            idle = [f"{each} ({states[each].value})" for each in job.maps if states[each] is not MapState.RUNNING]
            if idle:
                raise NotAllowed(f"A job moves maps that are running; these are not: {', '.join(idle)}.", job=name)
            await self._tell(repositories, "start integration job", job, "completed")
        await self._router.renew()

    async def stop(self, name: str) -> None:
        """The job's maps are live again; what has waited for it has been moved before, in order.

        After failure: the maps are paused, with what is left of their queue; resume them. Raises: NotAllowed.
        """
        async with self._store.transaction() as repositories:
            job = await self._moved(repositories, name, JobAction.STOP)
            await move(repositories, self._connection, job.maps, action=Action.PAUSE)
            await self._tell(repositories, "stop integration job", job, "its maps are resumed")
        await self._router.renew()
        await self._resume(job.maps)

    async def ask(self, name: str, kind: RequestKind, errors: Sequence[int]) -> JobRequest:
        """The request waits for the job. Raises: NotAllowed; at most five wait, each about 10,000 errors at most."""
        async with self._store.transaction() as repositories:
            job = await repositories.integration_jobs.get(self._connection, name)
            outcome(JobAction.ASK, job)
            request = await repositories.integration_jobs.ask(self._connection, name, kind, errors, asked_by=self._who)
            await self._tell(repositories, f"{kind.value} errors", job, f"queued: {len(errors)} errors")
        return request

    async def _moved(self, repositories: Repositories, name: str, action: JobAction) -> IntegrationJob:
        """The job is in the state behind ``action``; the maps stay as they are until the transaction ends."""
        await repositories.maps.lock(self._connection)
        job = await repositories.integration_jobs.get(self._connection, name)
        after: JobState = outcome(action, job)
        await repositories.integration_jobs.set_state(self._connection, name, after, changed_by=self._who)
        return job

    async def _tell(self, repositories: Repositories, what: str, job: IntegrationJob, result: str) -> None:
        details = {"job": job.name, "maps": list(job.maps)}
        await repositories.activity.record(what, who=self._who, result=result, details=details)
