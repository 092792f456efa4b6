"""Killed at every named place, on either side: both sides agree after recovery, no change is half applied or lost."""

from __future__ import annotations

import pytest
from drill import Drill

from dualwrite.environments.crash_points import NAMES
from dualwrite.metadata.schema import Side

pytestmark = pytest.mark.crash

LIVE = tuple(name for name in NAMES if not name.startswith("recovery"))
TIMES = (1, 2, 3, 5, 8)


@pytest.mark.parametrize("side", [side.value for side in Side])
@pytest.mark.parametrize("name", LIVE)
async def test_a_kill_at_a_step_leaves_all_or_nothing(drill: Drill, side: str, name: str) -> None:
    for time in TIMES:
        assert drill.kill(place=f"{side}/{name}:{time}")
        await drill.recover()
        assert await drill.complaints() == []
