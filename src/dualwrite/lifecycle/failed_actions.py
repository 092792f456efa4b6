"""Actions that fail are in the activity log, too."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from dualwrite.errors import DualwriteError
from dualwrite.lifecycle.transitions import Action
from dualwrite.store.activity import Severity
from dualwrite.store.database import Store


@asynccontextmanager
async def told_when_failed(store: Store, action: Action, names: Sequence[str], *, who: str) -> AsyncIterator[None]:
    """When the action is refused or fails, the log says so of each of the maps; the error goes on."""
    try:
        yield
    except DualwriteError as error:
        async with store.transaction() as repositories:
            for name in names:
                await repositories.activity.record(
                    action.value,
                    who=who,
                    result=f"failed: {error.message}",
                    map=name,
                    severity=Severity.ERROR,
                    details={"code": error.code, "maps": list(names)},
                )
        raise
