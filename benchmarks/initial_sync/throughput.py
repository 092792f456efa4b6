"""A million customers, or as many as are asked for: into an empty table, again when all is equal, beside the floor."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psycopg
from rich.console import Console
from rich.table import Table

from benchmarks.initial_sync.customers import CustomerData, write_customers
from benchmarks.initial_sync.floor import drop_table, make_table, pipe_of, run_pipe
from benchmarks.initial_sync.program import RunFigures, run_command
from benchmarks.initial_sync.world import conninfo, count_rows, customers_map_name, linked_house, settle
from dualwrite.composition.house import CONNECTION, House

LIMIT_MIB = 1024


@dataclass(frozen=True, slots=True)
class Size:
    """What is measured: ``rows`` customers, the whole series ``rounds`` times, with so many workers each."""

    rows: int = 200_000
    rounds: int = 1
    workers: tuple[int, ...] = (1, 2)
    with_floor: bool = True


async def measure_throughput(folder: Path, size: Size) -> None:
    """Prints seconds, rates, ratios to the floor, and the peak memory of every process."""
    console = Console(width=120)
    async with linked_house(folder) as house:
        finops = conninfo(house, "finops")
        console.print(f"Making {size.rows:,} customers …", style="dim")
        await asyncio.to_thread(write_customers, finops, CustomerData(size.rows))
        measuring = _Measuring(house, folder, size, console)
        for number in range(size.rounds):
            for workers in size.workers:
                table = await measuring.series(workers)
                table.title = f"{size.rows:,} customers, 60 columns; {workers} worker(s), round {number + 1}"
                console.print(table)


class _Measuring:
    def __init__(self, house: House, folder: Path, size: Size, console: Console) -> None:
        self._house = house
        self._folder = folder
        self._size = size
        self._console = console
        self._finops = conninfo(house, "finops")
        self._dataverse = conninfo(house, "dataverse")

    async def series(self, workers: int) -> Table:
        """The floor and ours in turn, over an empty target first."""
        table = _table()
        await self._empty_target()
        bare = await self._floor(table, foreign_keys=False)
        first = await self._ours(
            table, "initial sync, empty target", ["run", customers_map_name(), "--no-related", "--yes"], workers, bare
        )
        assert first.total["inserted"] == self._size.rows == count_rows(self._dataverse, "data.account"), first.total
        await self._floor(table, foreign_keys=True)
        again = await self._ours(table, "again, all rows equal", ["rerun", "--all"], workers, bare)
        assert again.total["inserted"] == again.total["updated"] == again.total["refused"] == 0, again.total
        return table

    async def _floor(self, table: Table, *, foreign_keys: bool) -> float | None:
        if not self._size.with_floor:
            return None
        plan = await self._house.lifecycle.plan(customers_map_name())

        def measured() -> float:
            make_table(self._dataverse, foreign_keys=foreign_keys)
            pipe = pipe_of(plan, self._dataverse)
            settle(self._dataverse)
            seconds = run_pipe(pipe, self._finops, self._dataverse)
            assert count_rows(self._dataverse, "data.bench_account") == self._size.rows
            drop_table(self._dataverse)
            return seconds

        seconds = await asyncio.to_thread(measured)
        name = f"floor: COPY | COPY, {'with' if foreign_keys else 'without'} foreign keys"
        self._add(table, name, seconds, None, None)
        return seconds

    async def _ours(
        self, table: Table, name: str, arguments: list[str], workers: int, floor: float | None
    ) -> RunFigures:
        settle(self._dataverse)
        command: Callable[[], RunFigures] = lambda: run_command(  # noqa: E731
            self._folder, "initial-sync", *arguments, workers=workers
        )
        figures = await asyncio.to_thread(command)
        self._add(table, name, figures.seconds, floor, figures)
        return figures

    def _add(self, table: Table, name: str, seconds: float, floor: float | None, figures: RunFigures | None) -> None:
        peaks = "" if figures is None else ", ".join(f"{each / 2**20:,.0f}" for each in figures.peak_bytes)
        table.add_row(
            name,
            f"{seconds:.1f}",
            f"{self._size.rows / seconds:,.0f}",
            f"{seconds / self._size.rows * 1_000_000:.1f}",
            "" if floor is None else f"{floor / seconds:.2f}",
            peaks,
        )

    async def _empty_target(self) -> None:
        """The map does not run and has no rows in Dataverse, as before a first run."""
        state = await self._house.store.maps.get(CONNECTION, customers_map_name())
        if state is not None and state.state.value != "not running":
            await self._house.lifecycle.stop([customers_map_name()])
        with psycopg.connect(self._dataverse, autocommit=True) as connection:
            connection.execute("TRUNCATE data.account CASCADE")
        settle(self._dataverse)


def _table() -> Table:
    table = Table(title_justify="left")
    for heading in ("", "s", "rows / s", "s / million", "rate / floor", "peak MiB"):
        table.add_column(heading, justify="left" if not heading else "right")
    return table
