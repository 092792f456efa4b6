"""What is done round after round, for as long as the program runs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import NoReturn, TypeAlias

import structlog

from dualwrite.errors import DualwriteError

log = structlog.get_logger(__name__)

Pause: TypeAlias = Callable[[float], Awaitable[None]]


async def round_after_round(
    work: Callable[[], Awaitable[object]],
    *,
    between_s: Callable[[], float],
    failing: str,
    pause: Pause = asyncio.sleep,
    rests_first: bool = False,
) -> NoReturn:
    """Works until it is cancelled, with a pause in between; ``rests_first`` begins with one.

    After failure: the log says so in the words ``failing``, and the next round makes up for it.
    """
    if rests_first:
        await pause(between_s())
    while True:
        try:
            await work()
        except DualwriteError as error:
            log.warning(failing, code=error.code, reason=error.message)
        except Exception:
            # The named supervisor of all loops: whatever went wrong is told, and the next round goes on.
            log.exception(failing)
        await pause(between_s())
