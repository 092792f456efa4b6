"""The program as its users run it, in processes of its own, with the most memory that each of them has had."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

_LOOK_EVERY_S = 0.05
_COMMAND = (sys.executable, "-c", "from dualwrite.cli.main import main; main()")


@dataclass(frozen=True, slots=True)
class RunFigures:
    """How a run went. ``seconds`` from the moment it was stored to its end, ``total`` its counts."""

    seconds: float
    wall_seconds: float
    document: Mapping[str, Any]
    peak_bytes: Sequence[int]

    @property
    def total(self) -> Mapping[str, int]:
        return self.document["total"]  # type: ignore[no-any-return]

    @property
    def largest_peak_mib(self) -> float:
        return max(self.peak_bytes) / 2**20


@dataclass
class Memory:
    """Looks at processes and what they have started, PostgreSQL's aside, until it is told to stop."""

    peaks: dict[int, int] = field(default_factory=dict)

    @contextmanager
    def watching(self, pids: Sequence[int]) -> Iterator[Memory]:
        done = threading.Event()

        def look() -> None:
            while not done.wait(_LOOK_EVERY_S):
                for pid in pids:
                    self._look_at(pid)

        watcher = threading.Thread(target=look)
        watcher.start()
        try:
            yield self
        finally:
            done.set()
            watcher.join()

    def _look_at(self, pid: int) -> None:
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(pid)
            for each in (process, *process.children(recursive=True)):
                if "postgres" not in each.name():
                    self.peaks[each.pid] = max(self.peaks.get(each.pid, 0), each.memory_info().rss)


def run_command(folder: Path, *arguments: str, workers: int = 1) -> RunFigures:
    """A command that waits for a run, with further workers beside it. The command itself is the first of them.

    Raises: RuntimeError with what the program said, unless it ended in a document.
    """
    with contextlib.ExitStack() as stack:
        others = [stack.enter_context(_started(folder, "worker")) for _ in range(workers - 1)]
        for each in others:
            _wait_for_line(each)
        started = time.perf_counter()
        command = [*_COMMAND, "--data-folder", str(folder), "--json", *arguments]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        memory = stack.enter_context(Memory().watching([process.pid, *(each.pid for each in others)]))
        output, errors = process.communicate()
        wall = time.perf_counter() - started
    try:
        document = json.loads(output)
        seconds = _moment(document["finished_at"]) - _moment(document["started_at"])
    except (ValueError, KeyError, TypeError) as error:
        raise RuntimeError(f"{' '.join(arguments)}: {output[-2000:]}\n{errors[-4000:]}") from error
    return RunFigures(seconds, wall, document, list(memory.peaks.values()))


@contextmanager
def _started(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [*_COMMAND, "--data-folder", str(folder), *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=60)


def _wait_for_line(process: subprocess.Popen[str]) -> None:
    """The process has said something: it is ready."""
    assert process.stdout is not None
    if not process.stdout.readline():
        raise RuntimeError("the worker has ended at once")


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
