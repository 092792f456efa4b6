"""One partition of an initial sync: read, judged, written and rechecked in one transaction of the target."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Final, TypeAlias
from uuid import UUID

from dualwrite.environments.bulk import CopyParticipant
from dualwrite.errors import Contention
from dualwrite.sync.initial_sync.desk import Desk, route_there, whole_rows
from dualwrite.sync.initial_sync.endings import Endings
from dualwrite.sync.initial_sync.equal_rows import read_unequal
from dualwrite.sync.initial_sync.frame_writing import write_frames
from dualwrite.sync.initial_sync.job import Ending, PartitionJob, PartitionOutcome, RefusedRow, together
from dualwrite.sync.initial_sync.judging import judge
from dualwrite.sync.initial_sync.reading import Glance, read_rows
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
        known = await _known(writing, job.run, job.number)
        if known is not None:
            return known
        first = None if job.second_pass_of is None else await _known(writing, job.run, job.second_pass_of)
        await reading.begin()
        desks: list[Desk] = []
        for part in parts(job, first):
            rows = await read_unequal(reading, writing, routing, part)
            if rows is None:
                rows = await read_rows(reading, routing, part, glance=Glance(route_there(part)))
            desks.append(Desk(reading, writing, routing, part, rows.frame, Endings(part, rows)))
        await reached("read")
        await _write(desks, keep_refused, reached)
        ended = [desk.endings.outcome() if first is None else desk.endings.correction(first) for desk in desks]
        outcome = together(ended)
        await writing.keep_outcome(job.run, job.number, outcome.to_json())
        await writing.commit()
        await reached("committed")
        return outcome


async def _known(session: CopyParticipant, run: UUID, number: int) -> PartitionOutcome | None:
    kept = await session.outcome_of(run, number)
    return None if kept is None else PartitionOutcome.from_json(kept)


def parts(job: PartitionJob, first: PartitionOutcome | None) -> Sequence[PartitionJob]:
    """Rows that a run has inserted and not completed yet, or could not insert, are whole: this one and earlier ones.

    They get all columns whichever way the master's is.
    """
    own = set(job.unfinished)
    for each in first.left_open if first is not None else ():
        if each.ending in (Ending.INSERTED, Ending.REFUSED):
            own.update(each.ids)
    if not own:
        return [job]
    if job.ids is None:
        return [replace(job, ids=tuple(own), whole=True), replace(job, without_ids=job.without_ids | own)]
    whole = tuple(each for each in job.ids if each in own)
    others = tuple(each for each in job.ids if each not in own)
    return [replace(job, ids=whole, whole=True), replace(job, ids=others)]


async def _write(desks: Sequence[Desk], keep_refused: KeepRefused, reached: Reached) -> None:
    """The rows are written and the refused ones told; the gates are closed if anything was written."""
    written = [await _write_rows(desk, reached) for desk in desks]
    await reached("written")
    job = desks[0].job
    await keep_refused(job, _refused(desks))
    if not any(each.positions for each in written):
        return
    await close_gates(desks[0])
    await reached("gates closed")
    again = [await recheck(desk, each) for desk, each in zip(desks, written, strict=True)]
    if any(again):
        await keep_refused(job, _refused(desks))
    await reached("rechecked")


async def _write_rows(desk: Desk, reached: Reached) -> Written:
    written = Written()
    judged = await judge(desk, desk.rows)
    await reached("judged")
    left = await write_frames(desk, judged, written)
    del judged
    await write_one_by_one(desk, await whole_rows(desk, left), written)
    return written


def _refused(desks: Sequence[Desk]) -> Sequence[RefusedRow]:
    return [row for desk in desks for row in desk.endings.refused]
