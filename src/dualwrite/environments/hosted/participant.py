"""The engine's transaction in a hosted target."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from enum import Enum, auto
from uuid import UUID

from psycopg import errors as pg
from psycopg.pq import TransactionStatus

from dualwrite.environments.hosted.deciding import commit_decided
from dualwrite.environments.hosted.failures import translated
from dualwrite.environments.hosted.finding import DictConnection
from dualwrite.environments.hosted.gates import passing
from dualwrite.environments.hosted.session import HostedSession
from dualwrite.environments.hosted.shape import Shape
from dualwrite.environments.port import ChangeId, Commitment, EnvironmentName, Epoch, PreparedName
from dualwrite.environments.queue import Position, QueuedRecord, RecordMark

NAME_PREFIX = "dualwrite"


def prepared_name(source: EnvironmentName, change: ChangeId, *, epoch: Epoch) -> PreparedName:
    return PreparedName(f"{NAME_PREFIX}:{source}:{epoch}:{change}")


class State(Enum):
    """Where the transaction stands."""

    NEW = auto()
    OPEN = auto()
    ENDED = auto()


class HostedParticipant(HostedSession):
    """Implements ``port.Participant``."""

    def __init__(
        self,
        connection: DictConnection,
        shape: Shape,
        *,
        user_id: UUID | None,
        lock_wait_ms: int,
    ) -> None:
        super().__init__(connection, shape, user_id=user_id)
        # Two transactions that hold each other's half wait for each other; the shorter wait gives way. Drawn by lot, so
        # that neither side of a link is the one that always does.
        self._lock_wait_ms = random.randint(lock_wait_ms // 2, lock_wait_ms * 3 // 2)
        self._state = State.NEW
        self._name: PreparedName | None = None
        self._can_undo = False

    async def begin(self) -> None:
        with translated(self.layouts):
            await self.connection.execute(f"BEGIN; SET LOCAL lock_timeout = {self._lock_wait_ms}")
        self._state = State.OPEN

    async def accept(
        self, change: ChangeId, *, source: EnvironmentName, epoch: Epoch, gates: Sequence[str] = ()
    ) -> PreparedName:
        self._state = State.OPEN
        self._name = prepared_name(source, change, epoch=epoch)
        with translated(self.layouts):
            await self.connection.execute(
                f"BEGIN; SET LOCAL lock_timeout = {self._lock_wait_ms}; "
                f"SELECT dualwrite.accept({int(epoch)}, '{change}', '{source}'){passing(gates)}"
            )
        return self._name

    @property
    def is_accepted(self) -> bool:
        """Whether the transaction carries a change and will be prepared."""
        return self._name is not None

    async def prepare(self) -> PreparedName:
        assert self._name is not None
        with translated(self.layouts):
            await self.connection.execute(f"PREPARE TRANSACTION '{self._name}'")
        self._state = State.ENDED
        return self._name

    async def savepoint(self) -> None:
        # The one before is let go: thousands of them, each within the last, would cost more with every row.
        before = "RELEASE SAVEPOINT row; " if self._can_undo else ""
        with translated(self.layouts):
            await self.connection.execute(f"{before}SAVEPOINT row")
        self._can_undo = True

    async def undo(self) -> None:
        with translated(self.layouts):
            await self.connection.execute("ROLLBACK TO SAVEPOINT row")

    async def commit(self) -> None:
        with translated(self.layouts):
            await self.connection.execute("COMMIT")
        self._state = State.ENDED

    async def decide(self, commitment: Commitment) -> None:
        self._state = State.ENDED
        await commit_decided(self.connection, self.layouts, commitment)
        await commitment.committed()

    async def claim(self, positions: Sequence[Position], maps: Collection[str]) -> Sequence[QueuedRecord]:
        with translated(self.layouts):
            return await self._queue.claim(positions, maps)

    async def take(self, records: Sequence[QueuedRecord]) -> None:
        with translated(self.layouts):
            await self._queue.take(records)

    async def met(self, marks: Collection[tuple[str, RecordMark]], *, lost: bool) -> frozenset[tuple[str, RecordMark]]:
        with translated(self.layouts):
            return await self._queue.met(marks, lost=lost)

    async def close(self) -> None:
        """Roll back what is neither prepared nor committed."""
        if self._state is State.OPEN and self.connection.info.transaction_status is not TransactionStatus.IDLE:
            try:
                await self.connection.execute("ROLLBACK")
            except (pg.OperationalError, pg.InterfaceError):
                await self.connection.close()
        self._state = State.ENDED
