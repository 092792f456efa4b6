"""The queues of a house: the watch that ``dualwrite up`` keeps over them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from dualwrite.composition.house import CONNECTION, House
from dualwrite.lifecycle.catch_up.limits import GIBIBYTE, QueueLimits, QueuePolicy
from dualwrite.lifecycle.catch_up.watching import WHO, QueueWatch
from dualwrite.security.clock import system_clock
from dualwrite.settings import Settings


@asynccontextmanager
async def watching_queues(house: House) -> AsyncIterator[None]:
    """Meanwhile the limits of the queues hold."""
    watch = QueueWatch(
        house.store,
        CONNECTION,
        house.pair,
        house.router,
        lifecycle=house.lifecycle_of(WHO),
        limits=queue_limits(house.settings),
        now=system_clock,
    )
    task = asyncio.ensure_future(watch.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def queue_limits(settings: Settings) -> QueueLimits:
    """What may wait for a map, as the settings have it."""
    return QueueLimits(
        age=timedelta(days=settings.queue_days),
        size_bytes=round(settings.queue_gibibytes * GIBIBYTE),
        policy=QueuePolicy(settings.queue_policy.value),
    )
