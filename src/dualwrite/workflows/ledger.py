"""The workflows as they are recorded: put into their queues, looked up, called off and forgotten.

Works also in processes that take no part in the work themselves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID, uuid4

import sqlalchemy as sa
from dbos import DBOS, DBOSClient, DBOSPortableJSONSerializer, EnqueueOptions, WorkflowStatus, WorkflowStatusString
from psycopg.conninfo import conninfo_to_dict

from dualwrite.workflows.limits import Limits
from dualwrite.workflows.work import Kind, Task

APPLICATION = "dualwrite"
SCHEMA = "dbos"
RUNS = "runs"
"""The queue of coordinators."""
BATCHES = "batches"
"""The queue of batches, partitioned by target environment."""
PART_OF: Final[Mapping[Kind, str]] = {Kind.INITIAL_SYNC: "initial sync batch", Kind.CATCH_UP: "catch-up group"}
"""The name of the workflows that a coordinator puts into the queue."""

_POLL_S = 0.25
_POLL_AT_REST_S = 1.0
"""Looking into the queues is what an idle process does most."""
_POLLS = {RUNS: 2 * _POLL_S, BATCHES: _POLL_S}
_CONNECTIONS = 5
_FORGOTTEN_AT_ONCE = 500
_COORDINATORS = [each.value for each in Kind]
_ACTIVE = [WorkflowStatusString.ENQUEUED.value, WorkflowStatusString.PENDING.value]
_GIVEN_UP = frozenset({WorkflowStatusString.ERROR.value, WorkflowStatusString.MAX_RECOVERY_ATTEMPTS_EXCEEDED.value})


@dataclass(frozen=True, slots=True)
class Coordination:
    """The workflow that coordinates a run, and the version of the program that began it."""

    workflow: str
    task: Task
    version: str


class Ledger:
    """The tables of DBOS in the store's database, seen from outside of workflows."""

    def __init__(self, engine: sa.Engine, *, version: str) -> None:
        self.engine = engine
        self._version = version
        self._client = DBOSClient(
            system_database_engine=engine,
            dbos_system_schema=SCHEMA,
            serializer=DBOSPortableJSONSerializer(),
            application_name=APPLICATION,
            lazy=True,
        )

    @classmethod
    async def open(cls, conninfo: str, limits: Limits, *, version: str) -> Ledger:
        """The tables and queues are there; the limits hold where no other process has set any."""

        def opened() -> Ledger:
            DBOS.migrate(_url(conninfo), schema=SCHEMA)
            ledger = cls(_engine(conninfo), version=version)
            ledger._register_queues(limits, "never_update")
            return ledger

        return await asyncio.to_thread(opened)

    async def impose(self, limits: Limits) -> None:
        """The limits are those of all processes from now on."""
        await asyncio.to_thread(self._register_queues, limits, "always_update")

    async def close(self) -> None:
        """No connection is left open."""
        await asyncio.to_thread(self.engine.dispose)

    async def look_often(self, *, often: bool) -> None:
        """All processes look into the queues often, or now and then; they do so from their next look on."""

        def looked() -> None:
            for name, seconds in _POLLS.items():
                queue = self._client.retrieve_queue(name)
                wanted = seconds if often else _POLL_AT_REST_S
                if queue is not None and queue.polling_interval_sec != wanted:
                    queue.set_polling_interval_sec(wanted)

        await asyncio.to_thread(looked)

    async def enqueue(self, task: Task) -> None:
        """The run has a coordinator: the one it has had, or another. Idempotency: by run."""
        options = EnqueueOptions(
            workflow_name=task.kind.value,
            queue_name=RUNS,
            workflow_id=f"{task.run}:{uuid4().hex}",
            deduplication_id=str(task.run),
            duplication_policy="return-existing",
            app_version=self._version,
        )
        await self._client.enqueue_async(options, str(task.run))
        await self.look_often(often=True)

    async def coordinations(self) -> tuple[Coordination, ...]:
        """The coordinators at work or waiting for somebody to take them up, of all versions of the program."""
        found = await self._find(name=_COORDINATORS, status=_ACTIVE)
        return tuple(
            Coordination(
                each.workflow_id,
                Task(Kind(each.name), UUID(each.workflow_id.partition(":")[0])),
                each.app_version or "",
            )
            for each in found
        )

    async def has_been_given_up(self, task: Task) -> bool:
        """Whether the run's last coordinator broke, or took one process after the other with it."""
        found = await self._find(name=task.kind.value, workflow_id_prefix=f"{task.run}:", limit=1, sort_desc=True)
        return bool(found) and found[0].status in _GIVEN_UP

    async def at_work(self) -> frozenset[str]:
        """The executors of this version that have workflows which they have not ended."""
        found = await self._find(status=WorkflowStatusString.PENDING.value, app_version=self._version)
        return frozenset(each.executor_id for each in found if each.executor_id)

    async def call_off(self, coordination: Coordination) -> None:
        """The coordinator and its batches are not taken up any more."""
        await self._client.cancel_workflow_async(coordination.workflow, cancel_children=True)

    async def forget(self, *, before: datetime) -> int:
        """Coordinators that ended before then have left no trace, nor have their batches; tells how many they were."""
        forgotten = 0
        while found := await self._find(
            name=_COORDINATORS, completed_before=before.isoformat(), limit=_FORGOTTEN_AT_ONCE
        ):
            await self._client.delete_workflows_async([each.workflow_id for each in found], delete_children=True)
            forgotten += len(found)
        return forgotten

    async def _find(self, **which: Any) -> list[WorkflowStatus]:
        return await self._client.list_workflows_async(load_input=False, load_output=False, **which)

    def _register_queues(self, limits: Limits, on_conflict: Literal["always_update", "never_update"]) -> None:
        self._client.register_queue(RUNS, polling_interval_sec=_POLLS[RUNS], on_conflict=on_conflict)
        per_minute = limits.partitions_per_minute
        self._client.register_queue(
            BATCHES,
            worker_concurrency=limits.worker_concurrency,
            partition_concurrency=limits.environment_concurrency,
            partition_limiter=None if per_minute is None else {"limit": per_minute, "period": 60.0},
            polling_interval_sec=_POLLS[BATCHES],
            on_conflict=on_conflict,
        )


def _engine(conninfo: str) -> sa.Engine:
    return sa.create_engine(
        "postgresql+psycopg://",
        connect_args={**conninfo_to_dict(conninfo), "application_name": "dualwrite workflows"},
        pool_size=_CONNECTIONS,
        max_overflow=0,
        pool_pre_ping=True,
    )


def _url(conninfo: str) -> str:
    """The connection string as a URL."""
    parameters = {name: str(value) for name, value in conninfo_to_dict(conninfo).items()}
    url = sa.URL.create(
        "postgresql+psycopg",
        username=parameters.pop("user", None),
        password=parameters.pop("password", None),
        database=parameters.pop("dbname", None),
        query=parameters,
    )
    return url.render_as_string(hide_password=False)
