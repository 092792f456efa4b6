"""What people do with runs of the initial sync."""

from __future__ import annotations

from dualwrite.lifecycle.initial_sync.options import Proposal, RunOptions
from dualwrite.store.database import Store
from dualwrite.store.initial_syncs import InitialSyncRun, RerunKind, RunId
from dualwrite.sync.link import Pair
from dualwrite.sync.stored_router import StoredRouter


class InitialSyncs:
    """The runs of one connection. What a run has to do is done by its conductor, who is to be told of every run that
    :meth:`start`, :meth:`rerun` and :meth:`resume` give, and of a cancelled one (``conductor.conduct(run)``).
    """

    def __init__(self, store: Store, connection: str, pair: Pair, router: StoredRouter) -> None:
        self._store = store
        self._connection = connection
        self._pair = pair
        self._router = router

    async def plan(self, options: RunOptions) -> Proposal:
        """The maps in the order in which they would be copied, with the related ones. Nothing has changed.

        Raises: NotAllowed for an unknown map or legal entity, MapRefused with the findings of all maps.
        """
        raise NotImplementedError

    async def start(self, options: RunOptions) -> RunId:
        """The maps are live (initializing) and the run is planned.

        Atomicity: all maps or none. Raises: NotAllowed (an unknown map or legal entity, a run under way, a map that
        another one excludes), MapRefused.
        """
        raise NotImplementedError

    async def pause(self, run: RunId, *, who: str) -> InitialSyncRun:
        """No further partition is begun; those under way come to their end. Raises: NotAllowed."""
        raise NotImplementedError

    async def resume(self, run: RunId, *, who: str) -> InitialSyncRun:
        """The run does what is not done, also after a failure. Raises: NotAllowed."""
        raise NotImplementedError

    async def cancel(self, run: RunId, *, who: str) -> InitialSyncRun:
        """No further partition is begun, for good; its maps are where they were before. Raises: NotAllowed.

        What has been copied stays.
        """
        raise NotImplementedError

    async def go_live(self, run: RunId, *, who: str) -> InitialSyncRun:
        """The maps are running; the refused rows stay refused. Raises: NotAllowed unless a decision is awaited."""
        raise NotImplementedError

    async def rerun(self, run: RunId, kind: RerunKind, *, who: str) -> RunId:
        """Another run does rows of this one again. Raises: NotAllowed, MapRefused."""
        raise NotImplementedError
