"""What the tests of durable workflows say in one line."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from dualwrite.metadata.schema import Side
from dualwrite.store.initial_syncs import RunId, RunState
from dualwrite.workflows.conductor import DurableConductor
from dualwrite.workflows.limits import Limits
from dualwrite.workflows.workers import Workers
from fakes.piecework import Piecework
from waiting import LONGEST_S

PLENTY = Limits()


def new_workers(work: Piecework, limits: Limits = PLENTY, *, version: str = "1") -> Workers:
    return Workers(
        work.conninfo,
        work,
        limits,
        version=version,
        environments={side: side.value for side in Side},
        now=lambda: datetime.now(UTC),
    )


def conductor_of(workers: Workers, work: Piecework) -> DurableConductor:
    async def standing(run: RunId) -> RunState:
        return work.state(run)

    return DurableConductor(workers, standing=standing)


async def carried_out(workers: Workers, work: Piecework, run: RunId) -> RunState:
    """The run has been conducted until it was at rest."""
    conductor = conductor_of(workers, work)
    await conductor.conduct(run)
    await asyncio.wait_for(conductor.ended(run), LONGEST_S)
    return work.state(run)
