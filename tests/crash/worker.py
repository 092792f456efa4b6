"""A process that takes part in piecework until it is killed: ``python worker.py CONNINFO``; says so when it does."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime

from dualwrite.metadata.schema import Side
from dualwrite.workflows.limits import Limits
from dualwrite.workflows.workers import Workers
from fakes.piecework import Piecework


async def main(conninfo: str) -> None:
    workers = Workers(
        conninfo,
        Piecework(conninfo),
        Limits(),
        version="1",
        environments={side: side.value for side in Side},
        now=lambda: datetime.now(UTC),
    )
    await workers.join()
    print(workers.name, flush=True)
    await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
