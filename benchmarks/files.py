"""Files of customers out of and into finance and operations, with and without running maps, as users run it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from rich.console import Console
from rich.table import Table

from benchmarks.initial_sync.customers import ENTITY, CustomerData, write_customers
from benchmarks.initial_sync.program import Memory
from benchmarks.initial_sync.world import conninfo, customers_map_name, linked_house, settle
from dualwrite.composition.house import House

ROWS = 200_000
FEW_ROWS = 2_000
"""So many records go one by one."""


async def measure_files(folder: Path, *, rows: int = ROWS) -> None:
    """Prints seconds, rates and the peak memory of the command; its start is measured by itself and taken off."""
    async with linked_house(folder) as house:
        await asyncio.to_thread(write_customers, conninfo(house, "finops"), CustomerData(rows))
        measuring = _Measuring(house, folder, rows)
        await measuring.run()
        Console(width=120).print(measuring.table)


@dataclass(frozen=True, slots=True)
class _Figures:
    seconds: float
    peak_bytes: int
    document: Any


class _Measuring:
    def __init__(self, house: House, folder: Path, rows: int) -> None:
        self._house = house
        self._folder = folder
        self._rows = rows
        self._file = folder / "customers.csv"
        self._start_s = 0.0
        self.table = Table(title=f"{rows:,} customers in files", title_justify="left")
        for heading in ("", "s", "rows / s", "peak MiB"):
            self.table.add_column(heading, justify="left" if not heading else "right")

    async def run(self) -> None:
        self._start_s = (await self._command("imports", "list")).seconds
        await self._measure("export, CSV", "export", ENTITY, "--to", str(self._file))
        await self._measure("export, package", "export", ENTITY, "--to", str(self._folder / "customers.zip"))
        few = await asyncio.to_thread(self._few)
        await self._emptied()
        await self._import("import, no map running", self._file, created=self._rows)
        await self._import("import again, all equal", self._file, unchanged=self._rows)
        await self._emptied()
        await self._command("initial-sync", "run", customers_map_name(), "--no-related", "--yes")
        await self._import("import, map running", self._file, created=self._rows)
        await self._import("import again, map running, all equal", self._file, unchanged=self._rows)
        await self._emptied()
        await self._import(f"import --one-by-one, map running, {FEW_ROWS:,}", few, "--one-by-one", created=FEW_ROWS)

    async def _import(self, name: str, file: Path, *options: str, **expected: int) -> None:
        document = await self._measure(
            name, "import", str(file), "--entity", ENTITY, *options, rows=sum(expected.values())
        )
        assert {key: document[key] for key in expected} == expected, document

    async def _measure(self, name: str, *arguments: str, rows: int | None = None) -> Mapping[str, Any]:
        for side in ("finops", "dataverse"):
            settle(conninfo(self._house, side))
        figures = await self._command(*arguments)
        seconds = figures.seconds - self._start_s
        peak = f"{figures.peak_bytes / 2**20:,.0f}"
        self.table.add_row(name, f"{seconds:.1f}", f"{(rows or self._rows) / seconds:,.0f}", peak)
        return figures.document  # type: ignore[no-any-return]

    async def _command(self, *arguments: str) -> _Figures:
        return await asyncio.to_thread(self._run, arguments)

    def _run(self, arguments: tuple[str, ...]) -> _Figures:
        program = (sys.executable, "-c", "from dualwrite.cli.main import main; main()")
        started = time.perf_counter()
        process = subprocess.Popen(
            [*program, "--data-folder", str(self._folder), "--json", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with Memory().watching([process.pid]) as memory:
            output, errors = process.communicate()
        seconds = time.perf_counter() - started
        if process.returncode:
            raise RuntimeError(f"{' '.join(arguments)}: {output[-2000:]}\n{errors[-4000:]}")
        return _Figures(seconds, max(memory.peaks.values(), default=0), json.loads(output))

    def _few(self) -> Path:
        path = self._folder / "few.csv"
        with self._file.open(newline="") as whole, path.open("w", newline="") as file:
            for _ in range(FEW_ROWS + 1):
                file.write(whole.readline())
        return path

    async def _emptied(self) -> None:
        """No customers on either side."""
        await asyncio.to_thread(self._truncate)

    def _truncate(self) -> None:
        for side, table in (("finops", self._house.finops.schema.table(ENTITY).name), ("dataverse", "account")):
            with psycopg.connect(conninfo(self._house, side), autocommit=True) as connection:
                connection.execute(f'TRUNCATE data."{table}" CASCADE')
