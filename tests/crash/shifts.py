"""Processes that take part in runs: started, killed, and replaced, so that there are always as many."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from types import TracebackType

HERE = Path(__file__).parent
LONGEST_S = 60.0
LONGEST_PAUSE_S = 1.6


@dataclass(frozen=True)
class Nursery:
    """The process whose children the workers are; see ``nursery.py``."""

    process: subprocess.Popen[str]
    logs: Path
    _numbers: Iterator[int] = field(default_factory=count)

    def start(self, arguments: Sequence[str], variables: Mapping[str, str]) -> Worker:
        log = self.logs / f"worker-{next(self._numbers)}.log"
        return Worker(self, int(self._answer(start=list(arguments), variables=dict(variables), log=str(log))), log)

    def wait(self, pid: int) -> int:
        return int(self._answer(wait=pid))

    def _answer(self, **order: object) -> str:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return str(json.loads(self.process.stdout.readline()))


@contextmanager
def nursery(logs: Path) -> Iterator[Nursery]:
    """What its children say is kept under ``logs``."""
    path = os.pathsep.join([str(HERE), str(HERE.parent)])
    command = [sys.executable, str(HERE / "nursery.py")]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path, "PYTHONWARNINGS": "ignore"},
    ) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline()) == "ready"
        yield Nursery(process, logs)
        process.terminate()


@dataclass(frozen=True)
class Worker:
    """One process that takes part."""

    nursery: Nursery
    pid: int
    log: Path

    def is_called(self, name: str) -> bool:
        return f"-{self.pid}-" in name

    @property
    def is_at_work(self) -> bool:
        """Whether the process has said that it takes part."""
        return "takes part" in self.said

    @property
    def said(self) -> str:
        return self.log.read_text() if self.log.exists() else ""

    def takes_part(self) -> None:
        """The process does. Raises: AssertionError with what it has said instead."""
        end = time.monotonic() + LONGEST_S
        while not self.is_at_work:
            assert time.monotonic() < end, self.said
            time.sleep(0.02)

    def end(self, how: signal.Signals) -> int:
        """The process has ended after the signal; its exit code."""
        os.kill(self.pid, how)
        return self.nursery.wait(self.pid)


class Shifts:
    """``number`` workers started with the same arguments."""

    def __init__(
        self, nursery: Nursery, number: int, arguments: Sequence[str], *, variables: Mapping[str, str] | None = None
    ) -> None:
        self._start = lambda: nursery.start(arguments, variables or {})
        self._number = number
        self.workers: list[Worker] = []
        self.kills = 0

    def __enter__(self) -> Shifts:
        self.workers = [self._start() for _ in range(self._number)]
        for each in self.workers:
            each.takes_part()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for each in self.workers:
            each.end(signal.SIGKILL)

    def worker(self, name: str) -> Worker:
        """The one with this name."""
        return next(each for each in self.workers if each.is_called(name))

    def kill(self, worker: Worker) -> None:
        """The process is dead, in the middle of whatever it did, and another one is about to take part instead."""
        worker.end(signal.SIGKILL)
        self.kills += 1
        self.workers[self.workers.index(worker)] = self._start()

    async def kill_some(self, goes_on: Callable[[], Awaitable[bool]], *, times: int, chance: random.Random) -> None:
        """Workers have been killed so often, at random, or until the run had ended."""
        while self.kills < times and await goes_on():
            at_work = [each for each in self.workers if each.is_at_work]
            if at_work:
                self.kill(chance.choice(at_work))
            await asyncio.sleep(chance.uniform(0, LONGEST_PAUSE_S))

    def stop(self, worker: Worker) -> int:
        """The process has been told to stop, and has; its exit code."""
        self.workers.remove(worker)
        return worker.end(signal.SIGTERM)
