"""The port to whatever drives the runs of the initial sync."""

from __future__ import annotations

from typing import TypeAlias

from dualwrite.lifecycle import conductor
from dualwrite.store.initial_syncs import RunId

Conductor: TypeAlias = conductor.Conductor[RunId]
"""A run is at rest when it has ended, is paused, has failed, or awaits a decision."""
