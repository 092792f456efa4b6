"""``dualwrite worker``: another process that takes part in initial syncs and catch-ups, on this machine or another."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import typer
from rich.text import Text

from dualwrite import __version__
from dualwrite.cli.initial_sync.words import WAYS, seconds_in_words, short_run
from dualwrite.cli.invocation import invocation
from dualwrite.cli.logs import log_to_standard_error
from dualwrite.cli.map_names import short_names
from dualwrite.cli.output import Output
from dualwrite.cli.stopping import run_until_stopped
from dualwrite.composition.house import CONNECTION, House, open_house
from dualwrite.security.local_administrator import read_local_administrator
from dualwrite.settings import Settings
from dualwrite.store.initial_syncs import RunId
from dualwrite.store.partitions import Partition, PartitionState
from dualwrite.workflows.shift import Done, Piece


def worker(context: typer.Context) -> None:
    """Take part in initial syncs and catch-ups until stopped, beside dualwrite up and any number of other workers.

    On other machines set DUALWRITE_DATABASE_URL to the same PostgreSQL server.
    """
    call = invocation(context)
    settings = call.settings()
    log_to_standard_error(settings.log_level, settings.log_format)
    if settings.database_url is None:
        # A mistyped folder is not to become a new house.
        read_local_administrator(settings.data_folder)
    raise typer.Exit(run_until_stopped(_Worker(call.output).run(settings)))


@dataclass(slots=True)
class _Worker:
    """The job of one ``dualwrite worker``."""

    output: Output
    partitions: int = 0
    rows: int = 0
    ended: asyncio.Queue[Done] = field(default_factory=asyncio.Queue)

    async def run(self, settings: Settings) -> None:
        """Returns when the program is to end; everything is closed then."""
        started = time.monotonic()
        console = self.output.console
        console.print(f"[bold]dualwrite {__version__} worker[/]\n")
        async with AsyncExitStack() as stack:
            stack.callback(self._tell_total, started)
            house = await stack.enter_async_context(open_house(settings, serves=False))
            await stack.enter_async_context(self._telling(house))
            house.workers.listen(self.ended.put_nowait)
            await house.workers.join(impose_limits=True)
            stack.push_async_callback(house.workers.close, grace_s=settings.worker_grace_seconds)
            console.print(f"[green]●[/] takes part as {house.workers.name}; Ctrl-C ends it in order", soft_wrap=True)
            stack.callback(self._tell_stopping, house)
            await asyncio.get_running_loop().create_future()

    @asynccontextmanager
    async def _telling(self, house: House) -> AsyncIterator[None]:
        """A line for every partition when it has come to its end, those of the grace included."""
        task = asyncio.create_task(self._tell(house))
        try:
            yield
            await self.ended.join()
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _tell(self, house: House) -> None:
        names: Mapping[str, str] = {}
        while True:
            done = await self.ended.get()
            try:
                if done.doing.piece is Piece.GROUP:
                    self._tell_group(done)
                elif done.doing.piece is Piece.PARTITION and done.doing.number is not None:
                    partition = await house.store.partitions.get(RunId(done.doing.run), done.doing.number)
                    if partition is not None:
                        if partition.map not in names:
                            names = short_names(each.name for each in await house.store.maps.list(CONNECTION))
                        self._tell_partition(done, partition, names.get(partition.map, partition.map))
            finally:
                self.ended.task_done()

    def _tell_partition(self, done: Done, partition: Partition, name: str) -> None:
        line = Text(f"  {short_run(RunId(done.doing.run))}  {name}  {WAYS[partition.direction]}  ")
        match partition.state:
            case PartitionState.DONE:
                self.partitions += 1
                self.rows += partition.rows
                line.append(f"{partition.rows:,} rows in {done.seconds:.1f} s")
            case PartitionState.FAILED:
                line.append(partition.message, style="red")
            case PartitionState.PENDING | PartitionState.RUNNING:
                return
        self.output.console.print(line, soft_wrap=True)

    def _tell_group(self, done: Done) -> None:
        """How the records of the group ended is told of the catch-up as a whole."""
        run = short_run(RunId(done.doing.run))
        self.output.console.print(f"  {run}  queued transactions replayed in {done.seconds:.1f} s", soft_wrap=True)

    def _tell_stopping(self, house: House) -> None:
        under_way = sum(1 for each in house.workers.doing if each.piece in (Piece.PARTITION, Piece.GROUP))
        if under_way:
            seconds = seconds_in_words(house.settings.worker_grace_seconds)
            self.output.console.print(f"\n[dim]Stopping: {under_way} pieces come to their end (at most {seconds})…[/]")

    def _tell_total(self, started: float) -> None:
        seconds = time.monotonic() - started
        self.output.show(
            {"partitions": self.partitions, "rows": self.rows, "seconds": round(seconds, 3)},
            Text(f"Stopped after {self.partitions:,} partitions with {self.rows:,} rows.", style="dim"),
        )
