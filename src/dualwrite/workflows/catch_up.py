"""The workflows of a catch-up, and their steps.

The coordinator plans a window of the queue, has its groups carried out in any order, and plans the next, until so
little is left that users may wait for it; then it hands over. Whatever has been recorded is not done again when another
process takes a workflow over; what was under way is, and is idempotent.

DBOS knows workflows by their names and finds them when this module is imported.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TypeAlias, TypedDict
from uuid import UUID

import structlog
from dbos import DBOS, SetEnqueueOptions, WorkflowHandleAsync

from dualwrite.lifecycle.catch_up.work import FEW
from dualwrite.store.catch_ups import CatchUpId, CatchUpState
from dualwrite.sync.catch_up.replay import Group
from dualwrite.workflows.ledger import BATCHES, PART_OF
from dualwrite.workflows.shift import Doing, Piece
from dualwrite.workflows.steps import ATTEMPTS, ended, here, refusal_in, step
from dualwrite.workflows.work import Kind

log = structlog.get_logger(__name__)

_Queued: TypeAlias = tuple[str, str]
"""The target environment's name, and the group as JSON."""


class Planned(TypedDict):
    """The window as it is recorded: JSON."""

    groups: Sequence[_Queued]
    left: int


@DBOS.workflow(name=Kind.CATCH_UP.value, max_recovery_attempts=10 * ATTEMPTS)
async def coordinate(run: str) -> None:
    """The catch-up is at rest: its maps are running, or stopped, or paused again because it has failed."""
    here().shift.enter()
    run_id = CatchUpId(UUID(run))
    try:
        await _to_rest(run_id)
    except Exception as error:
        # The named supervisor of a catch-up: whatever went wrong, people find it there.
        await _fail(run_id, error)


@DBOS.workflow(name=PART_OF[Kind.CATCH_UP], max_recovery_attempts=ATTEMPTS)
async def carry_out_group(run: str, number: int, group: str) -> bool:
    """What the group holds has left the queue; False when the catch-up is not to go on."""
    here().shift.enter()
    run_id = CatchUpId(UUID(run))

    async def carried_out() -> bool:
        return await here().works.catch_ups.carry_out(run_id, Group.from_json(group))

    try:
        return await step(Doing(run_id, Piece.GROUP, number), carried_out)
    except Exception as error:
        # As above, for one group.
        await _fail(run_id, error)
        return False


async def _to_rest(run: CatchUpId) -> None:
    """Window after window is carried out. Where users are quicker than that, they are made to wait now and then."""
    done, before = 0, None
    while (planned := await _planned(run)) is not None:
        left = planned["left"]
        if left <= FEW or (before is not None and left >= before):
            if await _handed_over(run):
                return
        else:
            await _carry_out(run, planned["groups"], first=done)
            done += len(planned["groups"])
        before = left


async def _planned(run: CatchUpId) -> Planned | None:
    async def planned() -> Planned | None:
        at_work = here()
        window = await at_work.works.catch_ups.plan(run)
        if window is None:
            return None
        groups = [(at_work.environments[each.side.partner], each.to_json()) for each in window.groups]
        return Planned(groups=groups, left=window.left)

    return await step(Doing(run, Piece.PLAN), planned)


async def _handed_over(run: CatchUpId) -> bool:
    async def state() -> str:
        return (await here().works.catch_ups.hand_over(run)).value

    return await step(Doing(run, Piece.HAND_OVER), state) != CatchUpState.REPLAYING.value


async def _carry_out(run: CatchUpId, groups: Sequence[_Queued], *, first: int) -> None:
    """Nothing of the window is under way any more."""
    queue = await DBOS.retrieve_queue_async(BATCHES)
    assert queue is not None
    under_way: deque[WorkflowHandleAsync[bool]] = deque()
    for number, (environment, group) in enumerate(groups, start=first):
        if len(under_way) >= here().at_once and not await ended(under_way.popleft()):
            break
        with SetEnqueueOptions(queue_partition_key=environment):
            under_way.append(await queue.enqueue_async(carry_out_group, str(run), number, group))
    while under_way:
        await ended(under_way.popleft())


async def _fail(run: CatchUpId, error: Exception) -> None:
    refusal = refusal_in(error)
    if refusal is not None:
        message = refusal.message
        log.error("catch-up failed", run=str(run), code=refusal.code, reason=message)
    else:
        message = f"{type(error).__name__}: {error}"
        log.error("catch-up failed", run=str(run), exc_info=error)

    async def failed() -> str:
        return (await here().works.catch_ups.fail(run, message)).value

    await step(Doing(run, Piece.FAIL), failed)
