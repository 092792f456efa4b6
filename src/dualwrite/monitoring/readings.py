"""What the page of metrics tells that is not counted as it happens: looked up in the store and the environments.

What cannot be had, because an environment or the store is away, is left out of the page; the rest is told.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias

import structlog

from dualwrite.environments.port import Environment
from dualwrite.environments.queue import QueueCount
from dualwrite.errors import DualwriteError
from dualwrite.monitoring.metrics import Measure, Samples
from dualwrite.store.alerts import EventFilter, EventState
from dualwrite.store.database import Store
from dualwrite.store.maps import MapState
from dualwrite.store.sync_errors import ErrorState, SyncErrorField, SyncErrorFilter
from dualwrite.sync.availability import Breaker
from dualwrite.sync.link import Pair
from dualwrite.sync.tally import Tally

log = structlog.get_logger(__name__)

Clock: TypeAlias = Callable[[], datetime]
_Sample: TypeAlias = tuple[tuple[str, ...], float]

_MOST_EVENTS = 1000
_OPEN_ERRORS = SyncErrorFilter(state=ErrorState.OPEN)
_BY_MAP_AND_CATEGORY = (SyncErrorField.MAP, SyncErrorField.CATEGORY)


class PoolUse(Protocol):
    """How busy a pool of connections is."""

    @property
    def pool(self) -> str: ...
    @property
    def used(self) -> int: ...
    @property
    def idle(self) -> int: ...
    @property
    def waiting(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Readings:
    """Where the numbers of one connection are looked up."""

    store: Store
    connection: str
    pair: Pair
    tally: Tally
    pools: Mapping[str, Callable[[], Sequence[PoolUse]]]
    """By environment."""
    now: Clock

    async def read(self) -> Samples:
        """Every number that can be had at this moment."""
        samples: dict[Measure, Iterable[_Sample]] = {
            Measure.CHANGES: list(self._changes()),
            Measure.BREAKER: list(self._breakers()),
            Measure.BREAKER_OPENED: [
                ((each.name,), float(self.pair.availability(each).opened)) for each in self._environments
            ],
            Measure.CONNECTIONS: list(self._connections()),
        }
        for look_up in (self._queues, self._prepared, self._maps, self._errors, self._initial_sync, self._alerts):
            await _added(samples, look_up)
        return samples

    @property
    def _environments(self) -> tuple[Environment, Environment]:
        return self.pair.finops, self.pair.dataverse

    @property
    def _there(self) -> Sequence[Environment]:
        """The environments that answer."""
        return [each for each in self._environments if self.pair.availability(each).state is not Breaker.OPEN]

    def _changes(self) -> Iterable[_Sample]:
        for (name, direction, ending), number in self.tally.counts().items():
            yield (name, direction.value, ending.value), number

    def _breakers(self) -> Iterable[_Sample]:
        for each in self._environments:
            state = self.pair.availability(each).state
            yield from (((each.name, one.value), float(one is state)) for one in Breaker)

    def _connections(self) -> Iterable[_Sample]:
        for environment, uses in self.pools.items():
            for each in uses():
                yield (environment, each.pool, "used"), each.used
                yield (environment, each.pool, "idle"), each.idle
                yield (environment, each.pool, "waited for"), each.waiting

    async def _queues(self) -> Mapping[Measure, Iterable[_Sample]]:
        counts = [
            count for each in self._there for count in await self.pair.availability(each).ask(each.queue_counts())
        ]
        return {
            Measure.QUEUED_RECORDS: [(_place(each), each.records) for each in counts],
            Measure.QUEUED_TRANSACTIONS: [(_place(each), each.transactions) for each in counts],
            Measure.QUEUED_BYTES: [(_place(each), each.size_bytes) for each in counts],
            Measure.QUEUE_AGE: [(_place(each), (self.now() - each.oldest).total_seconds()) for each in counts],
        }

    async def _prepared(self) -> Mapping[Measure, Iterable[_Sample]]:
        return {
            Measure.PREPARED: [
                ((each.name,), len(await self.pair.availability(each).ask(each.prepared()))) for each in self._there
            ]
        }

    async def _maps(self) -> Mapping[Measure, Iterable[_Sample]]:
        maps = await self.store.maps.list(self.connection)
        return {
            Measure.MAP_STATE: [((each.name, one.value), float(each.state is one)) for each in maps for one in MapState]
        }

    async def _errors(self) -> Mapping[Measure, Iterable[_Sample]]:
        groups = await self.store.sync_errors.groups(self.connection, _OPEN_ERRORS, by=_BY_MAP_AND_CATEGORY)
        return {
            Measure.ERRORS_OPEN: [
                ((each.fields[SyncErrorField.MAP], each.fields[SyncErrorField.CATEGORY]), each.errors)
                for each in groups
            ]
        }

    async def _initial_sync(self) -> Mapping[Measure, Iterable[_Sample]]:
        runs = await self.store.initial_syncs.list(self.connection, limit_rows=1)
        samples: list[_Sample] = []
        if runs:
            refused = {
                (each.map, each.direction): each.counts.refused
                for each in (await self.store.sync_progress.counts_by_map([runs[0].run])).get(runs[0].run, ())
            }
            for standing in await self.store.sync_progress.by_map(runs[0].run):
                place = standing.map, standing.direction.value
                samples.append(((*place, "planned"), standing.rows))
                samples.append(((*place, "done"), standing.rows_done))
                samples.append(((*place, "refused"), refused.get((standing.map, standing.direction), 0)))
        return {Measure.INITIAL_SYNC_ROWS: samples}

    async def _alerts(self) -> Mapping[Measure, Iterable[_Sample]]:
        which = EventFilter(state=EventState.OPEN)
        events = await self.store.alerts.events(self.connection, which, limit_rows=_MOST_EVENTS)
        found: dict[tuple[str, ...], float] = {}
        for each in events:
            found[each.name, each.map] = found.get((each.name, each.map), 0) + 1
        return {Measure.ALERTS_OPEN: list(found.items())}


async def _added(
    samples: dict[Measure, Iterable[_Sample]], look_up: Callable[[], Awaitable[Mapping[Measure, Iterable[_Sample]]]]
) -> None:
    try:
        samples.update(await look_up())
    except DualwriteError as error:
        log.info("numbers are left out", code=error.code, reason=error.message)


def _place(count: QueueCount) -> tuple[str, str]:
    return count.map, count.direction.value
