"""One partition of an initial sync: read, judged, written and rechecked in one transaction of the target."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeAlias

from dualwrite.errors import Contention
from dualwrite.sync.initial_sync.desk import Desk, route_there, whole_rows
from dualwrite.sync.initial_sync.endings import Endings
from dualwrite.sync.initial_sync.frame_writing import write_frames
from dualwrite.sync.initial_sync.job import PartitionJob, PartitionOutcome, RefusedRow
from dualwrite.sync.initial_sync.judging import judge
from dualwrite.sync.initial_sync.reading import read_rows
from dualwrite.sync.initial_sync.recheck import close_gates, recheck
from dualwrite.sync.initial_sync.row_path import write_one_by_one
from dualwrite.sync.initial_sync.written import Written
from dualwrite.sync.link import Pair, Routing

KeepRefused: TypeAlias = Callable[[PartitionJob, Sequence[RefusedRow]], Awaitable[None]]
"""The refused rows of the partition are these, whatever an earlier attempt has told."""

Reached: TypeAlias = Callable[[str], Awaitable[None]]
"""Is told the steps of a partition as they are reached."""

_ATTEMPTS: Final = 12
_MOST_DOUBLINGS: Final = 6


async def nothing_more(step: str) -> None:
    """Nobody wants to know."""


async def carry_out(
    pair: Pair, routing: Routing, job: PartitionJob, *, keep_refused: KeepRefused, reached: Reached = nothing_more
) -> PartitionOutcome:
    """The partition's rows are in the target, equal where the map carries a column; refused ones are told.

    Atomicity: the partition, in one transaction of the target; within it a refused row is undone alone. Idempotency: by
    run and number; a partition that has been committed is not done again, its outcome is read back. Ordering: none
    among partitions of one wave. After failure: nothing was written; the refused rows may have been told already.

    ``routing`` must hold since before the partition's rows were counted: its maps are live, their tables in
    ``copying``. ``reached`` is told the steps: ``read``, ``judged``, ``written``, ``gates closed``, ``rechecked``,
    ``committed``. Raises: Contention when others are in the way for too long, EnvironmentUnavailable.
    """
    for attempt in range(_ATTEMPTS):
        try:
            return await _attempt(pair, routing, job, keep_refused, reached)
        except Contention:
            if attempt == _ATTEMPTS - 1:
                raise
            await asyncio.sleep(random.uniform(0.02, 0.1) * 2 ** min(attempt, _MOST_DOUBLINGS))
    raise AssertionError("unreachable")


async def _attempt(
    pair: Pair, routing: Routing, job: PartitionJob, keep_refused: KeepRefused, reached: Reached
) -> PartitionOutcome:
    source, target = pair.side(job.route.source.side), pair.side(job.route.target.side)
    async with source.copying() as reading, target.copying() as writing:
        await writing.begin()
        known = await writing.outcome_of(job.run, job.number)
        if known is not None:
            return PartitionOutcome.from_json(known)
        await reading.begin()
        rows = await read_rows(reading, routing, job, route=route_there(job))
        await reached("read")
        desk = Desk(reading, writing, routing, job, rows.frame, Endings(job, rows))
        await _write(desk, keep_refused, reached)
        outcome = await _outcome(desk)
        await writing.keep_outcome(job.run, job.number, outcome.to_json())
        await writing.commit()
        await reached("committed")
        return outcome


async def _write(desk: Desk, keep_refused: KeepRefused, reached: Reached) -> None:
    """The rows are written and the refused ones told; the gates are closed if anything was written."""
    written = Written()
    judged = await judge(desk, desk.rows)
    await reached("judged")
    left = await write_frames(desk, judged, written)
    del judged
    await write_one_by_one(desk, await whole_rows(desk, left), written)
    await reached("written")
    await keep_refused(desk.job, desk.endings.refused)
    if not written.positions:
        return
    await close_gates(desk)
    await reached("gates closed")
    if await recheck(desk, written):
        await keep_refused(desk.job, desk.endings.refused)
    await reached("rechecked")


async def _outcome(desk: Desk) -> PartitionOutcome:
    job = desk.job
    if job.second_pass_of is None:
        return desk.endings.outcome()
    first = await desk.target.outcome_of(job.run, job.second_pass_of)
    return desk.endings.correction(PartitionOutcome() if first is None else PartitionOutcome.from_json(first))
