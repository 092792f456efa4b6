"""A process that takes part in piecework until it is stopped or killed: ``python worker.py CONNINFO [VERSION]``."""

from __future__ import annotations

import asyncio
import signal
import sys
from datetime import UTC, datetime

from dualwrite.metadata.schema import Side
from dualwrite.workflows.limits import Limits
from dualwrite.workflows.workers import Workers
from fakes.piecework import Piecework

GRACE_S = 5


async def main(conninfo: str, version: str = "1") -> None:
    workers = Workers(
        conninfo,
        Piecework(conninfo),
        Limits(),
        version=version,
        environments={side: side.value for side in Side},
        now=lambda: datetime.now(UTC),
    )
    await workers.join()
    print(f"takes part as {workers.name}", flush=True)
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    await stopped.wait()
    await workers.close(grace_s=GRACE_S)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
