"""Records that both sides have changed while their map was paused: the primary's change is kept, and the other's lost.

Nobody compares queues beforehand. Whoever is replayed first meets the other's change in the queue of the target, in
the target's own transaction: a change is a conflict exactly when it was made before the other one arrived. The meeting
is noted at the other's change in the same transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from dualwrite.environments.port import Condition, Participant, Search
from dualwrite.environments.queue import Position, QueuedRecord, RecordMark
from dualwrite.maps.plan import DirectionPlan
from dualwrite.maps.values import SyncDirection
from dualwrite.metadata.schema import Side
from dualwrite.sync.mapping import Action, Work


@dataclass(frozen=True, slots=True)
class Queued:
    """A queued record with its work."""

    record: QueuedRecord
    work: Work

    @property
    def place(self) -> tuple[str, RecordMark]:
        """How the other side's queue knows the record."""
        return self.record.map, self.record.mark


@dataclass(frozen=True, slots=True)
class Settled:
    """What is carried out, transaction by transaction; ``lost`` are the records whose own change is not."""

    transactions: Sequence[Sequence[Work]]
    lost: Sequence[QueuedRecord]


async def settle(queued: Sequence[Queued], target: Participant, *, primary: Side) -> Settled:
    """What is carried out of ``queued``, now that the target's queue has been looked at.

    The other side's changes of the same records are marked, in the target's transaction.
    """
    is_primary = bool(queued) and queued[0].record.direction.source is primary
    asked = {each.place for each in queued if not each.record.lost}
    met = await target.met(asked, lost=is_primary) if asked else frozenset()
    transactions: dict[Position, list[Work]] = {}
    lost: list[QueuedRecord] = []
    for each in queued:
        work = transactions.setdefault(each.record.position, [])
        meets = each.place in met
        if each.record.lost or (meets and not is_primary):
            lost.append(each.record)
            work += await _of_one_way(each.work, target)
        elif (each.record.whole or meets) and each.work.action is Action.WRITE:
            work.append(replace(each.work, action=Action.WRITE_WHOLE))
        else:
            work.append(each.work)
    return Settled(tuple(transactions.values()), lost)


async def _of_one_way(work: Work, target: Participant) -> Sequence[Work]:
    """The columns that go this way alone, where the target has the record: nobody else has a word about them."""
    route = work.route
    columns = tuple(each for each in route.columns if each.mapping.sync_direction is not SyncDirection.BOTH)
    if work.action is Action.DELETE or not columns:
        return []
    conditions = tuple(Condition(part.target_path) for part in route.key)
    search = Search(route.target.name, conditions, (work.key,), work.company, columns=frozenset())
    (found,) = await target.search(search)
    return [] if found is None else [replace(work, route=_with_columns(route, columns))]


def _with_columns(route: DirectionPlan, columns: Collection[object]) -> DirectionPlan:
    return replace(route, columns=tuple(each for each in route.columns if each in columns))
