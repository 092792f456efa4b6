"""DBOS in this process: launched over the store's database, and gone again without a trace.

There is one DBOS in a process. Its threads poll the queues, and its workflows run on the event loop that launched it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass

from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer

from dualwrite.workflows import catch_up, initial_sync
from dualwrite.workflows.ledger import APPLICATION, SCHEMA, Ledger
from dualwrite.workflows.shift import Shift
from dualwrite.workflows.steps import AtWork, begin, end

_THREADS = 32
_WORKFLOWS = (initial_sync, catch_up)
"""DBOS finds workflows in modules that have been imported."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """This process carries out workflows."""

    shift: Shift


@asynccontextmanager
async def launched(ledger: Ledger, at_work: AtWork, *, version: str) -> AsyncIterator[Runtime]:
    """Workflows are taken from the queues and run on this event loop; afterwards nothing of DBOS is left.

    Raises: RuntimeError, when this process does so for another house.
    """
    begin(at_work)
    try:
        _be_quiet()
        try:
            DBOS(config=_config(ledger, executor=at_work.shift.worker, version=version))
            DBOS.launch()
            yield Runtime(at_work.shift)
        finally:
            await _destroy(at_work.shift)
    finally:
        end()


async def _destroy(shift: Shift) -> None:
    await shift.leave(grace_s=0)
    # DBOS has the loop's threads come from its own pool, which is about to be shut down.
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor())
    with ThreadPoolExecutor(1) as apart:
        await loop.run_in_executor(apart, DBOS.destroy)
    await shift.leave(grace_s=0)


def _config(ledger: Ledger, *, executor: str, version: str) -> DBOSConfig:
    return DBOSConfig(
        name=APPLICATION,
        application_version=version,
        executor_id=executor,
        system_database_engine=ledger.engine,
        dbos_system_schema=SCHEMA,
        run_migrations=False,
        serializer=DBOSPortableJSONSerializer(),
        use_listen_notify=False,
        notification_listener_polling_interval_sec=0.2,
        max_executor_threads=_THREADS,
        log_level=logging.getLevelName(_level()),
        enable_otlp=False,
    )


def _level() -> int:
    """Its warnings are of interest to those who look for something."""
    return logging.DEBUG if logging.getLogger().isEnabledFor(logging.DEBUG) else logging.ERROR


def _be_quiet() -> None:
    """DBOS says what it says as other libraries do, instead of by a handler of its own."""
    logger = logging.getLogger("dbos")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
