"""Workers over piecework, in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

import pytest

from dualwrite.metadata.schema import Side
from dualwrite.workflows.limits import Limits
from dualwrite.workflows.workers import Workers
from fakes.piecework import Piecework

ENVIRONMENTS = {side: side.value for side in Side}


def new_workers(work: Piecework, limits: Limits = Limits(), *, version: str = "1") -> Workers:
    return Workers(
        work.conninfo, work, limits, version=version, environments=ENVIRONMENTS, now=lambda: datetime.now(UTC)
    )


@pytest.fixture
def work(database: str) -> Piecework:
    return Piecework(database)


@pytest.fixture
async def workers(work: Piecework) -> AsyncIterator[Workers]:
    workers = new_workers(work)
    yield workers
    await workers.close()
