"""How much is done at the same time."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """``partitions_per_minute`` None: as many as there is time for."""

    worker_concurrency: int = 2
    """Batches that one process carries out at the same time."""
    environment_concurrency: int = 8
    """Batches that all processes together carry out at the same time in one target environment."""
    partitions_per_minute: int | None = None
    """Partitions that all processes together begin per minute in one target environment."""
