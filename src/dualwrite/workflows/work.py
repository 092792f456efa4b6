"""The sorts of work that outlive a request, and where each of them is done."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol, assert_never
from uuid import UUID

from dualwrite.lifecycle.catch_up.work import Window
from dualwrite.lifecycle.initial_sync.work import Batch, Carried
from dualwrite.store.catch_ups import CatchUpId, CatchUpState
from dualwrite.store.initial_syncs import RunId, RunState
from dualwrite.sync.catch_up.replay import Group


class Kind(Enum):
    """What a run is a run of: the name of the workflow that coordinates it."""

    INITIAL_SYNC = "initial sync"
    CATCH_UP = "catch-up"


@dataclass(frozen=True, slots=True)
class Task:
    """A run that somebody has to coordinate. Its id is its own among the runs of every kind."""

    kind: Kind
    run: UUID


class InitialSyncs(Protocol):
    """See :class:`dualwrite.lifecycle.initial_sync.work.SyncWork`."""

    async def prepare(self, run: RunId) -> tuple[tuple[Batch, ...], ...]: ...

    async def carry_out(self, run: RunId, number: int, *, worker: str) -> Carried: ...

    async def settle(self, run: RunId) -> RunState: ...

    async def second_pass(self, run: RunId) -> tuple[tuple[Batch, ...], ...]: ...

    async def finish(self, run: RunId) -> RunState: ...

    async def fail(self, run: RunId, message: str, *, number: int | None = None) -> RunState: ...

    async def unfinished(self) -> tuple[RunId, ...]: ...


class CatchUps(Protocol):
    """See :class:`dualwrite.lifecycle.catch_up.work.CatchUpWork`."""

    async def plan(self, run: CatchUpId) -> Window | None: ...

    async def carry_out(self, run: CatchUpId, group: Group) -> bool: ...

    async def hand_over(self, run: CatchUpId) -> CatchUpState: ...

    async def fail(self, run: CatchUpId, message: str) -> CatchUpState: ...

    async def unfinished(self) -> tuple[CatchUpId, ...]: ...


@dataclass(frozen=True, slots=True)
class Works:
    """What there is to do, by kind."""

    initial_syncs: InitialSyncs
    catch_ups: CatchUps

    async def unfinished(self) -> frozenset[Task]:
        """The runs that somebody has to work on."""
        found: dict[Kind, Callable[[], Coroutine[Any, Any, Sequence[UUID]]]] = {
            Kind.INITIAL_SYNC: self.initial_syncs.unfinished,
            Kind.CATCH_UP: self.catch_ups.unfinished,
        }
        return frozenset([Task(kind, run) for kind, unfinished in found.items() for run in await unfinished()])

    async def fail(self, task: Task, message: str) -> bool:
        """Whether the run is at rest now that it has failed; one that is being cancelled is brought to its end."""
        match task.kind:
            case Kind.INITIAL_SYNC:
                return (await self.initial_syncs.fail(RunId(task.run), message)).is_at_rest
            case Kind.CATCH_UP:
                return (await self.catch_ups.fail(CatchUpId(task.run), message)).is_at_rest
            case _:
                assert_never(task.kind)
