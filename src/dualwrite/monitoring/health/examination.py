"""The health check of maps: everything is looked up, what is away is told, and nothing is changed."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Final

from dualwrite.environments.port import EnvironmentName
from dualwrite.environments.queue import QueueCount
from dualwrite.errors import DualwriteError, EnvironmentUnavailable, NotFound
from dualwrite.lifecycle.checks import CheckedMap, check_active
from dualwrite.lifecycle.transitions import is_live
from dualwrite.maps.plan import Plan
from dualwrite.metadata.schema import Side
from dualwrite.monitoring.health.findings import HealthCode, HealthFinding, MapHealth, Severity, worst_first
from dualwrite.monitoring.health.map_checks import check_map
from dualwrite.monitoring.health.state_checks import LATELY, Standing, check_comparison, check_standing
from dualwrite.store.database import Store
from dualwrite.store.maps import MapState, TableMap
from dualwrite.store.sync_errors import ErrorState, SyncErrorFilter
from dualwrite.sync.comparison import compare_sample
from dualwrite.sync.link import Pair
from dualwrite.sync.stored_router import StoredRouter

DEFAULT_SAMPLE: Final = 200
_ANSWER_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Examination:
    """Examines the maps of one connection."""

    store: Store
    connection: str
    pair: Pair
    router: StoredRouter
    now: Callable[[], datetime]
    chance: Random = field(default_factory=Random)

    async def examine(self, names: Sequence[str], *, sample: int = DEFAULT_SAMPLE) -> Sequence[MapHealth]:
        """The health of these maps, in their order; ``sample`` records of each that runs are compared, 0 none.

        Raises: NotFound for an unknown map, EnvironmentUnavailable when the store does not answer.
        """
        known = {each.name: each for each in await self.store.maps.list(self.connection)}
        unknown = [name for name in names if name not in known]
        if unknown:
            raise NotFound(f"There is no map {unknown[0]!r}. The maps are: {', '.join(known) or 'none'}.")
        away = await self._away()
        queued = await self._queued(away)
        checked = await self._checked(names, list(known.values()), away)
        sharing = _sharing([each for each in checked.values() if is_live(known[each.name].state)])
        lately = await self.store.sync_errors.counts(self.connection, self.now() - LATELY, self.now())
        recent: Counter[str] = Counter()
        for (name, _), number in lately.items():
            recent[name] += number
        results: list[MapHealth] = []
        for name in names:
            standing = Standing(
                known[name],
                [each for each in queued if each.map == name],
                await self.store.sync_errors.count(self.connection, SyncErrorFilter(state=ErrorState.OPEN, map=name)),
                recent[name],
                away,
                self.now(),
            )
            results.append(await self._of(standing, checked.get(name), sharing, sample=0 if away else sample))
        return results

    async def _of(
        self,
        standing: Standing,
        checked: CheckedMap | None,
        sharing: Mapping[tuple[Side, str], Sequence[str]],
        *,
        sample: int,
    ) -> MapHealth:
        findings = list(check_standing(standing))
        compared: int | None = None
        if checked is not None:
            findings += check_map(checked, sharing)
            if checked.plan is not None and sample and standing.map.state is MapState.RUNNING:
                more, compared = await self._compared(checked.plan, sample)
                findings += more
        each = standing.map
        return MapHealth(
            each.name, each.active_version, each.state.value, tuple(sorted(findings, key=worst_first)), compared
        )

    async def _compared(self, plan: Plan, sample: int) -> tuple[list[HealthFinding], int | None]:
        try:
            routing = await self.router.current()
            found = await compare_sample(self.pair, routing, plan, rows=sample, chance=self.chance)
        except DualwriteError as error:
            remedy = "Compare all records, which takes longer: dualwrite compare"
            return [HealthFinding(HealthCode.NOT_COMPARED, Severity.WARNING, error.message, remedy)], None
        return list(check_comparison(found)), found.compared + len(found.missing) + len(found.extra)

    async def _away(self) -> Mapping[EnvironmentName, str]:
        """Why each environment that does not answer does not."""
        away: dict[EnvironmentName, str] = {}
        for each in (self.pair.finops, self.pair.dataverse):
            question = asyncio.ensure_future(each.pulse())
            await asyncio.wait({question}, timeout=_ANSWER_S)
            if not question.done():
                # Left to end by itself: a database that hangs does not even answer that it is to give up.
                question.cancel()
                away[each.name] = f"no answer within {_ANSWER_S:g} s"
            elif isinstance(error := question.exception(), EnvironmentUnavailable):
                away[each.name] = error.message
            else:
                question.result()
        return away

    async def _queued(self, away: Mapping[EnvironmentName, str]) -> Sequence[QueueCount]:
        there = [each for each in (self.pair.finops, self.pair.dataverse) if each.name not in away]
        return [count for each in there for count in await each.queue_counts()]

    async def _checked(
        self, names: Sequence[str], known: Sequence[TableMap], away: Mapping[EnvironmentName, str]
    ) -> Mapping[str, CheckedMap]:
        """The maps that are asked about, and those that do not stand still; none while an environment is away."""
        if away:
            return {}
        wanted = [each.name for each in known if each.name in names or is_live(each.state)]
        return {
            each.name: each for each in await check_active(self.store, self.connection, self.router.compiled, wanted)
        }


def _sharing(checked: Sequence[CheckedMap]) -> Mapping[tuple[Side, str], Sequence[str]]:
    found: dict[tuple[Side, str], list[str]] = {}
    for place, name in _places(checked):
        found.setdefault(place, []).append(name)
    return found


def _places(checked: Sequence[CheckedMap]) -> Iterator[tuple[tuple[Side, str], str]]:
    for each in checked:
        if each.plan is not None:
            yield (Side.FINOPS, each.plan.finops.name), each.name
            yield (Side.DATAVERSE, each.plan.dataverse.name), each.name
