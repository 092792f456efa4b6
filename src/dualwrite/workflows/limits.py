"""How much is done at the same time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

JOINED_ROWS: Final = 20_000


@dataclass(frozen=True, slots=True)
class Limits:
    """``partitions_per_minute`` None: as many as there is time for."""

    worker_concurrency: int = 2
    """Batches that one process carries out at the same time."""
    environment_concurrency: int = 8
    """Batches that all processes together carry out at the same time in one target environment."""
    partitions_per_minute: int | None = None
    """Partitions that all processes together begin per minute in one target environment."""
    joined_rows: int = JOINED_ROWS
    """Batches of different waves with so many rows in all are carried out one after the other by one process."""
