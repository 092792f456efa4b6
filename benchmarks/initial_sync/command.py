"""``python -m benchmarks initial-sync``: moderate sizes, unless the options ask for the full ones."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import uvloop

from benchmarks.initial_sync.beside_live import Traffic, measure_beside_live
from benchmarks.initial_sync.scale import Breadth, measure_scale
from benchmarks.initial_sync.throughput import Size, measure_throughput

PARTS = ("throughput", "scale", "beside-live")


def measure_initial_sync(folder: Path, arguments: Sequence[str]) -> None:
    """Prints the figures of the parts that are asked for; all of them unless some are named."""
    options = _parser().parse_args(arguments)
    for part in options.part or PARTS:
        own = folder / part
        if part == "throughput":
            workers = tuple(options.workers or (1, 2))
            size = Size(options.rows, options.rounds, workers, with_floor=not options.without_floor)
            uvloop.run(measure_throughput(own, size))
        elif part == "scale":
            most = max(options.workers or [2])
            uvloop.run(measure_scale(own, Breadth(options.legal_entities, options.rows_each, most)))
        else:
            rows = min(options.rows, options.live_rows)
            uvloop.run(measure_beside_live(own, Traffic(rows, options.writes_per_s)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks initial-sync", description=__doc__)
    parser.add_argument("part", nargs="*", choices=[*PARTS, []], help="what is measured; everything unless given")
    parser.add_argument("--rows", type=int, default=200_000, help="customers (the full size: 1000000, or 10000000)")
    parser.add_argument("--rounds", type=int, default=1, help="how often throughput is measured")
    parser.add_argument("--workers", type=int, action="append", help="processes that take part; once for each series")
    parser.add_argument("--without-floor", action="store_true", help="throughput alone")
    parser.add_argument("--legal-entities", type=int, default=200)
    parser.add_argument("--rows-each", type=int, default=20, help="scale: rows of a table, for each legal entity")
    parser.add_argument("--live-rows", type=int, default=200_000, help="most customers that are copied beside live")
    parser.add_argument("--writes-per-s", type=int, default=50, help="live writes a second on each side")
    return parser
