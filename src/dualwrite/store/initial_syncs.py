"""The runs of the initial sync, and which maps each covers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, NewType
from uuid import UUID, uuid4

from sqlalchemy import Row, delete, func, insert, select, update

from dualwrite.errors import NotAllowed
from dualwrite.metadata.schema import Side
from dualwrite.store import tables
from dualwrite.store.connector import Transactions, storable_text

RunId = NewType("RunId", UUID)


class RunState(Enum):
    """Where a run stands."""

    PLANNED = "planned"
    """Its maps are live; nobody has begun to work on it."""
    RUNNING = "running"
    PAUSING = "pausing"
    """Partitions under way are brought to their end; no other is begun."""
    PAUSED = "paused"
    AWAITING_DECISION = "awaiting decision"
    """Everything has been carried out; somebody is to decide about the refused rows before the maps are running."""
    COMPLETED = "completed"
    WITH_REFUSALS = "with refusals"
    FAILED = "failed"
    """A partition could not be carried out; the run can be resumed."""
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"

    @property
    def has_ended(self) -> bool:
        """Whether nothing can follow any more."""
        return self in _ENDED

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing happens until somebody asks for it."""
        return self in _ENDED or self in (RunState.PAUSED, RunState.AWAITING_DECISION, RunState.FAILED)


_ENDED = frozenset({RunState.COMPLETED, RunState.WITH_REFUSALS, RunState.CANCELLED})


class OnRefusals(Enum):
    """What happens when a run is through and rows were refused."""

    GO_LIVE = "go live"
    WAIT = "wait"


class RerunKind(Enum):
    """Which rows of an earlier run a run does again."""

    FAILED = "failed"
    """The rows that were refused last, and no other."""
    ALL = "all"
    WITHOUT_FAILED = "without failed"


class RunMapState(Enum):
    """How far a run is with one of its maps."""

    COPYING = "copying"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    """Stopped meanwhile, or handed to a later run."""


@dataclass(frozen=True, slots=True)
class InitialSyncRun:
    """One run. ``created_before`` is the moment after its maps went live, by the clock of Dataverse: younger rows are
    live sync's. It holds from when the run is cut into partitions.

    ``root`` is the first run of the chain of reruns that this one belongs to, itself where it is no rerun.
    """

    run: RunId
    connection: str
    state: RunState
    on_refusals: OnRefusals
    started_by: str
    started_at: datetime
    created_before: datetime
    finished_at: datetime | None
    message: str
    parent: RunId | None
    root: RunId
    rerun: RerunKind | None


@dataclass(frozen=True, slots=True)
class RunMap:
    """A map of a run. ``legal_entities`` None: all that are linked. A cancelled run leaves it as it ``was_running``."""

    map: str
    position: int
    master: Side
    legal_entities: tuple[str, ...] | None = None
    enabled: bool = True
    state: RunMapState = RunMapState.COPYING
    was_running: bool = False


