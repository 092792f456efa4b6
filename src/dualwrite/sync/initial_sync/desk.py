"""Where the rows of one attempt at a partition are judged and written."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from dualwrite.environments.bulk import CopyParticipant
from dualwrite.sync.initial_sync.endings import Endings
from dualwrite.sync.initial_sync.job import PartitionJob
from dualwrite.sync.initial_sync.references import NewRows
from dualwrite.sync.link import Routing


@dataclass(slots=True)
class Desk:
    """The transactions on both sides, and what is known of the rows so far."""

    source: CopyParticipant
    target: CopyParticipant
    routing: Routing
    job: PartitionJob
    endings: Endings
    one_by_one: list[int] = field(default_factory=list)
    """The positions of rows that need a closer look."""
    own: list[pl.DataFrame] = field(default_factory=list)
    """Which rows refer to which new ones of the partition: ``@row`` and ``@own``, the positions."""
    new_rows: NewRows | None = None
