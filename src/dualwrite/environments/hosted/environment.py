"""The hosted environment: the port over one PostgreSQL database."""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg import errors as pg
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from dualwrite.environments.bulk import CopyParticipant
from dualwrite.environments.crash_points import CrashPoints, nowhere
from dualwrite.environments.hosted.connections import PoolUse, connection_pool, copying_pool, use_of
from dualwrite.environments.hosted.deciding import commit_decided, roll_back
from dualwrite.environments.hosted.definitions import READ_DEFINITIONS, READ_GENERATION, read_schema
from dualwrite.environments.hosted.failures import translated
from dualwrite.environments.hosted.finding import DictConnection
from dualwrite.environments.hosted.heart import Heart
from dualwrite.environments.hosted.participant import NAME_PREFIX, HostedParticipant
from dualwrite.environments.hosted.query import CompiledQuery, compile_query, position
from dualwrite.environments.hosted.queue import Queue
from dualwrite.environments.hosted.rules import Rule
from dualwrite.environments.hosted.session import HostedSession
from dualwrite.environments.hosted.settings import HostedSettings
from dualwrite.environments.hosted.shape import shape_of
from dualwrite.environments.port import (
    Caller,
    ChangeId,
    ChangeSet,
    Command,
    Commitment,
    CommitPipeline,
    EmptyCommitment,
    EnvironmentName,
    Epoch,
    Page,
    Participant,
    PreparedName,
    PreparedTransaction,
    RecordChange,
    RowQuery,
)
from dualwrite.environments.queue import Position, QueueCount, QueuedRecord, QueueFilter
from dualwrite.errors import (
    Contention,
    EnvironmentUnavailable,
    LimitExceeded,
    NotAllowed,
)
from dualwrite.metadata.schema import EnvironmentSchema, Side, Table
from dualwrite.metadata.values import Row

_FIRST_PAUSE_S = 0.004
_LONGEST_PAUSE_S = 0.064
_PATIENCE = 12
"""How much longer than others a transaction that has given way before waits for a record."""
_LOOK_AGAIN_S = 0.005
_READ_ONLY = frozenset({"reader"})


