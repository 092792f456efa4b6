"""Integration jobs: maps whose creates and updates are moved outside the users' transactions, in a sequence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, NewType

from sqlalchemy import Row, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from dualwrite.errors import NotAllowed, NotFound
from dualwrite.metadata.schema import Side
from dualwrite.store import tables
from dualwrite.store.connector import Transactions

RequestId = NewType("RequestId", int)

MOST_REQUESTS = 5
"""Requests of one job that wait at a time."""
MOST_ERRORS = 10_000
"""Errors of one request."""


class JobState(Enum):
    """Whether a job moves changes."""

    STOPPED = "stopped"
    """Its maps are live like all others."""
    ACTIVE = "active"


class RequestKind(Enum):
    """What is asked of a job about its errors."""

    RETRY = "retry"
    DISMISS = "dismiss"


class RequestState(Enum):
    """Where a request stands."""

    QUEUED = "queued"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class IntegrationJob:
    """A job and its maps in their sequence. ``primary`` wins where both sides have changed a record."""

    connection: str
    name: str
    maps: tuple[str, ...]
    primary: Side
    state: JobState
    message: str
    changed_by: str
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class JobRequest:
    """What was asked of a job about some of its errors, and what came of it."""

    id: RequestId
    connection: str
    job: str
    kind: RequestKind
    errors: tuple[int, ...]
    state: RequestState
    result: str
    asked_by: str
    asked_at: datetime
    ended_at: datetime | None


class IntegrationJobRepository:
    """The jobs of all connections."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def list(self, connection_name: str) -> tuple[IntegrationJob, ...]:
        """All jobs, by name."""
        t, m = tables.integration_job, tables.integration_job_map
        async with self._transactions.begin() as connection:
            rows = (
                await connection.execute(select(t).where(t.c.connection == connection_name).order_by(t.c.name))
            ).all()
            query = select(m.c.job, m.c.map).where(m.c.connection == connection_name).order_by(m.c.position)
            maps: dict[str, list[str]] = {}
            for job, name in await connection.execute(query):
                maps.setdefault(job, []).append(name)
        return tuple(_job(row, maps.get(row.name, ())) for row in rows)

    async def get(self, connection_name: str, name: str) -> IntegrationJob:
        """The job of this name. Raises: NotFound."""
        for each in await self.list(connection_name):
            if each.name == name:
                return each
        raise NotFound(f"There is no integration job {name}.", job=name)

    async def save(
        self, connection_name: str, name: str, *, maps: Sequence[str], primary: Side, changed_by: str
    ) -> IntegrationJob:
        """The job has these maps, in this sequence. Raises: NotAllowed, when one belongs to another job."""
        t, m = tables.integration_job, tables.integration_job_map
        facts = {"primary_side": primary.value, "changed_by": changed_by, "changed_at": func.clock_timestamp()}
        statement = insert(t).values(connection=connection_name, name=name, **facts)
        async with self._transactions.begin() as connection:
            await connection.execute(statement.on_conflict_do_update(index_elements=["connection", "name"], set_=facts))
            await connection.execute(delete(m).where(m.c.connection == connection_name, m.c.job == name))
            taken = select(m.c.map, m.c.job).where(m.c.connection == connection_name, m.c.map.in_(maps))
            for row in await connection.execute(taken):
                raise NotAllowed(f"{row.map} belongs to the integration job {row.job}.", map=row.map, job=row.job)
            await connection.execute(
                insert(m),
                [
                    {"connection": connection_name, "map": each, "job": name, "position": position}
                    for position, each in enumerate(maps)
                ],
            )
        return await self.get(connection_name, name)

    async def set_state(
        self, connection_name: str, name: str, state: JobState, *, changed_by: str, message: str = ""
    ) -> None:
        """The job is in this state."""
        t = tables.integration_job
        values = {"state": state.value, "message": message, "changed_by": changed_by}
        statement = update(t).where(t.c.connection == connection_name, t.c.name == name)
        async with self._transactions.begin() as connection:
            await connection.execute(statement.values(**values, changed_at=func.clock_timestamp()))

    async def remove(self, connection_name: str, name: str) -> None:
        """There is no job of this name, nor requests of it."""
        t = tables.integration_job
        async with self._transactions.begin() as connection:
            await connection.execute(delete(t).where(t.c.connection == connection_name, t.c.name == name))

    async def active_maps(self, connection_name: str) -> Mapping[str, str]:
        """The maps of active jobs, each with its job."""
        t, m = tables.integration_job, tables.integration_job_map
        query = (
            select(m.c.map, m.c.job)
            .join(t, (t.c.connection == m.c.connection) & (t.c.name == m.c.job))
            .where(m.c.connection == connection_name, t.c.state == JobState.ACTIVE.value)
        )
        async with self._transactions.begin() as connection:
            return {name: job for name, job in await connection.execute(query)}

    # --- requests ---------------------------------------------------------------------------------------------------

    async def ask(
        self, connection_name: str, job: str, kind: RequestKind, errors: Sequence[int], *, asked_by: str
    ) -> JobRequest:
        """The request waits for the job. Raises: NotAllowed for too many errors, or too many requests that wait."""
        if len(errors) > MOST_ERRORS:
            raise NotAllowed(
                f"A request is about {MOST_ERRORS:,} errors at most, this one about {len(errors):,}. Ask in parts.",
                job=job,
            )
        t, j = tables.integration_job_request, tables.integration_job
        waiting = select(func.count()).where(
            t.c.connection == connection_name, t.c.job == job, t.c.state == RequestState.QUEUED.value
        )
        values = {"connection": connection_name, "job": job, "kind": kind.value, "errors": list(errors)}
        async with self._transactions.begin() as connection:
            # One at a time, so that they are counted rightly.
            await connection.execute(
                select(j.c.name).where(j.c.connection == connection_name, j.c.name == job).with_for_update()
            )
            if (await connection.scalar(waiting) or 0) >= MOST_REQUESTS:
                raise NotAllowed(
                    f"{MOST_REQUESTS} requests wait for the integration job {job} already. Ask again when one is done.",
                    job=job,
                )
            statement = insert(t).values(**values, asked_by=asked_by).returning(t)
            return _request((await connection.execute(statement)).one())

    async def requests(
        self, connection_name: str, job: str, *, state: RequestState | None = None, limit_rows: int = 100
    ) -> tuple[JobRequest, ...]:
        """The requests of a job, the earliest first where they wait, else the latest first."""
        t = tables.integration_job_request
        query = select(t).where(t.c.connection == connection_name, t.c.job == job).limit(limit_rows)
        query = query.order_by(t.c.id if state is RequestState.QUEUED else t.c.id.desc())
        if state is not None:
            query = query.where(t.c.state == state.value)
        async with self._transactions.begin() as connection:
            return tuple(_request(row) for row in await connection.execute(query))

    async def end(self, request: RequestId, state: RequestState, *, result: str) -> None:
        """The request has ended so."""
        t = tables.integration_job_request
        statement = update(t).where(t.c.id == request, t.c.state == RequestState.QUEUED.value)
        async with self._transactions.begin() as connection:
            await connection.execute(
                statement.values(state=state.value, result=result, ended_at=func.clock_timestamp())
            )


def _job(row: Row[*tuple[Any, ...]], maps: Sequence[str]) -> IntegrationJob:
    return IntegrationJob(
        row.connection,
        row.name,
        tuple(maps),
        Side(row.primary_side),
        JobState(row.state),
        row.message,
        row.changed_by,
        row.changed_at,
    )


def _request(row: Row[*tuple[Any, ...]]) -> JobRequest:
    return JobRequest(
        RequestId(row.id),
        row.connection,
        row.job,
        RequestKind(row.kind),
        tuple(row.errors),
        RequestState(row.state),
        row.result,
        row.asked_by,
        row.asked_at,
        row.ended_at,
    )
