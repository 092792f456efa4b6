"""Work on runs whose partitions are rows of a table: what workers do with it can be looked at, from any process."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import uuid4

import psycopg

from dualwrite.errors import EnvironmentUnavailable, RecordRefused
from dualwrite.lifecycle.catch_up.work import Window
from dualwrite.lifecycle.initial_sync.work import Batch, Carried
from dualwrite.metadata.schema import Side
from dualwrite.store.catch_ups import CatchUpId, CatchUpState
from dualwrite.store.initial_syncs import RunId, RunState
from dualwrite.sync.catch_up.replay import Group

_Session = psycopg.AsyncConnection[tuple[object, ...]]

_TABLES = """
CREATE TABLE IF NOT EXISTS run (run uuid PRIMARY KEY, state text NOT NULL, message text NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS piece (
    run uuid, number int, wave int, batch int, target text, seconds float, faults int NOT NULL DEFAULT 0,
    broken bool NOT NULL DEFAULT false,
    PRIMARY KEY (run, number)
);
CREATE TABLE IF NOT EXISTS begun (run uuid, number int, worker text, at timestamptz DEFAULT clock_timestamp());
CREATE TABLE IF NOT EXISTS done (
    run uuid, number int, worker text, at timestamptz DEFAULT clock_timestamp(), PRIMARY KEY (run, number)
);
CREATE TABLE IF NOT EXISTS finished (run uuid);
"""
_PLAN = "INSERT INTO piece (run, number, wave, batch, target, seconds, faults) VALUES (%s, %s, %s, %s, %s, %s, %s)"
_DONE = "INSERT INTO done (run, number, worker) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"
_UNFINISHED = "SELECT run FROM run WHERE state IN ('planned', 'running', 'pausing', 'cancelling')"
_MANY_ROWS = 1_000_000
_NEXT = {
    RunState.PAUSING: RunState.PAUSED,
    RunState.CANCELLING: RunState.CANCELLED,
}


class Piecework:
    """Implements ``workflows.work.InitialSyncs`` over the database at ``conninfo``."""

    def __init__(self, conninfo: str) -> None:
        self.conninfo = conninfo
        with self._connected() as connection:
            connection.execute(_TABLES)

    # --- what a test does and sees ----------------------------------------------------------------------------------

    def start(
        self,
        waves: Sequence[Sequence[Sequence[int]]],
        *,
        seconds: float = 0,
        target: Side = Side.DATAVERSE,
        faults: int = 0,
    ) -> RunId:
        """A planned run with these waves of batches of partitions, each of which takes that long."""
        run = RunId(uuid4())
        with self._connected() as connection:
            connection.execute("INSERT INTO run VALUES (%s, 'planned')", (run,))
            batch = 0
            for wave, batches in enumerate(waves):
                for numbers in batches:
                    for number in numbers:
                        values = (run, number, wave, batch, target.value, seconds, faults)
                        connection.execute(_PLAN, values)
                    batch += 1
        return run

    def set_state(self, run: RunId, state: RunState) -> None:
        with self._connected() as connection:
            connection.execute("UPDATE run SET state = %s WHERE run = %s", (state.value, run))

    def state(self, run: RunId) -> RunState:
        ((state,),) = self.query("SELECT state FROM run WHERE run = %s", run)
        return RunState(state)

    def done(self, run: RunId) -> list[int]:
        return [number for (number,) in self.query("SELECT number FROM done WHERE run = %s ORDER BY number", run)]

    def begun(self, run: RunId) -> list[int]:
        """In order of time; a partition that was begun twice is here twice."""
        return [number for (number,) in self.query("SELECT number FROM begun WHERE run = %s ORDER BY at", run)]

    def finished(self, run: RunId) -> int:
        """How often the run has been brought to its end."""
        return len(self.query("SELECT 1 FROM finished WHERE run = %s", run))

    def message(self, run: RunId) -> str:
        ((message,),) = self.query("SELECT message FROM run WHERE run = %s", run)
        return str(message)

    def break_partition(self, run: RunId, number: int) -> None:
        """It cannot be carried out."""
        self.query("UPDATE piece SET broken = true WHERE run = %s AND number = %s RETURNING 1", run, number)

    def most_at_once(self, run: RunId) -> int:
        """Partitions that were under way at the same time."""
        ((most,),) = self.query(
            "SELECT max((SELECT count(*) FROM begun b JOIN done d USING (run, number)"
            " WHERE b.run = o.run AND b.at <= o.at AND d.at > o.at)) FROM begun o WHERE o.run = %s",
            run,
        )
        return int(str(most))

    async def goes_on(self, run: RunId) -> bool:
        return not self.state(run).is_at_rest

    def workers(self, run: RunId) -> set[str]:
        return {worker for (worker,) in self.query("SELECT worker FROM done WHERE run = %s", run)}

    def query(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        with self._connected() as connection:
            return connection.execute(statement, values).fetchall()

    # --- Work -------------------------------------------------------------------------------------------------------

    async def prepare(self, run: RunId) -> tuple[tuple[Batch, ...], ...]:
        async with await self._session() as session:
            await session.execute("UPDATE run SET state = 'running' WHERE run = %s AND state = 'planned'", (run,))
            cursor = await session.execute(
                "SELECT wave, batch, target, array_agg(number ORDER BY number) FROM piece"
                " WHERE run = %s AND number NOT IN (SELECT number FROM done WHERE run = %s)"
                " GROUP BY 1, 2, 3 ORDER BY 1, 2",
                (run, run),
            )
            waves: dict[int, list[Batch]] = {}
            for wave, batch, target, numbers in await cursor.fetchall():
                waves.setdefault(wave, []).append(Batch(batch, Side(target), tuple(numbers), _MANY_ROWS))
            return tuple(tuple(each) for each in waves.values())

    async def carry_out(self, run: RunId, number: int, *, worker: str) -> Carried:
        async with await self._session() as session:
            if await self._state(session, run) is not RunState.RUNNING:
                return Carried.NOT_DONE
            await session.execute("INSERT INTO begun (run, number, worker) VALUES (%s, %s, %s)", (run, number, worker))
            cursor = await session.execute(
                "UPDATE piece SET faults = faults - 1 WHERE run = %s AND number = %s AND faults > 0 RETURNING 1",
                (run, number),
            )
            if await cursor.fetchone():
                raise EnvironmentUnavailable("The environment does not answer.")
            if await self._is_broken(session, run, number):
                raise RecordRefused(f"Partition {number} is broken.")
            async with session.transaction():
                await session.execute(
                    "SELECT pg_sleep(seconds) FROM piece WHERE run = %s AND number = %s", (run, number)
                )
                await session.execute(
                    "INSERT INTO done (run, number, worker) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
                    (run, number, worker),
                )
            return Carried.DONE

    async def settle(self, run: RunId) -> RunState:
        async with await self._session() as session:
            state = await self._state(session, run)
            if state not in _NEXT:
                return state
            await session.execute("UPDATE run SET state = %s WHERE run = %s", (_NEXT[state].value, run))
            return _NEXT[state]

    async def second_pass(self, run: RunId) -> tuple[tuple[Batch, ...], ...]:
        return ()

    async def finish(self, run: RunId) -> RunState:
        async with await self._session() as session:
            await session.execute("INSERT INTO finished VALUES (%s)", (run,))
            await session.execute("UPDATE run SET state = 'completed' WHERE run = %s", (run,))
        return RunState.COMPLETED

    async def fail(self, run: RunId, message: str, *, number: int | None = None) -> RunState:
        async with await self._session() as session:
            if await self._state(session, run) is RunState.CANCELLING:
                return RunState.CANCELLING
            await session.execute("UPDATE run SET state = 'failed', message = %s WHERE run = %s", (message, run))
        return RunState.FAILED

    async def unfinished(self) -> tuple[RunId, ...]:
        async with await self._session() as session:
            cursor = await session.execute(_UNFINISHED)
            return tuple(RunId(run) for (run,) in await cursor.fetchall())

    async def _is_broken(self, session: _Session, run: RunId, number: int) -> bool:
        cursor = await session.execute("SELECT broken FROM piece WHERE run = %s AND number = %s", (run, number))
        return await cursor.fetchone() == (True,)

    async def _state(self, session: _Session, run: RunId) -> RunState:
        cursor = await session.execute("SELECT state FROM run WHERE run = %s", (run,))
        row = await cursor.fetchone()
        assert row is not None
        return RunState(row[0])

    async def _session(self) -> _Session:
        return await psycopg.AsyncConnection.connect(self.conninfo, autocommit=True)

    def _connected(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(self.conninfo, autocommit=True)


class NoCatchUps:
    """Implements ``workflows.work.CatchUps`` where there are none."""

    async def plan(self, run: CatchUpId) -> Window | None:
        return None

    async def carry_out(self, run: CatchUpId, group: Group) -> bool:
        return False

    async def hand_over(self, run: CatchUpId) -> CatchUpState:
        return CatchUpState.STOPPED

    async def fail(self, run: CatchUpId, message: str) -> CatchUpState:
        return CatchUpState.STOPPED

    async def unfinished(self) -> tuple[CatchUpId, ...]:
        return ()
