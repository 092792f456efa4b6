"""What the workers of a run do, piece by piece. Everything can be called again, by whoever, after whatever."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from dualwrite.metadata.schema import Side
from dualwrite.store.database import Store
from dualwrite.store.initial_syncs import RunId, RunState
from dualwrite.sync.link import Pair
from dualwrite.sync.stored_router import StoredRouter


class Carried(Enum):
    """What became of a partition."""

    DONE = "done"
    NOT_DONE = "not done"
    """The run is not to go on, or the map has been stopped."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Partitions to be carried out one after the other; ``target`` is the side they write to."""

    number: int
    target: Side
    partitions: tuple[int, ...]


class SyncWork:
    """The work on the runs of one connection.

    A conductor calls :meth:`prepare`, then :meth:`carry_out` for the partitions of every batch, wave after wave, with
    :meth:`settle` after each; then :meth:`second_pass` and its waves; at last :meth:`finish`.
    """

    def __init__(self, store: Store, connection: str, pair: Pair, router: StoredRouter) -> None:
        self._store = store
        self._connection = connection
        self._pair = pair
        self._router = router

    async def prepare(self, run: RunId) -> tuple[tuple[Batch, ...], ...]:
        """The run is cut into partitions and running; gives what is still to be done, wave by wave.

        Atomicity: all partitions or none. Idempotency: by run; the second call gives what is stored and not done.
        A run that is not to go on (pausing, cancelled ...) gives nothing.
        """
        raise NotImplementedError

    async def carry_out(self, run: RunId, number: int, *, worker: str) -> Carried:
        """The rows of the partition are in the target, its refusals and counts in the store.

        Atomicity: the target's rows at once; the store follows. Idempotency: by run and number, also from two workers
        at a time. After failure: call it again. Raises: every DualwriteError; the transient ones are worth another try.
        """
        raise NotImplementedError

    async def settle(self, run: RunId) -> RunState:
        """Pausing has become paused, cancelling cancelled; the run goes on only when this says RUNNING."""
        raise NotImplementedError

    async def second_pass(self, run: RunId) -> tuple[tuple[Batch, ...], ...]:
        """Partitions for the lookups that were left open are stored; gives what of them is still to be done.

        Idempotency: by run. To be called when all waves are done.
        """
        raise NotImplementedError

    async def finish(self, run: RunId) -> RunState:
        """The maps are running and the run has ended, or awaits a decision, or was to pause or to be cancelled.

        Idempotency: by run. Raises: NotAllowed while partitions are still to be carried out.
        """
        raise NotImplementedError

    async def fail(self, run: RunId, message: str, *, number: int | None = None) -> RunState:
        """The run has failed, with this message, at the partition; resuming takes it up again. Idempotent."""
        raise NotImplementedError

    async def unfinished(self) -> tuple[RunId, ...]:
        """The runs that somebody has to work on: planned, running, pausing or cancelling."""
        raise NotImplementedError
