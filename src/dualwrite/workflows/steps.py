"""What the workflows of every kind have in common: what they work with, their steps, and waiting for each other.

The workflows find what they work with through the shift that :mod:`runtime` has begun.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from dbos import DBOS, StepOptions, WorkflowHandleAsync
from dbos import error as dbos_errors

from dualwrite.errors import Disposition, DualwriteError
from dualwrite.metadata.schema import Side
from dualwrite.workflows.limits import Limits
from dualwrite.workflows.shift import Doing, Shift
from dualwrite.workflows.work import Works

ATTEMPTS = 100
"""What has taken so many processes with it is not tried again."""
_LOOK_S = 0.1

T = TypeVar("T")


@dataclass(slots=True)
class AtWork:
    """What the workflows of this process work with; ``environments`` are the names of both sides' environments."""

    shift: Shift
    works: Works
    environments: Mapping[Side, str]
    limits: Limits

    @property
    def at_once(self) -> int:
        """So many batches are in the queue, or carried out, at the same time: enough for the workers, and few enough
        for a run that is to pause to do so soon."""
        return len(self.environments) * self.limits.environment_concurrency


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


def here() -> AtWork:
    """What the workflow works with."""
    assert _at_work is not None
    return _at_work


async def step(doing: Doing, piece: Callable[[], Awaitable[T]]) -> T:
    """The piece's recorded result; an environment that does not answer is waited for, two minutes."""
    name = doing.piece.value if doing.number is None else f"{doing.piece.value} {doing.number}"

    async def carried_out() -> T:
        return await here().shift.carry_out(doing, piece)

    options = StepOptions(
        name=name, retries_allowed=True, max_attempts=6, interval_seconds=1, backoff_rate=3, should_retry=_is_transient
    )
    return await DBOS.run_step_async(options, carried_out)


def _is_transient(error: BaseException) -> bool:
    return isinstance(error, DualwriteError) and error.disposition is not Disposition.TERMINAL


async def ended(workflow: WorkflowHandleAsync[T]) -> T:
    """What the workflow has given. Raises: RuntimeError, when it took one process after the other with it."""
    with here().shift.waiting():
        try:
            return await workflow.get_result(polling_interval_sec=_LOOK_S)
        except dbos_errors.DBOSAwaitedWorkflowMaxRecoveryAttemptsExceeded:
            raise RuntimeError(
                f"Part of the run was given up after {ATTEMPTS} processes died of it; see the programs' logs."
            ) from None


def refusal_in(error: Exception) -> DualwriteError | None:
    """What the program has refused on purpose, None for any other error; of several attempts the last."""
    attempts = getattr(error, "errors", None)
    last = attempts[-1] if isinstance(attempts, list) and attempts else error
    return last if isinstance(last, DualwriteError) else None
