"""Following a run: a screen on a terminal, now and then a line elsewhere, until it is at rest or Ctrl-C leaves it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from rich.console import Console
from rich.live import Live
from rich.text import Text

from dualwrite.cli.initial_sync.progress import MapLine, headline, map_lines, progress_screen, through_line
from dualwrite.cli.initial_sync.words import short_run
from dualwrite.cli.steps import Step
from dualwrite.lifecycle.initial_sync.reports import RunProgress
from dualwrite.store.initial_syncs import RunId
from dualwrite.store.partitions import Partition

_LOOK_S = 0.5
_LINE_S = 10.0
"""Where there is no screen to follow on, so often a line tells how far the run is."""
INTERRUPTED = 130

Show = Callable[[RunProgress, Sequence[MapLine]], None]


class Reports(Protocol):
    """Where it is read how far runs are; see :class:`dualwrite.lifecycle.initial_sync.reports.SyncReports`."""

    async def progress(self, run: RunId) -> RunProgress: ...

    async def partitions(self, run: RunId, *, map: str | None = None) -> Sequence[Partition]: ...


class Ends(Protocol):
    """Whoever knows when a run is at rest; see :class:`dualwrite.lifecycle.conductor.Conductor`."""

    async def ended(self, run: RunId) -> None: ...


async def follow(reports: Reports, conductor: Ends, run: RunId, *, show: Show) -> None:
    """Returns when the run is at rest; ``show`` is told how far it is, now and then and once at the end."""
    ended = asyncio.ensure_future(conductor.ended(run))
    try:
        while not ended.done():
            progress = await reports.progress(run)
            show(progress, map_lines(progress, await _under_way(reports, progress)))
            await asyncio.wait((ended,), timeout=_LOOK_S)
        await ended
    finally:
        ended.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await ended
    progress = await reports.progress(run)
    show(progress, map_lines(progress))


async def _under_way(reports: Reports, progress: RunProgress) -> Sequence[Partition]:
    busy = dict.fromkeys(each.map.map for each in progress.maps if each.advance.partitions_running)
    return [partition for name in busy for partition in await reports.partitions(progress.run.run, map=name)]


async def watch(console: Console, reports: Reports, conductor: Ends, run: RunId) -> bool:
    """The run is at rest; false when somebody has left the screen before with Ctrl-C."""
    with _screen(console) as show:
        work = asyncio.ensure_future(follow(reports, conductor, run, show=show))
        async with _interrupts() as interrupted:
            await asyncio.wait((work, interrupted), return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            work.result()
            return True
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work
    return False


def how_to_go_on(run: RunId) -> Text:
    """What somebody who has left the screen can do."""
    name = short_run(run)
    text = Text(f"Initial sync {name} goes on while dualwrite up or a dualwrite worker runs.\n", style="yellow")
    for verb, what in (("watch", "follow it"), ("pause", "stop it for a while"), ("cancel", "stop it for good")):
        text.append(f"  dualwrite initial-sync {verb} {name}", style="cyan")
        text.append(f"{'':<{8 - len(verb)}}{what}\n", style="dim")
    text.rstrip()
    return text


def in_step(step: Step) -> Show:
    """The maps as bars of a longer job's step."""

    def show(progress: RunProgress, lines: Sequence[MapLine]) -> None:
        for line in lines:
            if line.is_through or line.is_under_way:
                step.bar(line.name, line.rows_done, line.rows_planned)
            if line.is_through:
                step.close(line.name)

    return show


@asynccontextmanager
async def _interrupts() -> AsyncIterator[asyncio.Future[None]]:
    """Done with the first Ctrl-C, which then does nothing else. Afterwards Ctrl-C does what it did before."""
    loop = asyncio.get_running_loop()
    before = signal.getsignal(signal.SIGINT)
    interrupted: asyncio.Future[None] = loop.create_future()

    def interrupt() -> None:
        if not interrupted.done():
            interrupted.set_result(None)

    loop.add_signal_handler(signal.SIGINT, interrupt)
    try:
        yield interrupted
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, before)
        interrupted.cancel()


@contextmanager
def _screen(console: Console) -> Iterator[Show]:
    if not console.is_terminal or console.quiet:
        yield _Lines(console)
        return
    with Live(console=console, transient=True, auto_refresh=False) as live:
        yield _Screen(live)


@dataclass(slots=True)
class _Screen:
    """The maps that are through scroll away; what goes on stays below them."""

    live: Live
    told: set[str] = field(default_factory=set)

    def __call__(self, progress: RunProgress, lines: Sequence[MapLine]) -> None:
        for line in _newly_through(lines, self.told):
            self.live.console.print(through_line(line))
        self.live.update(progress_screen(progress, lines, width=self.live.console.width), refresh=True)


@dataclass(slots=True)
class _Lines:
    """A line for each map that is through, and one about the whole run now and then."""

    console: Console
    told: set[str] = field(default_factory=set)
    last_s: float = field(default_factory=time.monotonic)

    def __call__(self, progress: RunProgress, lines: Sequence[MapLine]) -> None:
        for line in _newly_through(lines, self.told):
            self.console.print(through_line(line), soft_wrap=True)
        if time.monotonic() - self.last_s >= _LINE_S and not progress.run.state.is_at_rest:
            self.last_s = time.monotonic()
            self.console.print(headline(progress, lines), soft_wrap=True)


def _newly_through(lines: Sequence[MapLine], told: set[str]) -> Sequence[MapLine]:
    found = [each for each in lines if each.is_through and each.name not in told]
    told.update(each.name for each in found)
    return found
