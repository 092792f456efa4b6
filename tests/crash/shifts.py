"""Processes that take part in runs: started, killed, and replaced, so that there are always as many."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType

HERE = Path(__file__).parent
LONGEST_S = 60.0
LONGEST_LIFE_S = 0.8


class Shifts:
    """``count`` processes of ``command``, each of which prints a line when it takes part."""

    def __init__(self, command: Sequence[str], count: int, *, variables: dict[str, str] | None = None) -> None:
        path = os.pathsep.join([str(HERE), str(HERE.parent)])
        self._command = [sys.executable, *command]
        self._variables = {**os.environ, "PYTHONPATH": path, **(variables or {})}
        self._count = count
        self.processes: list[subprocess.Popen[str]] = []
        self.kills = 0

    def __enter__(self) -> Shifts:
        self.processes = [self._start() for _ in range(self._count)]
        for each in self.processes:
            _takes_part(each)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for each in self.processes:
            each.kill()
            _gone(each)

    def process_of(self, worker: str) -> subprocess.Popen[str]:
        """The process whose worker has this name."""
        return next(each for each in self.processes if f"-{each.pid}-" in worker)

    def kill(self, process: subprocess.Popen[str]) -> None:
        """The process is dead, in the middle of whatever it did, and another one takes part instead."""
        process.kill()
        _gone(process)
        self.kills += 1
        self.processes[self.processes.index(process)] = self._start()

    def kill_some(self, busy: Callable[[], Sequence[str]], *, times: int, chance: random.Random) -> None:
        """Workers that had something to do have been killed so often, at random, or until there were none any more.

        ``busy`` gives the names of those that have begun something, nothing when the run has ended.
        """
        pause = threading.Event()
        while self.kills < times and (names := busy()):
            alive = [each for each in self.processes if any(f"-{each.pid}-" in name for name in names)]
            if alive:
                self.kill(chance.choice(alive))
            pause.wait(chance.uniform(0, LONGEST_LIFE_S))

    def stop(self, process: subprocess.Popen[str]) -> int:
        """The process has been told to stop; its exit code."""
        process.send_signal(signal.SIGTERM)
        code = process.wait(LONGEST_S)
        _gone(process)
        self.processes.remove(process)
        return code

    def _start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self._command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=self._variables
        )


def _takes_part(process: subprocess.Popen[str]) -> None:
    """The process has said that it takes part. What it says afterwards holds it up no more."""
    assert process.stdout is not None
    said: list[str] = []
    for line in process.stdout:
        said.append(line)
        if "takes part" in line:
            return
    raise AssertionError("".join(said))


def _gone(process: subprocess.Popen[str]) -> None:
    process.wait(LONGEST_S)
    assert process.stdout is not None
    process.stdout.close()
