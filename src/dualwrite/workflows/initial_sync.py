"""The workflows of a run of the initial sync, and their steps.

The coordinator has the run prepared, puts the batches of each wave into the queue and waits for them; then the second
pass; then the run is finished. A batch carries out its partitions one after the other, each a step. Whatever has been
recorded is not done again when another process takes a workflow over; what was under way is, and is idempotent.

DBOS knows workflows by their names and finds them when this module is imported; they find their work through the shift
that :mod:`runtime` has begun.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

import structlog
from dbos import DBOS, SetEnqueueOptions, StepOptions, WorkflowHandleAsync

from dualwrite.errors import Disposition, DualwriteError
from dualwrite.lifecycle.initial_sync.work import Batch, Carried
from dualwrite.metadata.schema import Side
from dualwrite.store.initial_syncs import RunId, RunState
from dualwrite.workflows.ledger import BATCH, BATCHES, COORDINATOR
from dualwrite.workflows.shift import Doing, Piece, Shift

log = structlog.get_logger(__name__)


COORDINATOR_ATTEMPTS = 200
BATCH_ATTEMPTS = 20
"""What has taken so many processes with it is not tried again."""
AWAIT_S = 0.1

Waves = Sequence[Sequence[tuple[int, str, Sequence[int]]]]
"""Wave by wave the batches' number, target environment and partitions: JSON, as all that is recorded."""
T = TypeVar("T")


@dataclass(slots=True)
class AtWork:
    """What the workflows of this process work with."""

    shift: Shift
    environments: Mapping[Side, str]
    partition_is_batch: bool
    """Whether every partition is enqueued by itself, so that a limit of partitions per minute holds."""


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


@DBOS.workflow(name=COORDINATOR, max_recovery_attempts=COORDINATOR_ATTEMPTS)
async def coordinate(run: str) -> None:
    """The run is at rest: it has ended, was paused, cancelled, or has failed."""
    _here().shift.enter()
    run_id = RunId(UUID(run))
    try:
        if await _through(run_id, await _step(Doing(run_id, Piece.PREPARE), _prepared)) and await _through(
            run_id, await _step(Doing(run_id, Piece.SECOND_PASS), _second_pass)
        ):
            await _step(Doing(run_id, Piece.FINISH), _finished)
    except Exception as error:
        # The named supervisor of a run: whatever went wrong, people find it at the run.
        await _fail(run_id, error)


@DBOS.workflow(name=BATCH, max_recovery_attempts=BATCH_ATTEMPTS)
async def carry_out_batch(run: str, partitions: list[int]) -> None:
    """The partitions are done, as far as the run goes on."""
    _here().shift.enter()
    run_id = RunId(UUID(run))
    for number in partitions:
        doing = Doing(run_id, Piece.PARTITION, number)
        try:
            if await _step(doing, _carried_out) != Carried.DONE.value:
                return
        except Exception as error:
            # As above, for one partition.
            await _fail(run_id, error, number=number)
            return


async def _through(run: RunId, waves: Waves) -> bool:
    """The waves have been carried out; whether the run goes on."""
    queue = await DBOS.retrieve_queue_async(BATCHES)
    assert queue is not None
    for wave in waves:
        handles: list[WorkflowHandleAsync[None]] = []
        for _, environment, partitions in wave:
            with SetEnqueueOptions(queue_partition_key=environment):
                handles.append(await queue.enqueue_async(carry_out_batch, str(run), list(partitions)))
        with _here().shift.waiting():
            for handle in handles:
                await handle.get_result(polling_interval_sec=AWAIT_S)
        if await _step(Doing(run, Piece.SETTLE), _settled) != RunState.RUNNING.value:
            return False
    return True


async def _fail(run: RunId, error: Exception, *, number: int | None = None) -> None:
    message = error.message if isinstance(error, DualwriteError) else f"{type(error).__name__}: {error}"
    log.error("initial sync failed", run=str(run), partition=number, reason=message)

    async def failed(doing: Doing) -> str:
        return (await _here().shift.work.fail(run, message, number=number)).value

    await _step(Doing(run, Piece.FAIL, number), failed)


async def _step(doing: Doing, piece: Callable[[Doing], Awaitable[T]]) -> T:
    """The piece's recorded result; transient errors are worth another try or two."""
    name = doing.piece.value if doing.number is None else f"{doing.piece.value} {doing.number}"

    async def carried_out() -> T:
        return await _here().shift.carry_out(doing, lambda: piece(doing))

    options = StepOptions(
        name=name, retries_allowed=True, max_attempts=4, interval_seconds=1, backoff_rate=3, should_retry=_is_transient
    )
    return await DBOS.run_step_async(options, carried_out)


def _is_transient(error: BaseException) -> bool:
    return isinstance(error, DualwriteError) and error.disposition is not Disposition.TERMINAL


async def _prepared(doing: Doing) -> Waves:
    return _spelled(await _here().shift.work.prepare(doing.run))


async def _second_pass(doing: Doing) -> Waves:
    return _spelled(await _here().shift.work.second_pass(doing.run))


async def _settled(doing: Doing) -> str:
    return (await _here().shift.work.settle(doing.run)).value


async def _finished(doing: Doing) -> str:
    return (await _here().shift.work.finish(doing.run)).value


async def _carried_out(doing: Doing) -> str:
    assert doing.number is not None
    shift = _here().shift
    return (await shift.work.carry_out(doing.run, doing.number, worker=shift.worker)).value


def _spelled(waves: Sequence[Sequence[Batch]]) -> Waves:
    here = _here()
    return [
        [
            (batch.number, here.environments[batch.target], partitions)
            for batch in wave
            for partitions in ([[each] for each in batch.partitions] if here.partition_is_batch else [batch.partitions])
        ]
        for wave in waves
    ]
