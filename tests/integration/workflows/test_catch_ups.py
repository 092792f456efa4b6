"""A catch-up as durable workflows: window after window, then the hand-over; where users are quicker, in turns."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from dualwrite.errors import RecordRefused
from dualwrite.lifecycle.catch_up.work import FEW, Window
from dualwrite.metadata.schema import Side
from dualwrite.store.catch_ups import CatchUpId, CatchUpState
from dualwrite.sync.catch_up.replay import Group
from dualwrite.workflows.conductor import DurableConductor
from dualwrite.workflows.limits import Limits
from dualwrite.workflows.work import Kind, Works
from dualwrite.workflows.workers import Workers
from fakes.piecework import Piecework
from waiting import LONGEST_S

_GROUP = 50


@dataclass
class Queue:
    """Implements ``workflows.work.CatchUps`` over a number of transactions; ``arriving`` more come with every group."""

    left: int
    arriving: int = 0
    broken: bool = False
    state: CatchUpState = CatchUpState.REPLAYING
    told: list[str] = field(default_factory=list)

    async def plan(self, run: CatchUpId) -> Window | None:
        if self.state.is_at_rest:
            return None
        self.told.append(f"plan {self.left}")
        if self.left <= FEW:
            return Window((), self.left)
        sides = (Side.FINOPS, Side.DATAVERSE)
        return Window(tuple(Group(side, ("Customers",), ((1, 2),)) for side in sides), self.left)

    async def carry_out(self, run: CatchUpId, group: Group) -> bool:
        if self.broken:
            raise RecordRefused("The group is broken.")
        self.left += self.arriving - _GROUP
        self.told.append(f"carry out {group.side.value}")
        return True

    async def hand_over(self, run: CatchUpId) -> CatchUpState:
        self.told.append("hand over")
        self.left -= 2 * _GROUP
        if self.left <= 0:
            self.state = CatchUpState.COMPLETED
        return self.state

    async def fail(self, run: CatchUpId, message: str) -> CatchUpState:
        self.told.append(f"fail: {message}")
        self.state = CatchUpState.FAILED
        return self.state

    async def unfinished(self) -> tuple[CatchUpId, ...]:
        return ()


CaughtUp = Callable[[Queue], Awaitable[list[str]]]


@pytest.fixture
def caught_up(database: str) -> CaughtUp:
    """The catch-up has been conducted until it was at rest; gives what was done."""

    async def caught_up(queue: Queue) -> list[str]:
        workers = Workers(
            database,
            Works(Piecework(database), queue),
            Limits(),
            version="1",
            environments={side: side.value for side in Side},
            now=lambda: datetime.now(UTC),
        )

        async def is_at_rest(_: CatchUpId) -> bool:
            return queue.state.is_at_rest

        conductor = DurableConductor(workers, Kind.CATCH_UP, is_at_rest=is_at_rest)
        run = CatchUpId(uuid4())
        await conductor.conduct(run)
        await asyncio.wait_for(conductor.ended(run), LONGEST_S)
        await workers.close()
        return queue.told

    return caught_up


async def test_windows_are_carried_out_until_users_may_wait_for_the_rest(caught_up: CaughtUp) -> None:
    told = await caught_up(Queue(left=250))
    assert [each.split()[0] for each in told] == ["plan", "carry", "carry", "plan", "carry", "carry", "plan", "hand"]
    assert set(told[1:3]) == {"carry out finops", "carry out dataverse"} and told[3] == "plan 150"


async def test_users_who_are_quicker_than_the_replay_are_made_to_wait_now_and_then(caught_up: CaughtUp) -> None:
    told = await caught_up(Queue(left=250, arriving=60))
    assert [each for each in told if not each.startswith("carry")] == [
        *("plan 250", "plan 270", "hand over"),
        *("plan 170", "plan 190", "hand over"),
        *("plan 90", "hand over"),
    ]


async def test_a_catch_up_that_breaks_has_failed_with_the_reason(caught_up: CaughtUp) -> None:
    told = await caught_up(Queue(left=250, broken=True))
    assert "fail: The group is broken." in told and "hand over" not in told
