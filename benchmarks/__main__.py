"""``make bench``: runs every benchmark and prints its tables; ``python -m benchmarks NAME ...`` runs some of them."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import uvloop

from benchmarks.catalog import measure_catalog
from benchmarks.filters import measure_filters
from benchmarks.live_update import measure_live_update
from benchmarks.transforms import measure_transforms

BENCHMARKS: dict[str, Callable[[Path], None]] = {
    "catalog": lambda _: measure_catalog(),
    "filters": measure_filters,
    "transforms": lambda _: measure_transforms(),
    "live-update": lambda folder: uvloop.run(measure_live_update(folder)),
}


def main() -> None:
    for name in sys.argv[1:] or BENCHMARKS:
        with tempfile.TemporaryDirectory(prefix="dualwrite-bench-") as folder:
            BENCHMARKS[name](Path(folder))


if __name__ == "__main__":
    main()
