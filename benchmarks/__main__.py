"""``make bench``: runs every benchmark and prints its tables; ``python -m benchmarks NAME ...`` runs some of them.

``python -m benchmarks initial-sync --help`` tells what else may be said after that name.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import uvloop

from benchmarks.activities import measure_activities
from benchmarks.catalog import measure_catalog
from benchmarks.catch_up import measure_catch_up
from benchmarks.files import measure_files
from benchmarks.filters import measure_filters
from benchmarks.initial_sync.command import measure_initial_sync
from benchmarks.legal_entities import measure_legal_entities
from benchmarks.live_update import measure_live_update
from benchmarks.transforms import measure_transforms

INITIAL_SYNC = "initial-sync"
BENCHMARKS: dict[str, Callable[[Path], None]] = {
    "catalog": lambda _: measure_catalog(),
    "filters": measure_filters,
    "transforms": lambda _: measure_transforms(),
    "live-update": lambda folder: uvloop.run(measure_live_update(folder)),
    "catch-up": lambda folder: uvloop.run(measure_catch_up(folder)),
    "activities": lambda folder: uvloop.run(measure_activities(folder)),
    "legal-entities": lambda folder: uvloop.run(measure_legal_entities(folder)),
    "files": lambda folder: uvloop.run(measure_files(folder)),
    INITIAL_SYNC: lambda folder: measure_initial_sync(folder, ()),
}


def main() -> None:
    names = sys.argv[1:]
    if names[:1] == [INITIAL_SYNC]:
        _measure(lambda folder: measure_initial_sync(folder, names[1:]))
        return
    for name in names or BENCHMARKS:
        _measure(BENCHMARKS[name])


def _measure(benchmark: Callable[[Path], None]) -> None:
    with tempfile.TemporaryDirectory(prefix="dualwrite-bench-") as folder:
        benchmark(Path(folder))


if __name__ == "__main__":
    main()
