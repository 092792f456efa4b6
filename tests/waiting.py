"""Waiting for what other processes do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

LONGEST_S = 30
_LOOK_S = 0.02


async def until(condition: Callable[[], bool]) -> None:
    """The condition holds. Raises: TimeoutError."""
    async with asyncio.timeout(LONGEST_S):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_S)
