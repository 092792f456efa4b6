"""Operations as documents."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Any

from dualwrite.servers.admin.model import Told
from dualwrite.servers.admin.problems import Problem


class OperationKind(Enum):
    """What sort of work an operation is."""

    INITIAL_SYNC = "initial-sync"
    CATCH_UP = "catch-up"
    ERROR_RETRY = "error-retry"


class OperationState(Enum):
    """How far an operation is."""

    RUNNING = "running"
    WAITING = "waiting"
    """Nothing happens until somebody asks for it: paused, or awaiting a decision."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def has_ended(self) -> bool:
        """Whether nothing follows by itself; a failed operation can be resumed by what it stands for."""
        return self in (OperationState.SUCCEEDED, OperationState.FAILED, OperationState.CANCELLED)


class OperationProgress(Told):
    """How much is done, in ``unit``."""

    done: int
    total: int | None
    unit: str
    remaining_s: float | None = None


class Operation(Told):
    """A long action. It is told by what it stands for, so that it is right after a crash, too."""

    id: str
    kind: OperationKind
    state: OperationState
    stage: str
    """Where the work itself says that it stands."""
    subject: str
    """The address of what the operation stands for."""
    started_by: str
    started_at: datetime
    finished_at: datetime | None
    progress: OperationProgress
    result: Mapping[str, Any] | None
    """What came of it, once it has ended."""
    problem: Problem | None
    """Why it failed, or waits."""
