"""Changes that could not be carried to the other side, each with the record itself: what error management is about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from dualwrite.environments.port import Operation, RecordChange
from dualwrite.errors import Contention, DualwriteError, EnvironmentUnavailable, OutcomeUnknown, RecordRefused
from dualwrite.maps.plan import DirectionPlan
from dualwrite.metadata.schema import Side
from dualwrite.metadata.values import Row
from dualwrite.store.sync_errors import Category as Category
from dualwrite.store.sync_errors import FailedRecord as FailedRecord
from dualwrite.store.sync_errors import FailureKind as FailureKind
from dualwrite.sync.link import Companies, Routing
from dualwrite.sync.mapping import Action, Work, collapse, record_id, record_label
from dualwrite.sync.queueing import VERSION_COLUMNS, legal_entity_of, shown_row


class FailureSink(Protocol):
    """Where failures are kept."""

    async def keep(self, failed: Sequence[FailedRecord]) -> None:
        """The failures are kept. Idempotency: by change and number. Raises: EnvironmentUnavailable."""
        ...


class NoFailureSink:
    """Implements :class:`FailureSink` where nobody asks later."""

    async def keep(self, failed: Sequence[FailedRecord]) -> None:
        """Nothing is kept."""


def category_of(error: DualwriteError) -> Category:
    """What sort of thing stood in the way, where ``error`` did."""
    if isinstance(error, Contention):
        return Category.CONCURRENCY
    if isinstance(error, EnvironmentUnavailable | OutcomeUnknown):
        return Category.SYSTEM
    return Category.APPLICATION


def code_of(error: DualwriteError) -> str:
    """The code of what was refused first: the other side's, where that refused."""
    return str(error.details.get("code", error.code))


def cause_of(error: DualwriteError, *, map_name: str, record: str) -> str:
    """The reason without the record's name: the same for all records that one missing thing refuses."""
    return error.message.removeprefix(f"{map_name}, {record}: ")


def failed_live(
    routing: Routing,
    changes: Sequence[RecordChange],
    error: DualwriteError,
    *,
    work: Sequence[Work],
    change: UUID,
) -> Sequence[FailedRecord]:
    """The records of a save that ``error`` has stopped, under the number ``change``.

    Those are all records on their way (``work``) when the other environment is in the way, else the refused one; that
    is also known when the change set could not even be mapped and ``work`` is empty, but then a Dataverse row does not
    tell its legal entity. An environment that goes away before anything is mapped fails no record.
    """
    if not work and not isinstance(error, RecordRefused):
        return ()
    under_way = list(_of_work(work, routing.companies, changes) if work else _of_changes(routing, changes))
    failed = [_failed(each, error, change=change, number=number) for number, each in enumerate(under_way)]
    if not isinstance(error, RecordRefused):
        return failed
    named = [each for each in failed if error.message.startswith(f"{each.map}, {each.record}: ")]
    command = error.details.get("command")
    at_place = [each for way, each in zip(under_way, failed, strict=True) if way.command == command]
    return named or at_place or failed[:1]


@dataclass(frozen=True, slots=True)
class _UnderWay:
    """A record on its way through one map; ``command`` is its place in the change set."""

    command: int
    route: DirectionPlan
    legal_entity: str
    operation: Operation
    row: Row
    changed: frozenset[str] | None


def _of_work(work: Sequence[Work], companies: Companies, changes: Sequence[RecordChange]) -> Iterator[_UnderWay]:
    for each in work:
        operation = Operation.DELETE if each.action is Action.DELETE else changes[each.command].operation
        entity = legal_entity_of(each, companies)
        yield _UnderWay(each.command, each.route, entity, operation, each.row, each.changed)


def _of_changes(routing: Routing, changes: Sequence[RecordChange]) -> Iterator[_UnderWay]:
    for command, each in collapse(changes):
        changed = each.changed if each.operation is Operation.UPDATE else None
        company = each.table.company_column
        entity = str(each.image.get(company) or "") if company and each.table.side is Side.FINOPS else ""
        for _, route in routing.routes(each.table.side, each.table.name):
            yield _UnderWay(command, route, entity, each.operation, each.image, changed)


def _failed(each: _UnderWay, error: DualwriteError, *, change: UUID, number: int) -> FailedRecord:
    route, label = each.route, record_label(each.route, each.row)
    version = each.row.get(VERSION_COLUMNS[route.source.side])
    return FailedRecord(
        change=change,
        number=number,
        kind=FailureKind.LIVE,
        category=category_of(error),
        map=route.map_name,
        direction=route.direction,
        legal_entity=each.legal_entity,
        operation=each.operation,
        record_id=str(record_id(route.source, each.row)),
        record=label,
        column=error.column if isinstance(error, RecordRefused) else "",
        code=code_of(error),
        reason=error.message,
        cause=cause_of(error, map_name=route.map_name, record=label),
        row=shown_row(each.row),
        changed=None if each.changed is None else tuple(sorted(each.changed)),
        version=version if isinstance(version, int) else None,
    )
