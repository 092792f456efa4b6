"""The catch-ups: what waited while maps were paused, brought to its end, so that they run again."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from enum import Enum
from typing import Any, NewType
from uuid import UUID, uuid4

from sqlalchemy import Row, any_, func, insert, literal, select, update

from dualwrite.errors import NotFound
from dualwrite.store import tables
from dualwrite.store.connector import Transactions, storable_text

CatchUpId = NewType("CatchUpId", UUID)


class QueueOption(Enum):
    """What happens to the queue of a map that is resumed."""

    REPLAY = "replay"
    """The queued changes are carried to the other side in their order; then the map is running."""
    KEEP = "keep"
    """They become catch-up errors, which can be retried, and the map is running at once."""
    DISCARD = "discard"
    """They are forgotten, and the map is running at once."""


class CatchUpState(Enum):
    """Where a catch-up stands."""

    REPLAYING = "replaying"
    """The queue is worked off; changes made meanwhile are queued behind it."""
    HANDING_OVER = "handing over"
    """Changes wait for a moment, while the last queued ones are worked off."""
    COMPLETED = "completed"
    FAILED = "failed"
    """Its maps are paused again, with what is left of their queue."""
    STOPPED = "stopped"
    """All of its maps have been stopped."""

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing follows any more."""
        return self in _ENDED


_ENDED = frozenset({CatchUpState.COMPLETED, CatchUpState.FAILED, CatchUpState.STOPPED})


@dataclass(frozen=True, slots=True)
class CatchUpCounts:
    """How queued records ended. ``conflicts`` were lost to the other side's change, ``kept`` were never tried.

    A process that is killed may take with it the count of what it carried out last.
    """

    applied: int = 0
    conflicts: int = 0
    failed: int = 0
    kept: int = 0
    discarded: int = 0


@dataclass(frozen=True, slots=True)
class CatchUp:
    """One catch-up. ``queued`` transactions waited when it began."""

    run: CatchUpId
    connection: str
    maps: tuple[str, ...]
    option: QueueOption
    state: CatchUpState
    queued: int
    counts: CatchUpCounts
    started_by: str
    started_at: datetime
    finished_at: datetime | None
    message: str


class CatchUpRepository:
    """The catch-ups of all connections."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def create(
        self, connection_name: str, maps: Collection[str], *, option: QueueOption, started_by: str
    ) -> CatchUpId:
        """A catch-up of these maps begins; returns its id."""
        run = CatchUpId(uuid4())
        facts = {
            "run": run,
            "connection": connection_name,
            "maps": list(maps),
            "option": option.value,
            "state": CatchUpState.REPLAYING.value,
            "started_by": storable_text(started_by),
        }
        async with self._transactions.begin() as connection:
            await connection.execute(insert(tables.catch_up).values(**facts))
        return run

    async def get(self, run: CatchUpId, *, lock: bool = False) -> CatchUp | None:
        """The catch-up, None when there is none. ``lock`` keeps it as it is until the transaction ends."""
        t = tables.catch_up
        query = select(t).where(t.c.run == run)
        async with self._transactions.begin() as connection:
            row = (await connection.execute(query.with_for_update() if lock else query)).one_or_none()
            return None if row is None else _catch_up(row)

    async def list(
        self, connection_name: str, *, map: str | None = None, limit_rows: int | None = 20
    ) -> tuple[CatchUp, ...]:
        """The catch-ups of a connection, latest first; only those of a map when named."""
        t = tables.catch_up
        query = select(t).where(t.c.connection == connection_name)
        if map is not None:
            query = query.where(literal(map) == any_(t.c.maps))
        async with self._transactions.begin() as connection:
            found = await connection.execute(query.order_by(t.c.started_at.desc(), t.c.run).limit(limit_rows))
            return tuple(_catch_up(row) for row in found)

    async def unfinished(self, connection_name: str) -> tuple[CatchUp, ...]:
        """The catch-ups of a connection that have not come to their end, earliest first."""
        t = tables.catch_up
        query = select(t).where(t.c.connection == connection_name, t.c.finished_at.is_(None))
        async with self._transactions.begin() as connection:
            found = await connection.execute(query.order_by(t.c.started_at, t.c.run))
            return tuple(_catch_up(row) for row in found)

    async def move(self, run: CatchUpId, to: CatchUpState, *, message: str = "") -> CatchUp:
        """The catch-up is in state ``to``. Raises: NotFound."""
        t = tables.catch_up
        finished = func.clock_timestamp() if to.is_at_rest else None
        return await self._update(
            run, {t.c.state: to.value, t.c.finished_at: finished, t.c.message: storable_text(message)}
        )

    async def set_queued(self, run: CatchUpId, transactions: int) -> CatchUp:
        """So many transactions waited when the catch-up began, at the most. Raises: NotFound."""
        t = tables.catch_up
        return await self._update(run, {t.c.queued: func.greatest(t.c.queued, transactions)})

    async def add(self, run: CatchUpId, counts: CatchUpCounts) -> CatchUp:
        """So many more records have ended. Raises: NotFound."""
        columns = tables.catch_up.c
        more = {each.name: getattr(counts, each.name) for each in fields(counts)}
        return await self._update(run, {columns[name]: columns[name] + number for name, number in more.items()})

    async def _update(self, run: CatchUpId, values: Mapping[Any, object]) -> CatchUp:
        t = tables.catch_up
        statement = update(t).where(t.c.run == run).values(values).returning(*t.c)
        async with self._transactions.begin() as connection:
            row = (await connection.execute(statement)).one_or_none()
        if row is None:
            raise NotFound(f"There is no catch-up {run}.", run=str(run))
        return _catch_up(row)


def _catch_up(row: Row[*tuple[Any, ...]]) -> CatchUp:
    return CatchUp(
        run=CatchUpId(row.run),
        connection=row.connection,
        maps=tuple(row.maps),
        option=QueueOption(row.option),
        state=CatchUpState(row.state),
        queued=row.queued,
        counts=CatchUpCounts(row.applied, row.conflicts, row.failed, row.kept, row.discarded),
        started_by=row.started_by,
        started_at=row.started_at,
        finished_at=row.finished_at,
        message=row.message,
    )
