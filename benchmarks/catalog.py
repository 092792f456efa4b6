"""The whole catalog, from nothing: schemas loaded, maps read, compiled and checked, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import time
from itertools import pairwise

import orjson

from benchmarks.figures import Samples, print_shares

RUNS = 5
LIMIT_S = 3.0
STEPS = ("import", "load the schemas", "read the maps", "compile and check them", "check them again")


def measure_catalog() -> None:
    """Prints the share of each step; each run starts a process, since modules and schemas are loaded once only."""
    steps = [Samples(name) for name in STEPS]
    whole = Samples("from nothing to every map checked")
    maps = 0
    for _ in range(RUNS):
        command = [sys.executable, "-m", "benchmarks.catalog"]
        told = orjson.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        maps = told["maps"]
        for step, duration_s in zip(steps, told["durations_s"], strict=True):
            step.durations_s.append(duration_s)
        whole.durations_s.append(sum(told["durations_s"][:-1]))
    print_shares(f"{maps} map versions of the catalog", steps)
    print(f"{whole.name}: {whole.percentile_ms(50) / 1000:.2f} s (at most {LIMIT_S:.0f} s are promised)\n")


def _measured() -> dict[str, object]:
    laps = [time.perf_counter()]
    from dualwrite.catalog import load_schema
    from dualwrite.catalog.maps import load_solutions
    from dualwrite.maps.compile import compile_map
    from dualwrite.metadata.schema import Side

    laps.append(time.perf_counter())
    finops, dataverse = load_schema(Side.FINOPS), load_schema(Side.DATAVERSE)
    laps.append(time.perf_counter())
    versions = [version for solution in load_solutions() for version in solution.maps]
    laps.append(time.perf_counter())
    for _ in range(2):
        for version in versions:
            compile_map(version, finops=finops, dataverse=dataverse)
        laps.append(time.perf_counter())
    return {"maps": len(versions), "durations_s": [after - before for before, after in pairwise(laps)]}


if __name__ == "__main__":
    sys.stdout.buffer.write(orjson.dumps(_measured()))
