"""Changes of paused maps on their way into the queue, and out of it again.

What is queued is the work itself, as the change set made it: replaying needs nothing that the source may have
forgotten meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from dualwrite.environments.operation import Operation
from dualwrite.environments.queue import NewRecord, QueuedRecord, RecordMark
from dualwrite.errors import Contention, RecordRefused
from dualwrite.filters.columns import columns_of
from dualwrite.filters.text_case import folded
from dualwrite.maps.plan import DirectionPlan, Path
from dualwrite.metadata.exact_json import exact, exact_row, row_of, value_of
from dualwrite.metadata.schema import Side
from dualwrite.metadata.values import Row, Value, target_entry
from dualwrite.sync.link import Companies, Routing
from dualwrite.sync.mapping import Action, Work, record_id
from dualwrite.sync.steps import current_traceparent

_OPERATIONS: Final = {
    Action.WRITE: Operation.UPDATE,
    Action.WRITE_WHOLE: Operation.CREATE,
    Action.DELETE: Operation.DELETE,
}
VERSION_COLUMNS: Final = {Side.FINOPS: "RecVersion", Side.DATAVERSE: "versionnumber"}
"""What tells one state of a row from another, by side."""


def waits(work: Work, routing: Routing) -> bool:
    """Whether the work goes into the queue. Deletes of asynchronous maps do not: they are live, always."""
    name = work.route.map_name
    return name in routing.queueing and (name not in routing.asynchronous or work.action is not Action.DELETE)


def check_queue(work: Sequence[Work], routing: Routing) -> None:
    """The work of one transaction may be queued as far as it is to be.

    Raises: Contention for held maps; RecordRefused for blocked ones, and where maps of an integration job meet live
    ones.
    """
    names = sorted({each.route.map_name for each in work})
    held = [name for name in names if name in routing.held]
    if held:
        raise Contention(f"{', '.join(held)}: the last queued changes are just being replayed")
    for each in work:
        reason = routing.blocked.get(each.route.map_name)
        if reason:
            raise RecordRefused(
                f"{each.route.map_name}, {each.label}: {reason}", map=each.route.map_name, command=each.command
            )
    moved = [name for name in names if name in routing.asynchronous]
    live = [name for name in names if name not in routing.queueing]
    if moved and live:
        raise RecordRefused(
            f"{', '.join(moved)} (moved by the integration job {routing.asynchronous[moved[0]]}) and {', '.join(live)} "
            "(live) cannot be written in one transaction: the live half would be saved without the other. Save the "
            "records apart, or stop the job.",
            maps=names,
        )


def new_record(work: Work, companies: Companies) -> NewRecord:
    """The work as it is queued."""
    row = {name: work.row[name] for name in _read(work.route) if name in work.row}
    return NewRecord(
        map=work.route.map_name,
        legal_entity=legal_entity_of(work, companies),
        operation=_OPERATIONS[work.action],
        record_id=str(record_id(work.route.source, work.row)),
        record=work.label,
        mark=mark_of(work, companies),
        changed=None if work.changed is None else tuple(sorted(work.changed & work.route.source_columns)),
        row=exact_row(row),
        payload={
            "action": work.action.name,
            "related": [[list(path), exact(value)] for path, value in work.related.items()],
            "key": [exact(value) for value in work.key],
            "company": work.company,
            "traceparent": current_traceparent(),
        },
    )


def requests_of(records: Iterable[QueuedRecord]) -> Iterator[str]:
    """The requests that queued the records, as W3C spells them, where they were traced."""
    for each in records:
        traceparent = each.payload.get("traceparent")
        if isinstance(traceparent, str):
            yield traceparent


def work_of(record: QueuedRecord, routing: Routing) -> Work | None:
    """The work that was queued, for the map as it stands now; None when it does not go this way any more."""
    found = next((each for each in routing.plans if each.map.name == record.map), None)
    route = None if found is None else found.direction(record.direction)
    if found is None or route is None:
        return None
    payload = record.payload
    return Work(
        plan=found,
        route=route,
        action=Action[payload["action"]],
        row=row_of(record.row),
        changed=None if record.changed is None else frozenset(record.changed),
        related={tuple(path): value_of(value) for path, value in payload["related"]},
        key=tuple(value_of(value) for value in payload["key"]),
        label=record.record,
        company=payload["company"],
        command=record.number,
    )


def legal_entity_of(work: Work, companies: Companies) -> str:
    """The company in finance and operations' words; empty for a global map."""
    if work.company is None or work.route.target.side is Side.FINOPS:
        return work.company or ""
    link = companies.by_code.get(work.company.lower())
    return work.company if link is None else str(link.legal_entity)


def mark_of(work: Work, companies: Companies) -> RecordMark:
    """The record as both sides spell it: by the values of its key in Dataverse."""
    route = work.route
    if route.target.side is Side.DATAVERSE:
        parts: dict[Path, Value] = {part.target_path: value for part, value in zip(route.key, work.key, strict=True)}
    else:
        parts = {part.source_path: _behind(part.source_path, work) for part in route.key}
    spelled = [str(exact(parts[path])) for path in sorted(parts)]
    return RecordMark(folded("|".join([work.plan.dataverse.name, legal_entity_of(work, companies), *spelled])))


def version_of(record: QueuedRecord) -> int | None:
    """The row's version after the change, where its image tells."""
    side = record.direction.source
    held = record.row.get(VERSION_COLUMNS[side])
    return held if isinstance(held, int) else None


def _behind(path: Path, work: Work) -> Value:
    return work.row.get(path[0]) if len(path) == 1 else work.related.get(path)


def _read(route: DirectionPlan) -> Iterator[str]:
    """The columns of the source row that are kept: all that the map looks at, and what the row is known by."""
    names: dict[str, None] = dict.fromkeys(sorted(route.source_columns))
    names |= {part.source_path[0]: None for part in route.key}
    if route.filter is not None:
        names |= {each.parts[0]: None for each in columns_of(route.filter)}
    for name in (route.source.company_column, route.source.primary_name):
        if name is not None:
            names[name] = None
    names |= {target_entry(name): None for name in list(names) if _is_polymorphic(route, name)}
    yield from names
    yield from {*route.source.key, "RecId", VERSION_COLUMNS[route.source.side]} - set(names)


def _is_polymorphic(route: DirectionPlan, name: str) -> bool:
    column = route.source.find(name)
    return column is not None and column.is_polymorphic


def shown_row(row: Row) -> dict[str, str | int | bool | None]:
    """The row as people read it: what JSON has no type for is text, empty values are left out."""
    return {
        name: value if isinstance(value, str | int) else str(value)
        for name, value in row.items()
        if value is not None and value != ""
    }
