"""Errors of a house are forgotten in time, which ``dualwrite up`` sees to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from dualwrite.composition.house import House
from dualwrite.lifecycle.errors.retention import ErrorRetention
from dualwrite.security.clock import system_clock

_WHO = "dualwrite"


@asynccontextmanager
async def forgetting_errors(house: House) -> AsyncIterator[None]:
    """Meanwhile errors that are older than they are to be kept are forgotten."""
    keep = timedelta(days=house.settings.error_days)
    retention = asyncio.ensure_future(ErrorRetention(house.errors_of(_WHO), keep=keep, now=system_clock).run())
    try:
        yield
    finally:
        retention.cancel()
        await asyncio.gather(retention, return_exceptions=True)
