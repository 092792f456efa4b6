"""Killed at any moment, under load from both sides, also while recovering: both sides agree after the next recovery."""

from __future__ import annotations

import random

import pytest
from drill import CLIENTS, Drill

pytestmark = pytest.mark.crash

KILLS = 120
TOGETHER = 3
"""After how many kills without recovery in between the databases are looked at: a process may die again and again."""
LONGEST_LIFE_MS = 90


async def test_kills_at_random_moments_leave_all_or_nothing(drill: Drill) -> None:
    chance = random.Random(20200825)
    for number in range(KILLS):
        assert drill.kill(clients=CLIENTS, after_ms=chance.uniform(0, LONGEST_LIFE_MS))
        if number % TOGETHER == TOGETHER - 1:
            await drill.recover()
            assert await drill.complaints() == []


@pytest.mark.parametrize("side", ["finops", "dataverse"])
@pytest.mark.parametrize("left_at", ["target.prepared", "source.deciding", "source.committed"])
@pytest.mark.parametrize("place", ["recovery.raised", "recovery.settling", "recovery.settled"])
async def test_a_recovery_that_is_killed_is_taken_up_by_the_next(
    drill: Drill, place: str, left_at: str, side: str
) -> None:
    assert drill.kill(place=f"{side}/{left_at}:2")
    assert drill.kill(recover=place)
    await drill.recover()
    assert await drill.complaints() == []
