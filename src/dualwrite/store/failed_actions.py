"""Actions that fail are in the activity log, too."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from dualwrite.errors import DualwriteError
from dualwrite.store.activity import Severity
from dualwrite.store.database import Store


@asynccontextmanager
async def told_when_failed(store: Store, what: str, *, who: str, maps: Sequence[str] = ()) -> AsyncIterator[None]:
    """When what is done inside is refused or fails, the log says so, of each of the maps; the error goes on."""
    try:
        yield
    except DualwriteError as error:
        result, details = f"failed: {error.message}", {"code": error.code, "maps": list(maps)}
        async with store.transaction() as repositories:
            for name in maps or (None,):
                await repositories.activity.record(
                    what, who=who, result=result, map=name, severity=Severity.ERROR, details=details
                )
        raise
