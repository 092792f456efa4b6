"""``dualwrite worker`` is killed while it copies: every row arrives, and is counted once."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from copying import WORKERS, Copy, customer_maps, filled_house, more_customers, stop_maps, worker_command
from shifts import Nursery, Shifts, nursery

from dualwrite.composition.house import House

pytestmark = pytest.mark.crash

CUSTOMERS = 600
KILLS = 4


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A data folder with a PostgreSQL of its own, for the program is started over it."""
    folder = Path(tempfile.mkdtemp(prefix="dualwrite-tests-"))
    yield folder / "data"
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
async def house(folder: Path) -> AsyncIterator[House]:
    async with filled_house(folder) as house:
        yield house


@pytest.fixture(scope="module")
def births(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    with nursery(tmp_path_factory.mktemp("workers")) as births:
        yield births


@pytest.mark.parametrize(("workers", "maps"), [(2, []), (4, customer_maps())], ids=["all maps", "customers"])
async def test_killed_workers_lose_and_double_nothing(
    house: House, folder: Path, births: Nursery, workers: int, maps: list[str]
) -> None:
    await stop_maps(house)
    await more_customers(house, f"W{workers}", CUSTOMERS)
    with Shifts(births, workers, worker_command(folder), variables=WORKERS) as shifts:
        copy = await Copy.begin(house, maps)
        await shifts.kill_some(copy.goes_on, times=KILLS, chance=random.Random(workers))
        await copy.at_rest()
        stopped = shifts.stop(shifts.workers[0])
    assert (shifts.kills, stopped) == (KILLS, 0)
    assert len(await copy.workers()) >= 2
    assert await copy.complaints() == []
