"""Actions on maps that fail are in the activity log of each of the maps."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager

from dualwrite.lifecycle.transitions import Action
from dualwrite.store import failed_actions
from dualwrite.store.database import Store


def told_when_failed(
    store: Store, action: Action, names: Sequence[str], *, who: str
) -> AbstractAsyncContextManager[None]:
    """When the action is refused or fails, the log says so of each of the maps; the error goes on."""
    return failed_actions.told_when_failed(store, action.value, who=who, maps=names)
