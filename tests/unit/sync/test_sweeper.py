"""The sweeper against environments that only remember what they were told."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import uuid4

import pytest

from dualwrite.environments.port import ChangeId, EnvironmentName, Epoch, PreparedName, PreparedTransaction
from dualwrite.errors import EnvironmentUnavailable
from dualwrite.sync.link import Pair
from dualwrite.sync.recovery import Recovered, Recovery
from dualwrite.sync.sweeper import Sweeper

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@dataclass
class Side:
    """An environment with prepared transactions of some ages."""

    ages_s: Sequence[float] = ()
    forgotten: list[datetime] = field(default_factory=list)
    away: bool = False

    async def prepared(self) -> Sequence[PreparedTransaction]:
        if self.away:
            raise EnvironmentUnavailable("away")
        return [
            PreparedTransaction(
                PreparedName("x"), EnvironmentName("a"), Epoch(1), ChangeId(uuid4()), NOON - timedelta(seconds=age)
            )
            for age in self.ages_s
        ]

    async def forget(self, before: datetime) -> None:
        self.forgotten.append(before)


@dataclass
class Settling:
    runs: int = 0
    left: int = 0

    async def left_behind(self) -> int:
        return self.left

    async def run(self) -> Recovered:
        self.runs += 1
        return Recovered(1, 0)


def sweeper(finops: Side, dataverse: Side, settling: Settling, **options: Any) -> Sweeper:
    pair = cast(Pair, Pair(cast(Any, finops), cast(Any, dataverse)))
    return Sweeper(pair, cast(Recovery, settling), now=lambda: NOON, **options)


@pytest.mark.parametrize(("ages_s", "runs"), [((), 0), ((0.5, 9), 0), ((0.5, 11), 1)])
async def test_only_what_is_prepared_for_long_is_settled(ages_s: Sequence[float], runs: int) -> None:
    settling = Settling()
    await sweeper(Side(), Side(ages_s), settling).sweep()
    assert settling.runs == runs


async def test_decisions_are_forgotten_once_an_hour() -> None:
    finops, dataverse = Side(), Side()
    swept = sweeper(finops, dataverse, Settling())
    await swept.sweep()
    await swept.sweep()
    assert finops.forgotten == dataverse.forgotten == [NOON - timedelta(hours=24)]


async def test_nothing_is_forgotten_while_a_transaction_waits_for_its_decision() -> None:
    finops, settling = Side(), Settling(left=1)
    swept = sweeper(finops, Side(), settling)
    await swept.sweep()
    assert finops.forgotten == []
    settling.left = 0
    await swept.sweep()
    assert finops.forgotten != []


async def test_a_round_that_fails_is_not_the_last() -> None:
    away, settling = Side(away=True), Settling()
    rounds = 0

    async def pause(seconds: float) -> None:
        nonlocal rounds
        rounds += 1
        away.away = rounds < 3
        away.ages_s = (60,)
        if rounds > 3:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await sweeper(away, Side(), settling, pause=pause).run()
    assert settling.runs == 1
