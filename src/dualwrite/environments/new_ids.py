"""Ids of new rows, whole frames at a time. Loads Polars."""

from __future__ import annotations

import os
import time
from typing import Final

import polars as pl

_COUNTERS: Final = pl.Series([f"{number:03x}" for number in range(0x1000)])
_VARIANT: Final = {f"{digit:x}": "89ab"[digit % 4] for digit in range(16)}


def new_ids(count: int) -> pl.Series:
    """New record ids, each greater than the one before, so that an index grows at one end (UUID version 7)."""
    noise = os.urandom(8 * count)
    random = pl.Series([noise[start : start + 8] for start in range(0, len(noise), 8)], dtype=pl.Binary).bin.encode(
        "hex"
    )
    # The numbers within a millisecond count up; when they are used up, the next one begins a little early.
    moment = time.time_ns() // 1_000_000
    stamps = [f"{moment + ahead:012x}" for ahead in range(count // len(_COUNTERS) + 1)]
    starts = pl.Series([f"{stamp[:8]}-{stamp[8:]}-7" for stamp in stamps])
    number = pl.int_range(count)
    return pl.select(
        pl.concat_str(
            pl.lit(starts).gather(number // len(_COUNTERS)),
            pl.lit(_COUNTERS).gather(number % len(_COUNTERS)),
            pl.lit("-"),
            pl.lit(random).str.head(1).replace_strict(_VARIANT),
            pl.lit(random).str.slice(1, 3),
            pl.lit("-"),
            pl.lit(random).str.slice(4),
        )
    ).to_series()
