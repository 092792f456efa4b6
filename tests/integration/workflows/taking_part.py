"""What the tests of durable workflows say in one line."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from dualwrite.metadata.schema import Side
from dualwrite.store.initial_syncs import RunId, RunState
from dualwrite.workflows.conductor import DurableConductor
from dualwrite.workflows.limits import Limits
from dualwrite.workflows.work import Kind, Task, Works
from dualwrite.workflows.workers import Workers
from fakes.piecework import NoCatchUps, Piecework
from waiting import LONGEST_S

PLENTY = Limits()


def new_workers(work: Piecework, limits: Limits = PLENTY, *, version: str = "1") -> Workers:
    return Workers(
        work.conninfo,
        Works(work, NoCatchUps()),
        limits,
        version=version,
        environments={side: side.value for side in Side},
        now=lambda: datetime.now(UTC),
    )


def conductor_of(workers: Workers, work: Piecework) -> DurableConductor[RunId]:
    async def is_at_rest(run: RunId) -> bool:
        return work.state(run).is_at_rest

    return DurableConductor(workers, Kind.INITIAL_SYNC, is_at_rest=is_at_rest)


def task(run: RunId) -> Task:
    return Task(Kind.INITIAL_SYNC, run)


async def carried_out(workers: Workers, work: Piecework, run: RunId) -> RunState:
    """The run has been conducted until it was at rest."""
    conductor = conductor_of(workers, work)
    await conductor.conduct(run)
    await asyncio.wait_for(conductor.ended(run), LONGEST_S)
    return work.state(run)
