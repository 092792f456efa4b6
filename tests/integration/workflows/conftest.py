"""Workers over piecework, in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from taking_part import new_workers

from dualwrite.workflows.workers import Workers
from fakes.piecework import Piecework


@pytest.fixture
def work(database: str) -> Piecework:
    return Piecework(database)


@pytest.fixture
async def workers(work: Piecework) -> AsyncIterator[Workers]:
    """They take part when somebody waits for a run, and leave at the end."""
    workers = new_workers(work)
    yield workers
    await workers.close()
