"""What linking asks of the maps of a connection: their lifecycle is a neighbour that it does not know."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from dualwrite.store.initial_syncs import RunId


class LinkedMaps(Protocol):
    """The maps of one connection, as far as a change of the link concerns them."""

    async def stop(self, names: Sequence[str], *, who: str) -> None:
        """None of these maps is live. Raises: NotAllowed."""
        ...

    async def copy(self, names: Sequence[str], legal_entities: Sequence[str], *, who: str) -> RunId:
        """A run sees to the rows of these legal entities, by whatever workers there are; returns at once.

        Raises: NotAllowed, MapRefused.
        """
        ...

    async def end_runs(self, *, who: str) -> int:
        """No initial sync is under way; tells how many have been cancelled for that."""
        ...


class WaitingChanges(Protocol):
    """The changes that wait because their maps are paused, and those that have failed."""

    async def give_up(self, maps: Collection[str]) -> int:
        """What was queued are catch-up errors, which can be seen, retried and downloaded; tells how many records."""
        ...

    async def discard(self, maps: Collection[str]) -> int:
        """What was queued is gone for good; tells how many records that were."""
        ...

    async def open_errors(self) -> int:
        """How many errors nobody has settled."""
        ...