class HostedEnvironment:
    """Implements ``port.Environment`` and ``bulk.BulkEnvironment``. Open it before use, close it after."""

    def __init__(
        self,
        name: EnvironmentName,
        side: Side,
        conninfo: str,
        *,
        settings: HostedSettings | None = None,
        rules: Sequence[Rule] = (),
        engine_user: UUID | None = None,
        reached: CrashPoints = nowhere,
    ) -> None:
        if not name.isidentifier():
            raise ValueError(f"an environment's name is an identifier, not {name!r}")
        self.name = name
        self.side = side
        self.settings = settings or HostedSettings()
        self._rules = tuple(rules)
        self._shape = shape_of(EnvironmentSchema(side, ()), self._rules, generation=0)
        self._looked_at = -math.inf
        self._engine_user = engine_user
        self._pipeline: CommitPipeline | None = None
        self._reached = reached
        self._random = random.Random()
        # Two pools: were users and the engine to share one, the users of both environments could hold all connections
        # of both, each waiting for one of the other. A third one has the patience that copying needs.
        self._serving = connection_pool(conninfo, self.settings, lock_wait_ms=self.settings.source_lock_wait_ms)
        self._engine = connection_pool(conninfo, self.settings, lock_wait_ms=self.settings.target_lock_wait_ms)
        self._copying = copying_pool(conninfo, self.settings)
        self._heart = Heart(name, conninfo)

    @property
    def schema(self) -> EnvironmentSchema:
        return self._shape.schema

    async def open(self) -> None:
        """The environment answers, with the tables that its database defines."""
        await self._serving.open()
        await self._engine.open()
        await self._copying.open()
        await self.current_schema()

    async def close(self) -> None:
        await self._serving.close()
        await self._engine.close()
        await self._copying.close()
        await self._heart.close()

    def pools(self) -> Sequence[PoolUse]:
        """How busy the connections to the database are."""
        pools = {"serving": self._serving, "engine": self._engine, "copying": self._copying}
        return [use_of(pool, name) for name, pool in pools.items()]

    def follow_pipeline(self, pipeline: CommitPipeline) -> None:
        """From now on every served transaction passes ``pipeline`` before it commits."""
        self._pipeline = pipeline

    @property
    def is_followed(self) -> bool:
        """Whether served transactions pass a pipeline."""
        return self._pipeline is not None

    @asynccontextmanager
    async def _connection(
        self, pool: AsyncConnectionPool[DictConnection] | None = None
    ) -> AsyncIterator[DictConnection]:
        try:
            async with (pool or self._serving).connection() as connection:
                yield connection
        except PoolTimeout as error:
            raise EnvironmentUnavailable(f"environment {self.name}: its database does not answer in time") from error

    # --- its tables -------------------------------------------------------------------------------------------------

    async def current_schema(self, *, within_s: float = 0.0) -> EnvironmentSchema:
        if time.monotonic() - self._looked_at <= within_s:
            return self._shape.schema
        self._looked_at = time.monotonic()
        async with self._connection(self._engine) as connection:
            with translated(self._shape.layouts):
                found = await (await connection.execute(READ_GENERATION)).fetchone()
                if found is not None and found["generation"] != self._shape.generation:
                    await self._reshape(connection)
        return self._shape.schema

    async def _reshape(self, connection: DictConnection) -> None:
        row = await (await connection.execute(READ_DEFINITIONS)).fetchone()
        assert row is not None
        if row["generation"] > self._shape.generation:
            schema = read_schema(self.side, row["documents"])
            self._shape = shape_of(schema, self._rules, generation=row["generation"])

    # --- serving ----------------------------------------------------------------------------------------------------

    async def read(self, query: RowQuery) -> Page:
        layouts = self._shape.layouts
        compiled = compile_query(layouts.of(query.table), query)
        async with self._connection() as connection:
            with translated(layouts):
                rows = await _fetched(connection, compiled)
                total = None
                if query.count:
                    counted = await connection.execute(compiled.count_text, compiled.count_parameters)
                    total = ((await counted.fetchone()) or {"total": 0})["total"]
        more = query.limit is not None and len(rows) > query.limit
        if more:
            rows = rows[: query.limit]
        last = position(rows[-1], compiled.sort_columns) if rows else None
        return Page([_without_sorts(row, compiled.sort_columns) for row in rows], more, last, total)

    async def scan(self, query: RowQuery, *, batch_rows: int = 1000) -> AsyncIterator[Sequence[Row]]:
        layouts = self._shape.layouts
        compiled = compile_query(layouts.of(query.table), query)
        async with self._connection() as connection:
            with translated(layouts):
                await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                try:
                    async with connection.cursor(name="scan") as cursor:
                        await cursor.execute(compiled.text, compiled.parameters)
                        while rows := await cursor.fetchmany(batch_rows):
                            yield [_without_sorts(row, compiled.sort_columns) for row in rows]
                finally:
                    await connection.execute("ROLLBACK")

    async def transact(self, commands: Sequence[Command], *, caller: Caller) -> Sequence[RecordChange]:
        self._check_size(len(commands))
        _check_role(caller)
        started = time.monotonic()
        met: list[Contention] = []
        async with AsyncExitStack() as turn:
            while True:
                try:
                    # What has begun to commit is carried through even when the caller goes away.
                    return await asyncio.shield(asyncio.ensure_future(self._attempt(commands, caller, len(met))))
                except Contention as busy:
                    if time.monotonic() - started > self.settings.retry_seconds:
                        given_up = Contention(
                            "somebody else kept changing the same records; nothing was saved, please try again"
                        )
                        if self._pipeline is not None:
                            await self._pipeline.gave_up(busy, given_up)
                        raise given_up from busy
                    met.append(busy)
                await turn.aclose()
                pause = min(_FIRST_PAUSE_S * 2 ** len(met), _LONGEST_PAUSE_S)
                await asyncio.sleep(pause * self._random.random())
                if self._pipeline is not None:
                    await turn.enter_async_context(self._pipeline.turn(met))

    def _check_size(self, records: int) -> None:
        limit = self.settings.transaction_records
        if records > limit:
            raise LimitExceeded(
                f"a transaction may change {limit} records (setting transaction_records), this one changes {records}"
            )

    async def _attempt(self, commands: Sequence[Command], caller: Caller, attempt: int) -> Sequence[RecordChange]:
        shape = self._shape
        async with self._connection() as connection:
            commitment: Commitment
            try:
                async with asyncio.timeout(self.settings.transaction_seconds):
                    with translated(shape.layouts):
                        await connection.execute("BEGIN")
                    self._reached("source.begun")
                    session = HostedSession(connection, shape, user_id=caller.user_id, needs=self._needs)
                    changes = await session.execute(commands)
                    self._check_size(len(changes) + len(session.made_by_rules))
                    self._reached("source.written")
                    commitment = await self._route(
                        ChangeSet(self.name, (*changes, *session.made_by_rules), caller, attempt), session
                    )
            except TimeoutError:
                await roll_back(connection)
                raise LimitExceeded(
                    f"a transaction may take {self.settings.transaction_seconds:g} seconds "
                    "(setting transaction_seconds); this one took longer and was rolled back"
                ) from None
            except BaseException:
                await roll_back(connection)
                raise
            await commit_decided(connection, shape.layouts, commitment, reached=self._reached)
        await commitment.committed()
        return changes

    async def _needs(self, table: Table, written: frozenset[str]) -> frozenset[str]:
        return frozenset() if self._pipeline is None else await self._pipeline.needs(table, written)

    async def _route(self, changes: ChangeSet, session: HostedSession) -> Commitment:
        if self._pipeline is None:
            return EmptyCommitment(await self._epoch_on(session.connection))
        commitment = await self._pipeline.before_commit(changes, session)
        return commitment or EmptyCommitment(await self._epoch_on(session.connection))

    # --- taking part ------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def participate(self, *, attempt: int = 0) -> AsyncIterator[Participant]:
        async with self._connection(self._engine) as connection:
            participant = HostedParticipant(
                connection,
                self._shape,
                user_id=self._engine_user,
                lock_wait_ms=self.settings.target_lock_wait_ms * (_PATIENCE if attempt else 1),
            )
            try:
                yield participant
            finally:
                await participant.close()

    @asynccontextmanager
    async def copying(self) -> AsyncIterator[CopyParticipant]:
        # Polars takes its time to load, and only copying needs it.
        from dualwrite.environments.hosted.bulk.participant import HostedCopyParticipant

        async with self._connection(self._copying) as connection:
            participant = HostedCopyParticipant(
                connection, self._shape, user_id=self._engine_user, lock_wait_ms=self.settings.copy_lock_wait_ms
            )
            try:
                yield participant
            finally:
                await participant.close()

    async def forget_outcomes(self, run: UUID) -> None:
        async with self._connection(self._engine) as connection:
            with translated(self._shape.layouts):
                await connection.execute("DELETE FROM dualwrite.copied_partition WHERE run = %s", [run])

    async def pulse(self) -> None:
        await self._heart.beat()

    async def epoch(self) -> Epoch:
        async with self._connection(self._engine) as connection:
            return await self._epoch_on(connection)

    async def _epoch_on(self, connection: DictConnection) -> Epoch:
        with translated(self._shape.layouts):
            row = await (await connection.execute("SELECT epoch FROM dualwrite.epoch")).fetchone()
        assert row is not None
        return Epoch(row["epoch"])

    async def raise_epoch(self, to: Epoch) -> Epoch:
        async with self._connection(self._engine) as connection:
            with translated(self._shape.layouts):
                row = await (
                    await connection.execute("SELECT dualwrite.raise_epoch(%s) AS epoch", [int(to)])
                ).fetchone()
        assert row is not None
        return Epoch(row["epoch"])

    async def prepared(self) -> Sequence[PreparedTransaction]:
        query = (
            "SELECT gid, prepared FROM pg_prepared_xacts WHERE database = current_database() AND gid LIKE %s "
            "ORDER BY prepared"
        )
        async with self._connection(self._engine) as connection:
            with translated(self._shape.layouts):
                rows = await (await connection.execute(query, [f"{NAME_PREFIX}:%"])).fetchall()
        return [_prepared(row["gid"], row["prepared"]) for row in rows]

    async def accepted_ended(self) -> None:
        # Accepting locks its table; a prepared transaction keeps the lock without a process.
        query = (
            "SELECT virtualtransaction FROM pg_locks WHERE relation = 'dualwrite.acceptance'::regclass "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
            "AND mode = 'RowExclusiveLock' AND pid IS NOT NULL"
        )
        waiting_for: set[str] | None = None
        async with self._connection(self._engine) as connection:
            while waiting_for is None or waiting_for:
                with translated(self._shape.layouts):
                    rows = await (await connection.execute(query)).fetchall()
                still_open = {str(row["virtualtransaction"]) for row in rows}
                waiting_for = still_open if waiting_for is None else waiting_for & still_open
                if waiting_for:
                    await asyncio.sleep(_LOOK_AGAIN_S)

    async def settle(self, name: PreparedName, *, commit: bool) -> None:
        verb = "COMMIT" if commit else "ROLLBACK"
        async with self._connection(self._engine) as connection:
            try:
                await connection.execute(f"{verb} PREPARED '{name}'")
            except pg.UndefinedObject:
                return
            except pg.ObjectNotInPrerequisiteState as error:
                # Somebody else is just ending it; asking again shows whether that went through.
                raise EnvironmentUnavailable(f"environment {self.name}: {name} is being settled already") from error
            except psycopg.OperationalError as error:
                raise EnvironmentUnavailable(f"environment {self.name}: {str(error).strip()}") from error

    async def decided(self, changes: Sequence[ChangeId]) -> frozenset[ChangeId]:
        async with self._connection(self._engine) as connection:
            with translated(self._shape.layouts):
                cursor = await connection.execute(
                    "SELECT change_id FROM dualwrite.decision WHERE change_id = ANY(%s)", [list(changes)]
                )
                return frozenset(ChangeId(row["change_id"]) for row in await cursor.fetchall())

    async def queue_counts(self) -> Sequence[QueueCount]:
        async with self._connection(self._engine) as connection:
            with translated(self._shape.layouts):
                return await Queue(connection, self.side).counts()

    async def queued(
        self, which: QueueFilter, *, after: tuple[Position, int] = (0, 0), limit_rows: int = 100
    ) -> Sequence[QueuedRecord]:
        async with self._connection(self._engine) as connection:
            with translated(self._shape.layouts):
                return await Queue(connection, self.side).records(which, after=after, limit_rows=limit_rows)

    async def queue_positions(self, maps: Collection[str], *, most: int | None = None) -> Sequence[Position]:
        async with self._connection(self._engine) as connection:
            with translated(self._shape.layouts):
                return await Queue(connection, self.side).positions(maps, most=most)

    async def forget(self, before: datetime) -> None:
        async with self._connection(self._engine) as connection:
            with translated(self._shape.layouts):
                await connection.execute("DELETE FROM dualwrite.decision WHERE decided_at < %s", [before])
                await connection.execute("DELETE FROM dualwrite.acceptance WHERE accepted_at < %s", [before])


async def _fetched(connection: DictConnection, compiled: CompiledQuery) -> list[dict[str, Any]]:
    """The rows of a query that may have been prepared before its table got more columns."""
    try:
        return await (await connection.execute(compiled.text, compiled.parameters)).fetchall()
    except pg.FeatureNotSupported:
        # With this the driver forgets its statements, too; else every later read would stumble over the same one.
        await connection.execute("DEALLOCATE ALL")
        return await (await connection.execute(compiled.text, compiled.parameters)).fetchall()


def _without_sorts(row: dict[str, Any], sort_columns: int) -> Row:
    for number in range(sort_columns):
        del row[f"@sort{number}"]
    return row


def _prepared(name: str, prepared_at: datetime) -> PreparedTransaction:
    _, source, epoch, change = name.split(":")
    return PreparedTransaction(
        PreparedName(name), EnvironmentName(source), Epoch(int(epoch)), ChangeId(UUID(change)), prepared_at
    )


def _check_role(caller: Caller) -> None:
    if caller.roles and caller.roles <= _READ_ONLY:
        raise NotAllowed(f"{caller.name} may read and not write: its only role is {', '.join(sorted(caller.roles))}.")
