"""What of a failed record is still to be carried to the other side: whatever the source has not changed since.

The rule is told by column, and by what the source holds now, never by when something happened: a value that the
source does not hold any more has been overtaken by a newer change, which has gone its own way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dualwrite.environments.port import Condition, Operation, Search, Session
from dualwrite.errors import RecordRefused
from dualwrite.maps.execute import key_of, read_paths
from dualwrite.maps.plan import DirectionPlan, Plan
from dualwrite.maps.values import FilterExit
from dualwrite.metadata.schema import Side
from dualwrite.metadata.values import Row, Value
from dualwrite.store.record_ids import record_id
from dualwrite.store.sync_errors import FailedRecord
from dualwrite.sync.link import COMPANY_TABLE, Routing
from dualwrite.sync.mapping import (
    Action,
    CompanyCodes,
    Work,
    company_of,
    passes_filter,
    read_related,
    record_label,
)
from dualwrite.sync.retrying.recorded import row_of, unchanged
from dualwrite.sync.tally import Ending


@dataclass(frozen=True, slots=True)
class Overtaken:
    """Nothing of the record is to be carried to the other side any more."""

    reason: str


class Judge:
    """Judges the failed records of one transaction, as the open transaction ``source`` sees the source.

    A row that is judged is kept from changing until that transaction ends.
    """

    def __init__(self, routing: Routing, source: Session) -> None:
        self._routing = routing
        self._source = source
        self._codes = CompanyCodes(source)

    async def judge(self, failed: FailedRecord, *, command: int) -> Work | Overtaken:
        """The work that is left; ``command`` is its place in the transaction. Raises: RecordRefused."""
        plan, route = self._way(failed)
        found = await self._source.lock(route.source.name, [record_id(failed.record_id, failed.direction)])
        if failed.operation is Operation.DELETE:
            return await self._deletion(failed, (plan, route), found, command=command)
        if not found:
            return Overtaken(f"{route.source.entity_set} does not have the record any more.")
        return await self._write(failed, (plan, route), found[0], command=command)

    def _way(self, failed: FailedRecord) -> tuple[Plan, DirectionPlan]:
        plan = next((each for each in self._routing.plans if each.map.name == failed.map), None)
        if plan is None:
            raise _refusal(failed, "the map is not running. Run it, then try again.")
        if failed.map in self._routing.queueing and failed.map not in self._routing.asynchronous:
            raise _refusal(failed, "the map is paused. Resume it, then try again.")
        route = plan.direction(failed.direction)
        if route is None:
            raise _refusal(failed, f"the map does not carry changes {failed.direction.value} any more. Dismiss this.")
        return plan, route

    # --- what was written -------------------------------------------------------------------------------------------

    async def _write(
        self, failed: FailedRecord, way: tuple[Plan, DirectionPlan], row: Row, *, command: int
    ) -> Work | Overtaken:
        plan, route = way
        if not await self._takes_part(route, row):
            return Overtaken("the record is outside of the map's filter now.")
        whole = failed.operation is Operation.CREATE or failed.changed is None
        columns = None if whole else self._current(failed, route, row)
        if columns is not None and not columns:
            return Overtaken("newer changes of the record have replaced these values.")
        company = await company_of(plan, row, self._routing.companies, self._codes)
        if isinstance(company, Ending):
            raise _refusal(failed, "its legal entity is not linked. Add it to the connection, then try again.")
        label = record_label(route, row)
        related = await read_related(route, row, read_paths(route, columns), self._source)
        key = key_of(route, row, related, label=label)
        action = Action.WRITE_WHOLE if columns is None else Action.WRITE
        return Work(plan, route, action, row, columns, related, key, label, company, command)

    def _current(self, failed: FailedRecord, route: DirectionPlan, row: Row) -> frozenset[str]:
        carried = route.source_columns.intersection(failed.changed or ())
        return unchanged(route.source, failed.row, row, carried)

    async def _takes_part(self, route: DirectionPlan, row: Row) -> bool:
        company = route.source.company_column
        return (company is None or row.get(company) not in (None, "")) and await passes_filter(route, row, self._source)

    # --- what was deleted -------------------------------------------------------------------------------------------

    async def _deletion(
        self, failed: FailedRecord, way: tuple[Plan, DirectionPlan], found: Sequence[Row], *, command: int
    ) -> Work | Overtaken:
        plan, route = way
        row = row_of(route.source, failed.row)
        related = await read_related(route, row, route.key_paths, self._source)
        key = key_of(route, row, related, label=failed.record)
        values = tuple(
            row.get(part.source_path[0]) if len(part.source_path) == 1 else related.get(part.source_path)
            for part in route.key
        )
        there = found[0] if found else await self._partner(failed, plan, route, values)
        # A row that has left the filter is deleted on the other side, where the map says so.
        leaving = plan.map.on_filter_exit is FilterExit.DELETE
        if there is not None and (not leaving or await self._takes_part(route, there)):
            return Overtaken("the source has a record with this key (again).")
        company = self._company(failed, plan, route.target.side)
        return Work(plan, route, Action.DELETE, row, None, related, key, failed.record, company, command)

    async def _partner(
        self, failed: FailedRecord, plan: Plan, route: DirectionPlan, key: tuple[Value, ...]
    ) -> Row | None:
        """The source's row with the key of the one that was deleted."""
        conditions = tuple(Condition(part.source_path) for part in route.key)
        company = self._company(failed, plan, route.source.side)
        (found,) = await self._source.search(Search(route.source.name, conditions, (key,), company))
        return found

    def _company(self, failed: FailedRecord, plan: Plan, side: Side) -> str | None:
        """The company of a row that is gone, in the words of that side. Raises: RecordRefused."""
        if plan.dataverse.name == COMPANY_TABLE or not plan.company_specific or not failed.legal_entity:
            return None
        link = self._routing.companies.by_legal_entity.get(failed.legal_entity.lower())
        if link is None:
            raise _refusal(failed, "its legal entity is not linked. Add it to the connection, then try again.")
        return link.company_code if side is Side.DATAVERSE else str(link.legal_entity)


def _refusal(failed: FailedRecord, reason: str) -> RecordRefused:
    return RecordRefused(f"{failed.map}, {failed.record}: {reason}")
