"""The workflows of a run of the initial sync, and their steps.

The coordinator has the run prepared, puts the batches of each wave into the queue and waits for them; then the second
pass; then the run is finished. A batch carries out its partitions one after the other, each a step. Whatever has been
recorded is not done again when another process takes a workflow over; what was under way is, and is idempotent.

DBOS knows workflows by their names and finds them when this module is imported.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from uuid import UUID

import structlog
from dbos import DBOS, SetEnqueueOptions, WorkflowHandleAsync

from dualwrite.lifecycle.initial_sync.work import Carried
from dualwrite.store.initial_syncs import RunId, RunState
from dualwrite.workflows.ledger import BATCHES, PART_OF
from dualwrite.workflows.plan import Plan, Queued, partitions, plan_of
from dualwrite.workflows.shift import Doing, Piece
from dualwrite.workflows.steps import ATTEMPTS, ended, here, refusal_in, step
from dualwrite.workflows.work import InitialSyncs, Kind

log = structlog.get_logger(__name__)

_ROUNDS = 5
"""A run that has not come further for so many rounds is broken off."""


@DBOS.workflow(name=Kind.INITIAL_SYNC.value, max_recovery_attempts=10 * ATTEMPTS)
async def coordinate(run: str) -> None:
    """The run is at rest: it has ended, was paused, cancelled, or has failed."""
    here().shift.enter()
    run_id = RunId(UUID(run))
    try:
        await _to_rest(run_id)
    except Exception as error:
        # The named supervisor of a run: whatever went wrong, people find it at the run.
        await _fail(run_id, error)


@DBOS.workflow(name=PART_OF[Kind.INITIAL_SYNC], max_recovery_attempts=ATTEMPTS)
async def carry_out_batch(run: str, numbers: list[int]) -> str:
    """The partitions are done, as far as the run goes on; says whether all are."""
    here().shift.enter()
    run_id = RunId(UUID(run))
    for number in numbers:
        try:
            carried = await _carried_out(run_id, number)
        except Exception as error:
            # As above, for one partition.
            await _fail(run_id, error, number=number)
            carried = Carried.NOT_DONE.value
        if carried != Carried.DONE.value:
            return carried
    return Carried.DONE.value


async def _to_rest(run: RunId) -> None:
    """Round after round is done until nothing is left; usually one is enough."""
    left: list[int] = []
    while True:
        plan = await _prepared(run)
        left.append(partitions(plan))
        if len(left) > _ROUNDS and left[-1] >= left[-_ROUNDS - 1]:
            raise RuntimeError(f"{left[-1]} partitions could not be carried out, and nothing tells why.")
        if not await _through(run, plan):
            return
        if not await _through(run, await _second_pass(run)):
            return
        if await _finished(run) != RunState.RUNNING.value:
            return


async def _through(run: RunId, plan: Plan) -> bool:
    """The waves have been carried out; whether the run goes on."""
    for wave in plan["waves"]:
        await _wave(run, wave, at_once=plan["at_once"])
        if await _settled(run) != RunState.RUNNING.value:
            return False
    return True


async def _wave(run: RunId, wave: Sequence[Queued], *, at_once: int) -> None:
    """Nothing of the wave is under way any more; when a batch stops before its end, no other is begun."""
    queue = await DBOS.retrieve_queue_async(BATCHES)
    assert queue is not None
    under_way: deque[WorkflowHandleAsync[str]] = deque()
    goes_on = True
    for environment, numbers in wave:
        if len(under_way) >= at_once:
            goes_on = await _ended(under_way.popleft())
        if not goes_on:
            break
        with SetEnqueueOptions(queue_partition_key=environment):
            under_way.append(await queue.enqueue_async(carry_out_batch, str(run), list(numbers)))
    while under_way:
        await _ended(under_way.popleft())


async def _ended(batch: WorkflowHandleAsync[str]) -> bool:
    """The batch has ended; whether all of it is done."""
    return await ended(batch) == Carried.DONE.value


async def _fail(run: RunId, error: Exception, *, number: int | None = None) -> None:
    refusal = refusal_in(error)
    if refusal is not None:
        message = refusal.message
        log.error("initial sync failed", run=str(run), partition=number, code=refusal.code, reason=message)
    else:
        message = f"{type(error).__name__}: {error}"
        log.error("initial sync failed", run=str(run), partition=number, exc_info=error)

    async def failed() -> str:
        return (await _work().fail(run, message, number=number)).value

    await step(Doing(run, Piece.FAIL, number), failed)


def _work() -> InitialSyncs:
    return here().works.initial_syncs


async def _prepared(run: RunId) -> Plan:
    async def prepared() -> Plan:
        return plan_of(await _work().prepare(run), here().environments, here().limits)

    return await step(Doing(run, Piece.PREPARE), prepared)


async def _second_pass(run: RunId) -> Plan:
    async def second_pass() -> Plan:
        return plan_of(await _work().second_pass(run), here().environments, here().limits)

    return await step(Doing(run, Piece.SECOND_PASS), second_pass)


async def _settled(run: RunId) -> str:
    async def settled() -> str:
        return (await _work().settle(run)).value

    return await step(Doing(run, Piece.SETTLE), settled)


async def _finished(run: RunId) -> str:
    async def finished() -> str:
        return (await _work().finish(run)).value

    return await step(Doing(run, Piece.FINISH), finished)


async def _carried_out(run: RunId, number: int) -> str:
    async def carried_out() -> str:
        return (await _work().carry_out(run, number, worker=here().shift.worker)).value

    return await step(Doing(run, Piece.PARTITION, number), carried_out)
