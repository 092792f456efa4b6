"""What a link still holds: live maps, initial syncs under way, changes that wait, errors that nobody has settled."""

from __future__ import annotations

from dataclasses import dataclass

from dualwrite.environments.port import Environment
from dualwrite.environments.queue import QueueCount
from dualwrite.errors import EnvironmentUnavailable
from dualwrite.linking.linked_maps import WaitingChanges
from dualwrite.store.database import Repositories
from dualwrite.store.initial_syncs import RunState
from dualwrite.store.maps import MapState
from dualwrite.sync.link import Pair


@dataclass(frozen=True, slots=True)
class Remains:
    """``live`` maps by name. ``unknown`` names the environments that do not answer: what waits there is not counted."""

    live: tuple[str, ...]
    runs: int
    queued_transactions: int
    queued_records: int
    open_errors: int
    unknown: tuple[str, ...] = ()

    @property
    def lost(self) -> str:
        """What would be lost without the link, in words; empty when it is nothing."""
        parts = []
        if self.queued_records:
            parts.append(f"{self.queued_records:,} queued records (of {self.queued_transactions:,} transactions)")
        if self.open_errors:
            parts.append("1 open error" if self.open_errors == 1 else f"{self.open_errors:,} open errors")
        if self.unknown:
            parts.append(f"what waits in {' and '.join(self.unknown)}, which does not answer")
        return ", ".join(parts)

    def document(self) -> dict[str, object]:
        """As JSON."""
        return {
            "maps": list(self.live),
            "initial_syncs": self.runs,
            "queued_transactions": self.queued_transactions,
            "queued_records": self.queued_records,
            "open_errors": self.open_errors,
            "not_answering": list(self.unknown),
        }


async def remains_of(repositories: Repositories, connection: str, pair: Pair, waiting: WaitingChanges) -> Remains:
    """What the connection holds at this moment."""
    maps = await repositories.maps.list(connection)
    open_states = [each for each in RunState if not each.has_ended]
    counts: list[QueueCount] = []
    unknown: list[str] = []
    for environment in (pair.finops, pair.dataverse):
        found = await _counts(environment)
        if found is None:
            unknown.append(environment.name)
        counts += found or ()
    return Remains(
        live=tuple(each.name for each in maps if each.state is not MapState.NOT_RUNNING),
        runs=len(await repositories.initial_syncs.in_states(connection, open_states)),
        queued_transactions=sum(each.transactions for each in counts),
        queued_records=sum(each.records for each in counts),
        open_errors=await waiting.open_errors(),
        unknown=tuple(unknown),
    )


async def _counts(environment: Environment) -> list[QueueCount] | None:
    try:
        return list(await environment.queue_counts())
    except EnvironmentUnavailable:
        return None
