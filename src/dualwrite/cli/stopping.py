"""Jobs that last until somebody stops them: Ctrl-C and SIGTERM end them in order, with everything closed."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable


def run_until_stopped(job: Awaitable[None]) -> int:
    """The job is through, or was stopped by SIGINT or SIGTERM, and everything it opened is closed; the exit code."""

    async def until_stopped() -> None:
        loop = asyncio.get_running_loop()
        work = asyncio.ensure_future(job)
        stopped = False

        def stop() -> None:
            nonlocal stopped
            if not stopped:
                stopped = True
                work.cancel()

        for each in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(each, stop)
        try:
            await work
        except asyncio.CancelledError:
            if not stopped:
                raise

    with asyncio.Runner(loop_factory=_event_loop) as runner:
        runner.run(until_stopped())
    return 0


def _event_loop() -> asyncio.AbstractEventLoop:
    if sys.platform == "win32":
        return asyncio.new_event_loop()
    import uvloop

    return uvloop.new_event_loop()
