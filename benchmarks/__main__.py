"""``make bench``: runs every benchmark and prints its table."""

from __future__ import annotations

import tempfile
from pathlib import Path

import uvloop

from benchmarks.live_update import measure_live_update


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="dualwrite-bench-") as folder:
        uvloop.run(measure_live_update(Path(folder)))


if __name__ == "__main__":
    main()
