"""The port to what waits for paused maps."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Protocol, TypeAlias

from dualwrite.metadata.schema import Side
from dualwrite.sync.catch_up.replay import Group, Replayed


class Queue(Protocol):
    """What waits in both environments; see :class:`dualwrite.sync.catch_up.replay.Replay`."""

    async def left(self, maps: Collection[str]) -> int: ...

    async def plan(self, maps: Collection[str], *, most_transactions: int = 1000) -> Sequence[Group]: ...

    async def carry_out(self, group: Group) -> Replayed: ...

    async def give_up(self, maps: Collection[str]) -> int: ...

    async def discard(self, maps: Collection[str]) -> int: ...


QueueOf: TypeAlias = Callable[[Side], Queue]
"""The queue, worked off so that this side's change is kept where both have changed a record."""
