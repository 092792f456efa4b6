"""The port to whatever drives the runs of the initial sync."""

from __future__ import annotations

from typing import Protocol

from dualwrite.store.initial_syncs import RunId


class Conductor(Protocol):
    """Sees to it that what a run has to do is done, by whatever workers there are."""

    async def conduct(self, run: RunId) -> None:
        """The run is being worked on, also when this process dies; returns at once.

        Idempotency: by run; one that is being worked on goes on as it does.
        """
        ...

    async def ended(self, run: RunId) -> None:
        """Returns when the run is at rest: ended, paused, failed, or awaiting a decision."""
        ...
