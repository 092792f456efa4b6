"""The workflows of a run of the initial sync, and their steps.

The coordinator has the run prepared, puts the batches of each wave into the queue and waits for them; then the second
pass; then the run is finished. A batch carries out its partitions one after the other, each a step. Whatever has been
recorded is not done again when another process takes a workflow over; what was under way is, and is idempotent.

DBOS knows workflows by their names and finds them when this module is imported; they find their work through the shift
that :mod:`runtime` has begun.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

import structlog
from dbos import DBOS, SetEnqueueOptions, StepOptions, WorkflowHandleAsync
from dbos import error as dbos_errors

from dualwrite.errors import Disposition, DualwriteError
from dualwrite.lifecycle.initial_sync.work import Carried
from dualwrite.metadata.schema import Side
from dualwrite.store.initial_syncs import RunId, RunState
from dualwrite.workflows.ledger import BATCH, BATCHES, COORDINATOR
from dualwrite.workflows.limits import Limits
from dualwrite.workflows.plan import Plan, Queued, partitions, plan_of
from dualwrite.workflows.shift import Doing, Piece, Shift

log = structlog.get_logger(__name__)

ATTEMPTS = 100
"""What has taken so many processes with it is not tried again."""
_ROUNDS = 5
"""A run that has not come further for so many rounds is broken off."""
_LOOK_S = 0.1

T = TypeVar("T")


@dataclass(slots=True)
class AtWork:
    """What the workflows of this process work with."""

    shift: Shift
    environments: Mapping[Side, str]
    limits: Limits


_at_work: AtWork | None = None


def begin(at_work: AtWork) -> None:
    """The workflows of this process have their work. Raises: RuntimeError, when they have another already."""
    global _at_work
    if _at_work is not None:
        raise RuntimeError("This process takes part in the work of another house already.")
    _at_work = at_work


def end() -> None:
    """The workflows of this process have no work any more."""
    global _at_work
    _at_work = None


def _here() -> AtWork:
    assert _at_work is not None
    return _at_work


@DBOS.workflow(name=COORDINATOR, max_recovery_attempts=10 * ATTEMPTS)
async def coordinate(run: str) -> None:
    """The run is at rest: it has ended, was paused, cancelled, or has failed."""
    _here().shift.enter()
    run_id = RunId(UUID(run))
    try:
        await _to_rest(run_id)
    except Exception as error:
        # The named supervisor of a run: whatever went wrong, people find it at the run.
        await _fail(run_id, error)


@DBOS.workflow(name=BATCH, max_recovery_attempts=ATTEMPTS)
async def carry_out_batch(run: str, numbers: list[int]) -> str:
    """The partitions are done, as far as the run goes on; says whether all are."""
    _here().shift.enter()
    run_id = RunId(UUID(run))
    for number in numbers:
        try:
            carried = await _step(Doing(run_id, Piece.PARTITION, number), _carried_out)
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
        plan = await _step(Doing(run, Piece.PREPARE), _prepared)
        left.append(partitions(plan))
        if len(left) > _ROUNDS and left[-1] >= left[-_ROUNDS - 1]:
            raise RuntimeError(f"{left[-1]} partitions could not be carried out, and nothing tells why.")
        if not await _through(run, plan):
            return
        if not await _through(run, await _step(Doing(run, Piece.SECOND_PASS), _second_pass)):
            return
        if await _step(Doing(run, Piece.FINISH), _finished) != RunState.RUNNING.value:
            return


async def _through(run: RunId, plan: Plan) -> bool:
    """The waves have been carried out; whether the run goes on."""
    for wave in plan["waves"]:
        await _wave(run, wave, at_once=plan["at_once"])
        if await _step(Doing(run, Piece.SETTLE), _settled) != RunState.RUNNING.value:
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
    with _here().shift.waiting():
        try:
            return await batch.get_result(polling_interval_sec=_LOOK_S) == Carried.DONE.value
        except dbos_errors.DBOSAwaitedWorkflowMaxRecoveryAttemptsExceeded:
            raise RuntimeError(
                f"Part of the run was given up after {ATTEMPTS} processes died of it; see the programs' logs."
            ) from None


async def _fail(run: RunId, error: Exception, *, number: int | None = None) -> None:
    if isinstance(error, DualwriteError):
        message = error.message
        log.error("initial sync failed", run=str(run), partition=number, code=error.code, reason=message)
    else:
        message = f"{type(error).__name__}: {error}"
        log.error("initial sync failed", run=str(run), partition=number, exc_info=error)

    async def failed(doing: Doing) -> str:
        return (await _here().shift.work.fail(run, message, number=number)).value

    await _step(Doing(run, Piece.FAIL, number), failed)


async def _step(doing: Doing, piece: Callable[[Doing], Awaitable[T]]) -> T:
    """The piece's recorded result; an environment that does not answer is waited for, two minutes."""
    name = doing.piece.value if doing.number is None else f"{doing.piece.value} {doing.number}"

    async def carried_out() -> T:
        return await _here().shift.carry_out(doing, lambda: piece(doing))

    options = StepOptions(
        name=name, retries_allowed=True, max_attempts=6, interval_seconds=1, backoff_rate=3, should_retry=_is_transient
    )
    return await DBOS.run_step_async(options, carried_out)


def _is_transient(error: BaseException) -> bool:
    return isinstance(error, DualwriteError) and error.disposition is not Disposition.TERMINAL


async def _prepared(doing: Doing) -> Plan:
    here = _here()
    return plan_of(await here.shift.work.prepare(doing.run), here.environments, here.limits)


async def _second_pass(doing: Doing) -> Plan:
    here = _here()
    return plan_of(await here.shift.work.second_pass(doing.run), here.environments, here.limits)


async def _settled(doing: Doing) -> str:
    return (await _here().shift.work.settle(doing.run)).value


async def _finished(doing: Doing) -> str:
    return (await _here().shift.work.finish(doing.run)).value


async def _carried_out(doing: Doing) -> str:
    assert doing.number is not None
    shift = _here().shift
    return (await shift.work.carry_out(doing.run, doing.number, worker=shift.worker)).value
