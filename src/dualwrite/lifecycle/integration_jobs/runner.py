"""What integration jobs do, round after round: changes are moved, map after map, and requests are seen to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, Protocol, TypeAlias

import structlog

from dualwrite.errors import DualwriteError
from dualwrite.metadata.schema import Side
from dualwrite.store.database import Store
from dualwrite.store.integration_jobs import IntegrationJob, JobRequest, JobState, RequestKind, RequestState
from dualwrite.store.maps import MapState
from dualwrite.sync.catch_up.replay import Replay, Replayed
from dualwrite.sync.rounds import Pause, round_after_round

log = structlog.get_logger(__name__)

ReplayOf: TypeAlias = Callable[[Side], Replay]
"""What carries the latest versions of records, for a job with this primary."""

_ROUND_S: Final = 1.0
_WINDOW: Final = 1000


class JobErrors(Protocol):
    """What a job's requests are about."""

    async def retry(self, errors: Sequence[int], *, who: str) -> str:
        """The errors have been tried again; says what came of it."""
        ...

    async def dismiss(self, errors: Sequence[int], *, who: str) -> str:
        """The errors are nobody's business any more; says how many those were."""
        ...


class JobRunner:
    """The active jobs of one connection, for as long as the program runs.

    Several processes may run them: what one has claimed in a queue, the others leave alone.
    """

    def __init__(
        self, store: Store, connection: str, replay_of: ReplayOf, errors: JobErrors, *, pause: Pause = asyncio.sleep
    ) -> None:
        self._store = store
        self._connection = connection
        self._replay_of = replay_of
        self._errors = errors
        self._pause = pause

    async def run(self) -> None:
        """Round after round until it is cancelled."""
        await round_after_round(
            self.round, between_s=lambda: _ROUND_S, failing="integration jobs wait", pause=self._pause
        )

    async def round(self) -> Replayed:
        """What waited when the round began has been moved, and its requests have been seen to.

        A job that fails says why, and does not keep the others. Idempotency: what has been moved is not in the queue.
        """
        moved = Replayed()
        for job in await self._store.integration_jobs.list(self._connection):
            if job.state is not JobState.ACTIVE:
                continue
            message = ""
            try:
                moved += await self._move(job)
                await self._see_to_requests(job)
            except DualwriteError as error:
                message = error.message
                log.warning("integration job waits", job=job.name, code=error.code, reason=error.message)
            if message != job.message:
                await self._store.integration_jobs.set_state(
                    self._connection, job.name, job.state, changed_by=job.changed_by, message=message
                )
        return moved

    async def _move(self, job: IntegrationJob) -> Replayed:
        """Map after map, in the job's sequence; what waits for a map that has been paused waits on."""
        moved = Replayed()
        replay = self._replay_of(job.primary)
        states = {each.name: each.state for each in await self._store.maps.list(self._connection)}
        for name in (each for each in job.maps if states.get(each) is MapState.RUNNING):
            for group in await replay.plan([name], most_transactions=_WINDOW):
                moved += await replay.carry_out(group)
        return moved

    async def _see_to_requests(self, job: IntegrationJob) -> None:
        for request in await self._store.integration_jobs.requests(
            self._connection, job.name, state=RequestState.QUEUED
        ):
            try:
                result, state = await self._carried_out(request), RequestState.DONE
            except DualwriteError as error:
                result, state = error.message, RequestState.FAILED
            await self._store.integration_jobs.end(request.id, state, result=result)

    async def _carried_out(self, request: JobRequest) -> str:
        if request.kind is RequestKind.RETRY:
            return await self._errors.retry(request.errors, who=request.asked_by)
        return await self._errors.dismiss(request.errors, who=request.asked_by)
