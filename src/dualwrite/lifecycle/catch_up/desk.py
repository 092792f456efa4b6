"""What people do with catch-ups: they are begun, waited for and looked up."""

from __future__ import annotations

from collections.abc import Sequence

from dualwrite.errors import NotFound
from dualwrite.lifecycle.catch_up.moving import move, withdraw
from dualwrite.lifecycle.catch_up.queue import Queue, QueueOf
from dualwrite.lifecycle.conductor import Conductor
from dualwrite.lifecycle.transitions import Action
from dualwrite.store.catch_ups import CatchUp, CatchUpId, QueueOption
from dualwrite.store.database import Repositories, Store
from dualwrite.sync.stored_router import StoredRouter


class CatchUps:
    """The catch-ups of one connection, and the queue that they work off."""

    def __init__(
        self, store: Store, connection: str, router: StoredRouter, queue: QueueOf, *, conductor: Conductor[CatchUpId]
    ) -> None:
        self._store = store
        self._connection = connection
        self._router = router
        self._queue_of = queue
        self._conductor = conductor

    async def start(self, names: Sequence[str], *, option: QueueOption = QueueOption.REPLAY, who: str) -> CatchUpId:
        """The maps are resuming, and their queue is being worked off by whoever takes part.

        Atomicity: all maps or none. Raises: NotFound, NotAllowed unless all of them are paused.
        """
        names = tuple(dict.fromkeys(names))
        async with self._store.transaction() as repositories:
            await move(repositories, self._connection, names, action=Action.RESUME)
            run = await repositories.catch_ups.create(self._connection, names, option=option, started_by=who)
            details = {"run": str(run), "option": option.value}
            for name in names:
                await repositories.activity.record(
                    Action.RESUME.value, who=who, result=f"begun: {option.value} the queue", map=name, details=details
                )
        await self._router.renew()
        await self._conductor.conduct(run)
        return run

    async def ended(self, run: CatchUpId) -> CatchUp:
        """The catch-up when it has come to its end, in which this process takes part."""
        await self._conductor.ended(run)
        return await self.get(run)

    async def get(self, run: CatchUpId) -> CatchUp:
        """The catch-up. Raises: NotFound."""
        record = await self._store.catch_ups.get(run)
        if record is None or record.connection != self._connection:
            raise NotFound(f"There is no catch-up {run}.", run=str(run))
        return record

    async def history(self, *, map: str | None = None, limit_rows: int | None = 20) -> Sequence[CatchUp]:
        """The catch-ups there were, latest first; only those of a map when named."""
        return await self._store.catch_ups.list(self._connection, map=map, limit_rows=limit_rows)

    async def find(self, beginning: str) -> CatchUp:
        """The one catch-up whose id begins like this; the latest for an empty text. Raises: NotFound."""
        known = await self.history(limit_rows=None)
        found = [each for each in known if str(each.run).startswith(beginning)]
        if not known:
            raise NotFound("There has been no catch-up yet. Paused maps are resumed with: dualwrite maps resume NAME")
        if beginning and len(found) != 1:
            many = "names several catch-ups" if found else "names no catch-up"
            raise NotFound(f"{beginning!r} {many}. See: dualwrite catch-ups list", run=beginning)
        return found[0]

    # --- what other actions need --------------------------------------------------------------------------------------

    async def withdraw(self, repositories: Repositories) -> None:
        """Catch-ups whose maps have all been stopped have ended, as part of the caller's transaction."""
        await withdraw(repositories, self._connection)

    async def give_up(self, names: Sequence[str]) -> int:
        """Nothing waits for these maps any more: it has become catch-up errors; tells how many records that were.

        Raises: EnvironmentUnavailable, and then some may be left.
        """
        return await (await self._queue()).give_up(names)

    async def left(self, names: Sequence[str]) -> int:
        """How many queued transactions wait for these maps. Raises: EnvironmentUnavailable."""
        return await (await self._queue()).left(names)

    async def _queue(self) -> Queue:
        return self._queue_of((await self._store.connections.named(self._connection)).primary_side)
