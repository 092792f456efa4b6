"""Following a run to its end, and leaving it."""

from __future__ import annotations

import asyncio
import io
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from rich.console import Console

from dualwrite.cli.initial_sync.watching import how_to_go_on, watch
from dualwrite.lifecycle.initial_sync.reports import Advance, MapProgress, RunProgress
from dualwrite.maps.values import Direction
from dualwrite.metadata.schema import Side
from dualwrite.store.initial_syncs import InitialSyncRun, OnRefusals, RunId, RunMap, RunState
from dualwrite.store.partitions import Partition, RowCounts

RUN = RunId(UUID("3f9a1c2e-0000-4000-8000-000000000000"))
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def progress(state: RunState, *, done: int) -> RunProgress:
    """A run over two maps of one partition each, of which ``done`` are through."""
    run = InitialSyncRun(RUN, "main", state, OnRefusals.GO_LIVE, "us", NOW, NOW, None, "", None, RUN, None)
    maps = [("Groups (groups)", 1 if done else 0), ("Customers (accounts)", 1 if done > 1 else 0)]
    counts = RowCounts(read=5, inserted=5)
    ways = [
        MapProgress(
            RunMap(name, number, Side.FINOPS),
            Direction.TO_DATAVERSE,
            Advance(5, 5 * through, 1, through, 1 - through, 0, 0.0, None, counts),
        )
        for number, (name, through) in enumerate(maps)
    ]
    return RunProgress(run, Advance(10, 5 * done, 2, done, 2 - done, 0, 0.0, None, counts), tuple(ways))


@dataclass
class FakeRun:
    """Implements ``Reports`` and ``Conductor``: each look finds the next progress; after the last one the run ends."""

    looks: list[RunProgress]
    ended_: asyncio.Event = field(default_factory=asyncio.Event)
    conducted: list[RunId] = field(default_factory=list)

    async def progress(self, run: RunId) -> RunProgress:
        if len(self.looks) > 1:
            return self.looks.pop(0)
        self.ended_.set()
        return self.looks[0]

    async def partitions(self, run: RunId, *, map: str | None = None) -> Sequence[Partition]:
        return ()

    async def conduct(self, run: RunId) -> None:
        self.conducted.append(run)

    async def ended(self, run: RunId) -> None:
        await self.ended_.wait()


def console(*, terminal: bool) -> tuple[Console, io.StringIO]:
    file = io.StringIO()
    return Console(file=file, width=80, force_terminal=terminal, color_system=None, highlight=False), file


async def test_where_there_is_no_screen_each_map_leaves_a_line_once() -> None:
    shown, file = console(terminal=False)
    run = FakeRun([progress(RunState.RUNNING, done=1), progress(RunState.COMPLETED, done=2)])
    assert await watch(shown, run, run, RUN)
    assert file.getvalue().splitlines() == [
        "✓ Groups: 5 rows, 5 inserted",
        "✓ Customers: 5 rows, 5 inserted",
    ]


async def test_on_a_terminal_the_maps_that_are_through_stay_above_the_screen() -> None:
    shown, file = console(terminal=True)
    run = FakeRun([progress(RunState.RUNNING, done=1), progress(RunState.COMPLETED, done=2)])
    assert await watch(shown, run, run, RUN)
    text = file.getvalue()
    assert "✓ Groups: 5 rows" in text
    assert "Initial sync 3f9a1c2e · running · 1 of 2 maps" in text


async def test_ctrl_c_leaves_the_run_as_it_is_and_tells_what_can_be_done() -> None:
    shown, _ = console(terminal=True)
    run = FakeRun([progress(RunState.RUNNING, done=0)] * 100)
    before = signal.getsignal(signal.SIGINT)
    asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGINT)
    assert not await watch(shown, run, run, RUN)
    assert signal.getsignal(signal.SIGINT) is before
    told = how_to_go_on(RUN).plain
    assert [f"dualwrite initial-sync {verb} 3f9a1c2e" in told for verb in ("watch", "pause", "cancel")] == [True] * 3


async def test_a_run_that_is_quiet_for_scripts_prints_nothing() -> None:
    file = io.StringIO()
    run = FakeRun([progress(RunState.COMPLETED, done=2)])
    assert await watch(Console(file=file, quiet=True), run, run, RUN)
    assert file.getvalue() == ""