class InitialSyncRepository:
    """The runs and their maps."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def create(
        self,
        connection_name: str,
        maps: Sequence[RunMap],
        *,
        on_refusals: OnRefusals,
        started_by: str,
        again: tuple[InitialSyncRun, RerunKind] | None = None,
    ) -> RunId:
        """A run is planned over ``maps``; returns its id. ``again``: the run whose rows it does again, and which."""
        run = RunId(uuid4())
        parent, kind = again if again is not None else (None, None)
        facts = {
            "run": run,
            "connection": connection_name,
            "state": RunState.PLANNED.value,
            "on_refusals": on_refusals.value,
            "started_by": storable_text(started_by),
            "created_before": func.clock_timestamp(),
            "parent": None if parent is None else parent.run,
            "root": run if parent is None else parent.root,
            "rerun": None if kind is None else kind.value,
        }
        async with self._transactions.begin() as connection:
            await connection.execute(insert(tables.initial_sync_run).values(**facts))
            await connection.execute(insert(tables.initial_sync_map), [_map_facts(run, each) for each in maps])
        return run

    async def set_created_before(self, run: RunId, moment: datetime) -> None:
        """Rows created after ``moment``, by the clock of Dataverse, are live sync's."""
        t = tables.initial_sync_run
        async with self._transactions.begin() as connection:
            await connection.execute(update(t).where(t.c.run == run).values(created_before=moment))

    async def get(self, run: RunId, *, lock: bool = False) -> InitialSyncRun | None:
        """The run, None when there is none. ``lock`` keeps its state as it is until the transaction ends."""
        t = tables.initial_sync_run
        query = select(t).where(t.c.run == run)
        async with self._transactions.begin() as connection:
            row = (await connection.execute(query.with_for_update() if lock else query)).one_or_none()
            return None if row is None else _run(row)

    async def stand(self, run: RunId) -> RunState | None:
        """Where the run stands; it stays there until the transaction ends. Others may ask at the same time."""
        t = tables.initial_sync_run
        async with self._transactions.begin() as connection:
            state = await connection.scalar(select(t.c.state).where(t.c.run == run).with_for_update(read=True))
            return None if state is None else RunState(state)

    async def list(
        self, connection_name: str, *, started_until: datetime | None = None, limit_rows: int | None = 20
    ) -> tuple[InitialSyncRun, ...]:
        """The runs of a connection that were started by that moment, latest first."""
        t = tables.initial_sync_run
        query = select(t).where(t.c.connection == connection_name)
        if started_until is not None:
            query = query.where(t.c.started_at <= started_until)
        async with self._transactions.begin() as connection:
            found = await connection.execute(query.order_by(t.c.started_at.desc(), t.c.run).limit(limit_rows))
            return tuple(_run(row) for row in found)

    async def in_states(self, connection_name: str, states: Collection[RunState]) -> tuple[InitialSyncRun, ...]:
        """The runs of a connection in one of ``states``, earliest first."""
        t = tables.initial_sync_run
        query = select(t).where(t.c.connection == connection_name, t.c.state.in_([each.value for each in states]))
        async with self._transactions.begin() as connection:
            return tuple(_run(row) for row in await connection.execute(query.order_by(t.c.started_at, t.c.run)))

    async def move(self, run: RunId, to: RunState, *, message: str | None = None) -> InitialSyncRun:
        """The run is in state ``to``. Raises: NotAllowed when there is no such run."""
        t = tables.initial_sync_run
        values: dict[str, object] = {"state": to.value}
        values["finished_at"] = func.clock_timestamp() if to.has_ended else None
        if message is not None:
            values["message"] = storable_text(message)
        statement = update(t).where(t.c.run == run).values(**values).returning(*t.c)
        async with self._transactions.begin() as connection:
            row = (await connection.execute(statement)).one_or_none()
        if row is None:
            raise NotAllowed(f"There is no initial sync {run}.", run=str(run))
        return _run(row)

    async def forget(self, connection_name: str) -> None:
        """It is as if the connection had never had a run."""
        t = tables.initial_sync_run
        async with self._transactions.begin() as connection:
            await connection.execute(delete(t).where(t.c.connection == connection_name))

    # --- maps -------------------------------------------------------------------------------------------------------

    async def maps(self, run: RunId) -> tuple[RunMap, ...]:
        """The maps of the run in its order."""
        t = tables.initial_sync_map
        query = select(t).where(t.c.run == run).order_by(t.c.position, t.c.map)
        async with self._transactions.begin() as connection:
            return tuple(_map(row) for row in await connection.execute(query))

    async def maps_of(self, runs: Collection[RunId]) -> dict[RunId, tuple[RunMap, ...]]:
        """The maps of several runs."""
        t = tables.initial_sync_map
        query = select(t).where(t.c.run.in_(runs)).order_by(t.c.position, t.c.map)
        found: dict[RunId, tuple[RunMap, ...]] = {}
        async with self._transactions.begin() as connection:
            for row in await connection.execute(query):
                found[RunId(row.run)] = (*found.get(RunId(row.run), ()), _map(row))
        return found

    async def covering(self, connection_name: str, names: Collection[str]) -> dict[str, InitialSyncRun]:
        """By map, the run that has not ended and is still to copy or to finish it. The runs stay as they are."""
        t, m = tables.initial_sync_run, tables.initial_sync_map
        ended = [each.value for each in RunState if each.has_ended]
        query = (
            select(m.c.map.label("covered"), *t.c)
            .join(t, t.c.run == m.c.run)
            .where(t.c.connection == connection_name, t.c.state.not_in(ended))
            .where(m.c.map.in_(names), m.c.enabled, m.c.state == RunMapState.COPYING.value)
            .with_for_update(of=t)
        )
        async with self._transactions.begin() as connection:
            return {row.covered: _run(row) for row in await connection.execute(query)}

    async def set_map_state(self, run: RunId, names: Collection[str], state: RunMapState) -> None:
        """The run is that far with these maps."""
        t = tables.initial_sync_map
        statement = update(t).where(t.c.run == run, t.c.map.in_(names)).values(state=state.value)
        async with self._transactions.begin() as connection:
            await connection.execute(statement)

    # --- what environments keep ---------------------------------------------------------------------------------------

    async def with_outcomes(self, connection_name: str, *, ended_for: timedelta) -> tuple[RunId, ...]:
        """The runs that have ended so long ago and whose outcomes the environments still keep."""
        t = tables.initial_sync_run
        query = select(t.c.run).where(
            t.c.connection == connection_name, t.c.outcomes_kept, t.c.finished_at < func.now() - ended_for
        )
        async with self._transactions.begin() as connection:
            return tuple(RunId(run) for run in await connection.scalars(query))

    async def outcomes_dropped(self, run: RunId) -> None:
        """The environments keep nothing for the run any more."""
        t = tables.initial_sync_run
        async with self._transactions.begin() as connection:
            await connection.execute(update(t).where(t.c.run == run).values(outcomes_kept=False))


def _map_facts(run: RunId, each: RunMap) -> dict[str, object]:
    return {
        "run": run,
        "map": each.map,
        "position": each.position,
        "master": each.master.value,
        "legal_entities": None if each.legal_entities is None else list(each.legal_entities),
        "enabled": each.enabled,
        "state": each.state.value,
        "was_running": each.was_running,
    }


def _map(row: Row[*tuple[Any, ...]]) -> RunMap:
    return RunMap(
        map=row.map,
        position=row.position,
        master=Side(row.master),
        legal_entities=None if row.legal_entities is None else tuple(row.legal_entities),
        enabled=row.enabled,
        state=RunMapState(row.state),
        was_running=row.was_running,
    )


def _run(row: Row[*tuple[Any, ...]]) -> InitialSyncRun:
    return InitialSyncRun(
        run=RunId(row.run),
        connection=row.connection,
        state=RunState(row.state),
        on_refusals=OnRefusals(row.on_refusals),
        started_by=row.started_by,
        started_at=row.started_at,
        created_before=row.created_before,
        finished_at=row.finished_at,
        message=row.message,
        parent=None if row.parent is None else RunId(row.parent),
        root=RunId(row.root),
        rerun=None if row.rerun is None else RerunKind(row.rerun),
    )
