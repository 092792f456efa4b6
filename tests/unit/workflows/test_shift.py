"""A process leaves in order: what is under way may end, nothing is begun, and what takes too long is broken off."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from uuid import uuid4

from dualwrite.store.initial_syncs import RunId
from dualwrite.workflows.shift import Doing, Done, Piece, Shift

RUN = RunId(uuid4())
FIRST, SECOND = Doing(RUN, Piece.PARTITION, 1), Doing(RUN, Piece.PARTITION, 2)


def new_shift(done: list[Done] | None = None) -> Shift:
    listeners = [] if done is None else [done.append]
    return Shift(worker="w", listeners=listeners)


def workflow(shift: Shift, *pieces: tuple[Doing, Callable[[], Awaitable[None]]]) -> asyncio.Task[None]:
    """Carries out the pieces one after the other."""

    async def run() -> None:
        shift.enter()
        for doing, piece in pieces:
            await shift.carry_out(doing, piece)

    return asyncio.create_task(run())


async def nothing() -> None: ...


async def test_pieces_are_told_when_they_have_ended() -> None:
    done: list[Done] = []
    shift = new_shift(done)
    await workflow(shift, (FIRST, nothing), (SECOND, nothing))
    assert [each.doing for each in done] == [FIRST, SECOND] and shift.doing == ()


async def test_what_is_under_way_comes_to_its_end_and_nothing_else_is_begun() -> None:
    done: list[Done] = []
    shift, go_on = new_shift(done), asyncio.Event()
    running = workflow(shift, (FIRST, go_on.wait), (SECOND, nothing))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    assert shift.doing == (FIRST,)
    leaving = asyncio.create_task(shift.leave(grace_s=60))
    await asyncio.sleep(0)
    assert not leaving.done()
    go_on.set()
    await leaving
    assert running.cancelled() and [each.doing for each in done] == [FIRST]


async def test_what_takes_longer_than_the_grace_is_broken_off() -> None:
    shift = new_shift()
    running = workflow(shift, (FIRST, asyncio.Event().wait))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    await shift.leave(grace_s=0)
    assert running.cancelled() and shift.doing == ()


async def test_nobody_waits_for_a_workflow_that_waits_for_others() -> None:
    shift = new_shift()

    async def coordinate() -> None:
        shift.enter()
        with shift.waiting():
            await asyncio.Event().wait()

    running = asyncio.create_task(coordinate())
    await asyncio.sleep(0)
    await shift.leave(grace_s=3600)
    assert running.cancelled()


async def test_what_comes_when_everybody_has_left_is_given_up_too() -> None:
    shift = new_shift()
    await shift.leave(grace_s=0)
    late = workflow(shift, (FIRST, nothing))
    await asyncio.sleep(0)
    await shift.leave(grace_s=3600)
    assert late.cancelled()
