"""Where the commands on paused maps get their work done: in the house of the data folder, or over the API."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol, TypeVar

from dualwrite.cli.invocation import Invocation
from dualwrite.environments.queue import QueueCount, QueuedRecord, QueueFilter
from dualwrite.lifecycle.related_maps import OfferedMap
from dualwrite.lifecycle.transitions import Action
from dualwrite.metadata.schema import Side
from dualwrite.store.catch_ups import CatchUp, CatchUpId, QueueOption
from dualwrite.store.maps import TableMap

T = TypeVar("T")


class QueueOffice(Protocol):
    """What the commands on paused maps ask for; names are whole."""

    async def states(self) -> Sequence[TableMap]:
        """The maps in their order of starting."""
        ...

    async def offered(self, action: Action, names: Sequence[str]) -> Sequence[OfferedMap]:
        """The maps with their related ones, in the order in which ``action`` is best done."""
        ...

    async def pause(self, names: Sequence[str]) -> None: ...

    async def resume(self, names: Sequence[str], *, option: QueueOption) -> CatchUpId:
        """The maps are resuming; returns at once."""
        ...

    async def history(self, *, map: str | None, limit_rows: int) -> Sequence[CatchUp]: ...

    async def find(self, name: str) -> CatchUp:
        """The catch-up whose id begins with ``name``, the latest when it is empty. Raises: NotFound."""
        ...

    async def get(self, run: CatchUpId) -> CatchUp: ...

    async def left(self, run: CatchUpId) -> int:
        """How many transactions still wait for the maps of the catch-up."""
        ...

    async def ended(self, run: CatchUpId) -> CatchUp:
        """The catch-up when it has come to its end."""
        ...

    async def counts(self) -> Sequence[QueueCount]: ...

    async def queued(
        self, side: Side, which: QueueFilter, *, after: tuple[int, int], limit_rows: int
    ) -> Sequence[QueuedRecord]: ...


def at_queue_office(call: Invocation, action: Callable[[QueueOffice], Coroutine[Any, Any, T]]) -> T:
    """``action`` is done where the call says."""
    if call.url is not None:
        from dualwrite.cli.queues.over_api import ApiQueueOffice

        return call.over_api(lambda api: action(ApiQueueOffice(api)))
    from dualwrite.cli.queues.in_house import HouseQueueOffice

    return call.in_house(lambda house: action(HouseQueueOffice(house)))
