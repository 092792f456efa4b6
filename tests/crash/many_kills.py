"""Worker processes are killed at random many times during one run, and everything is looked at afterwards.

python tests/crash/many_kills.py --kills 50 --workers 4 --customers 20000
"""

from __future__ import annotations

import argparse
import asyncio
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]

from copying import WORKERS, Copy, filled_house, more_customers, worker_command  # noqa: E402
from shifts import Shifts, nursery  # noqa: E402


async def kill_many(folder: Path, *, kills: int, workers: int, customers: int, seed: int) -> list[str]:
    """What does not hold afterwards; empty when all is well."""
    async with filled_house(folder) as house:
        await more_customers(house, "M", customers)
        with (
            nursery(folder.parent) as births,
            Shifts(births, workers, worker_command(folder), variables=WORKERS) as shifts,
        ):
            began = time.monotonic()
            copy = await Copy.begin(house)
            await shifts.kill_some(copy.goes_on, times=kills, chance=random.Random(seed))
            print(f"{shifts.kills} kills in {time.monotonic() - began:.0f} s", flush=True)
            state = await copy.at_rest()
        partitions = await house.store.partitions.list(copy.run)
        print(
            f"{state.value} after {time.monotonic() - began:.0f} s: {len(partitions)} partitions, "
            f"{sum(each.rows for each in partitions):,} rows, {await copy.begun_again()} partitions begun again, "
            f"{len(await copy.workers())} workers"
        )
        return await copy.complaints()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="dualwrite-kills-"))
    try:
        complaints = asyncio.run(kill_many(folder / "data", **vars(given)))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print("\n".join(complaints) or "Nothing was lost, nothing was doubled.")
    sys.exit(bool(complaints))


if __name__ == "__main__":
    main()
