"""The port to whatever drives the work that outlives a request."""

from __future__ import annotations

from typing import Protocol, TypeVar

Run = TypeVar("Run", contravariant=True)


class Conductor(Protocol[Run]):
    """Sees to it that what a run (of whatever work) has to do is done, by whatever workers there are."""

    async def conduct(self, run: Run) -> None:
        """The run is being worked on, also when this process dies; returns at once.

        Idempotency: by run; one that is being worked on goes on as it does.
        """
        ...

    async def ended(self, run: Run) -> None:
        """Returns when the run is at rest: nothing happens until somebody asks for it."""
        ...
