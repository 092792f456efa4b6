"""A process that gives birth to workers: it imports everything once, then forks, so that a worker costs little.

Orders on standard input, as JSON lines: ``{"start": [...], "variables": {...}, "log": "..."}`` is answered with the
process id of a new worker, ``{"wait": id}`` with its exit code, negative when it was killed. What is started is
``["program", ...]``, the command line of the program, or ``["piecework", conninfo, version]``.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import traceback
from datetime import UTC, datetime

import dualwrite.cli.worker
import dualwrite.sync.initial_sync.partition
import dualwrite.sync.initial_sync.survey
import dualwrite.workflows.runtime
import dualwrite.workflows.watch
from dualwrite.cli.main import main as program
from dualwrite.metadata.schema import Side
from dualwrite.workflows.limits import Limits
from dualwrite.workflows.work import Works
from dualwrite.workflows.workers import Workers
from fakes.piecework import NoCatchUps, Piecework

GRACE_S = 5
LOADED = (dualwrite.cli.worker, dualwrite.sync.initial_sync.partition, dualwrite.workflows.runtime)


async def piecework(conninfo: str, version: str) -> None:
    """Takes part in piecework until it is told to stop."""
    workers = Workers(
        conninfo,
        Works(Piecework(conninfo), NoCatchUps()),
        Limits(),
        version=version,
        environments={side: side.value for side in Side},
        now=lambda: datetime.now(UTC),
    )
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    await workers.join()
    print(f"takes part as {workers.name}", flush=True)
    await stopped.wait()
    await workers.close(grace_s=GRACE_S)


def _child(kind: str, *arguments: str) -> int:
    try:
        if kind == "program":
            program(arguments)
        else:
            asyncio.run(piecework(*arguments))
    except SystemExit as ended:
        return int(ended.code or 0)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def _start(order: dict[str, object]) -> int:
    pid = os.fork()
    if pid:
        return pid
    log = os.open(str(order["log"]), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.environ.update(order["variables"])  # type: ignore[call-overload]
    code = _child(*order["start"])  # type: ignore[misc]
    sys.stdout.flush()
    os._exit(code)


def main() -> None:
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        answer = _start(order) if "start" in order else os.waitstatus_to_exitcode(os.waitpid(order["wait"], 0)[1])
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
