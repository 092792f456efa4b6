"""What a source's change set means for the target: which rows are written or deleted, and why the others are not.

Reads only what lies behind lookups in the source; writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from uuid import UUID

from dualwrite.environments.port import Follow, Operation, RecordChange, Session
from dualwrite.errors import RecordNotFound, RecordRefused
from dualwrite.filters.columns import columns_of
from dualwrite.filters.evaluate import matches
from dualwrite.filters.text_case import folded
from dualwrite.maps.execute import affects, key_of, read_paths
from dualwrite.maps.plan import DirectionPlan, Path, Plan
from dualwrite.maps.values import FilterExit
from dualwrite.metadata.schema import Side, Table
from dualwrite.metadata.values import Row, Value, target_entry
from dualwrite.sync.link import COMPANY_CODE, COMPANY_TABLE, Companies, Routing
from dualwrite.sync.tally import Ending, Tally


class Action(Enum):
    WRITE = "write"
    """Change the columns that changed; the whole row where the target has none."""
    WRITE_WHOLE = "write the whole row"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Work:
    """One row to be written or deleted in the target because of one change in the source."""

    plan: Plan
    route: DirectionPlan
    action: Action
    row: Row
    """The source's row as it is; as it was for a delete."""
    changed: frozenset[str] | None
    related: Mapping[Path, Value]
    key: tuple[Value, ...]
    label: str
    company: str | None
    """The company in the target's words (legal entity or company code); None for a global map."""
    command: int
    """Position of the change in the source's change set."""


def collapse(changes: Sequence[RecordChange]) -> Sequence[tuple[int, RecordChange]]:
    """One change a row: what the whole transaction did to it, at the position of its last change.

    A row that was created and deleted within the transaction is gone without a trace.
    """
    if len(changes) == 1:
        return [(0, changes[0])]
    last: dict[object, tuple[int, RecordChange]] = {}
    for position, change in enumerate(changes):
        identity = (change.table.name, record_id(change.table, change.image))
        earlier = last.pop(identity, None)
        merged = change if earlier is None else _merge(earlier[1], change)
        if merged is not None:
            last[identity] = (position, merged)
    return list(last.values())


class RowGone(RecordNotFound):
    """A queued change of a row that has been deleted since; its deletion follows in the queue."""


async def whole_row(table: Table, image: Row, source: Session) -> Row:
    """All columns of a row of which ``image`` may show only some. Raises: RowGone."""
    found = await source.lock(table.name, (record_id(table, image),))
    if not found:
        raise RowGone(f"{table.entity_set}: the row is not there any more.", table=table.name)
    return found[0]


def record_id(table: Table, row: Row) -> Value:
    """What the environment itself knows the row by."""
    return row["RecId"] if table.side is Side.FINOPS else row[table.key[0]]


def _merge(earlier: RecordChange, later: RecordChange) -> RecordChange | None:
    if earlier.before is None and later.after is None:
        return None
    if earlier.before is None:
        return RecordChange(later.table, Operation.CREATE, None, {**(earlier.after or {}), **(later.after or {})})
    # Images may be partial: what only one of them shows had that value all the while.
    before = {**(later.before or {}), **earlier.before}
    if later.after is None:
        return RecordChange(later.table, Operation.DELETE, before, None)
    return RecordChange(later.table, Operation.UPDATE, before, {**(earlier.after or {}), **later.after})


class _Remembering:
    """A session that still knows what the rows held that its transaction has deleted."""

    def __init__(self, session: Session, deleted: Mapping[tuple[str, Value], tuple[Table, Row]]) -> None:
        self._session = session
        self._deleted = deleted
        self.search = session.search
        self.lock = session.lock
        self.execute = session.execute
        self.queue = session.queue
        self.unqueue = session.unqueue

    async def follow(self, follow: Follow) -> Mapping[UUID, Value]:
        found = dict(await self._session.follow(follow))
        for row_id in follow.ids:
            gone = self._deleted.get((follow.table, row_id))
            value = None if gone is None else await self._behind(*gone, follow.path)
            if value is not None:
                found[row_id] = value
        return found

    async def _behind(self, table: Table, row: Row, path: Path) -> Value:
        value = row.get(path[0])
        if len(path) == 1 or not isinstance(value, UUID):
            return value if len(path) == 1 else None
        target = str(row.get(target_entry(path[0])) or _first_target(table, path))
        return (await self.follow(Follow(target, path[1:], (value,)))).get(value)


def _with_deleted(source: Session, changes: Sequence[tuple[int, RecordChange]]) -> Session:
    deleted = {
        (change.table.name, record_id(change.table, change.before)): (change.table, change.before)
        for _, change in changes
        if change.after is None and change.before is not None
    }
    return _Remembering(source, deleted) if deleted else source


class Mapper:
    """Turns change sets into work."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally

    async def work(self, routing: Routing, changes: Sequence[RecordChange], source: Session) -> list[Work]:
        """The work of one transaction, in the order of its changes. Raises: RecordRefused."""
        result: list[Work] = []
        collapsed = collapse(changes)
        source = _with_deleted(source, collapsed)
        codes = CompanyCodes(source)
        for position, change in collapsed:
            routes = routing.routes(change.table.side, change.table.name)
            for plan, route in routes:
                work = await self._one(routing, (plan, route), (position, change), (source, codes))
                if isinstance(work, Work):
                    result.append(work)
                else:
                    self._tally.count(plan.map.name, route.direction, work)
        return result

    async def _one(
        self,
        routing: Routing,
        way: tuple[Plan, DirectionPlan],
        positioned: tuple[int, RecordChange],
        reading: tuple[Session, CompanyCodes],
    ) -> Work | Ending:
        (plan, route), (position, change), (source, codes) = way, positioned, reading
        changed = change.changed if change.operation is Operation.UPDATE else None
        if changed is not None and not changed:
            return Ending.UNCHANGED
        company = await company_of(plan, change.image, routing.companies, codes)
        if isinstance(company, Ending):
            return company
        was_in = await self._takes_part(route, change.before, source)
        is_in = await self._takes_part(route, change.after, source)
        action = self._action(plan, route, change, (was_in, is_in))
        if isinstance(action, Ending):
            return action
        row = change.image if action is not Action.DELETE or change.after is None else change.before
        if action is Action.WRITE_WHOLE and change.operation is Operation.UPDATE:
            row = await whole_row(route.source, change.image, source)
        assert row is not None
        label = record_label(route, row)
        columns = changed if action is Action.WRITE else None
        related = await read_related(route, row, read_paths(route, columns), source)
        key = key_of(route, row, related, label=label)
        if action is Action.WRITE and changed is not None:
            await self._refuse_new_key(route, change, key, label, source)
        return Work(plan, route, action, row, columns, related, key, label, company, position)

    def _action(
        self, plan: Plan, route: DirectionPlan, change: RecordChange, taking_part: tuple[bool, bool]
    ) -> Action | Ending:
        match change.operation, taking_part:
            case Operation.CREATE, (_, True):
                return Action.WRITE_WHOLE
            case Operation.DELETE, (True, _):
                return Action.DELETE
            case Operation.UPDATE, (True, True):
                return Action.WRITE if affects(route, change.changed) else Ending.UNCHANGED
            case Operation.UPDATE, (False, True):
                return Action.WRITE_WHOLE
            case Operation.UPDATE, (True, False):
                return Action.DELETE if plan.map.on_filter_exit is FilterExit.DELETE else Ending.LEFT_FILTER
            case _:
                return Ending.FILTERED

    async def _takes_part(self, route: DirectionPlan, row: Row | None, source: Session) -> bool:
        if row is None:
            return False
        if route.source.company_column is not None and row.get(route.source.company_column) in (None, ""):
            return False
        return await passes_filter(route, row, source)

    async def _refuse_new_key(
        self, route: DirectionPlan, change: RecordChange, key: tuple[Value, ...], label: str, source: Session
    ) -> None:
        """A row in step keeps its key: under a new one it would leave its partner behind."""
        columns = {part.source_path[0] for part in route.key}
        if change.before is None or columns.isdisjoint(change.changed):
            return
        related = await read_related(route, change.before, route.key_paths, source)
        before = key_of(route, change.before, related, label=label)
        if folded_key(before) != folded_key(key):
            shown = ", ".join(sorted(columns & change.changed))
            raise RecordRefused(
                f"{route.map_name}, {record_label(route, change.before)}: {shown} is the integration key and cannot be "
                f"changed while the map is running. Create a new record, or stop the map first.",
                table=route.source.name,
                column=shown,
            )


def folded_key(key: Iterable[Value]) -> tuple[object, ...]:
    """The key as look-ups compare it: text without regard to case."""
    return tuple(folded(value) if isinstance(value, str) else value for value in key)


async def passes_filter(route: DirectionPlan, row: Row, source: Session) -> bool:
    """Whether the map's own filter on this side lets the row through."""
    if route.filter is None:
        return True
    paths = frozenset(path.parts for path in columns_of(route.filter) if len(path.parts) > 1)
    related = await read_related(route, row, paths, source) if paths else None
    return matches(route.filter, row, related)


class CompanyCodes:
    """The codes of Dataverse companies by row id, each asked for once."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._codes: dict[UUID, str] = {}

    async def code(self, company: UUID) -> str | None:
        if company not in self._codes:
            found = await self._session.follow(Follow(COMPANY_TABLE, (COMPANY_CODE,), (company,)))
            if company not in found:
                return None
            self._codes[company] = str(found[company])
        return self._codes[company]


async def company_of(plan: Plan, row: Row, companies: Companies, codes: CompanyCodes) -> str | Ending | None:
    """The company in the words of the *other* side; None for a global row, NOT_LINKED for one of no linked company."""
    table = plan.finops if "RecId" in row else plan.dataverse
    if plan.dataverse.name == COMPANY_TABLE:
        return None if _company_row_linked(plan, table, row, companies) else Ending.NOT_LINKED
    if not plan.company_specific or table.company_column is None:
        return None
    value = row.get(table.company_column)
    if table.side is Side.FINOPS:
        link = companies.by_legal_entity.get(str(value).lower())
        return link.company_code if link is not None else Ending.NOT_LINKED
    if not isinstance(value, UUID):
        return Ending.NOT_LINKED
    link = companies.by_code.get(str(await codes.code(value)).lower())
    return str(link.legal_entity) if link is not None else Ending.NOT_LINKED


def _company_row_linked(plan: Plan, table: Table, row: Row, companies: Companies) -> bool:
    """The rows of the company tables themselves take part when they are linked."""
    code = str(row.get(company_code_column(plan, table.side), "")).lower()
    return code in (companies.by_code if table.side is Side.DATAVERSE else companies.by_legal_entity)


def company_code_column(plan: Plan, side: Side) -> str:
    """The column by which the company table of that side names its companies; ``plan`` is the map between the two."""
    if side is Side.DATAVERSE:
        return COMPANY_CODE
    return next((part.finops_column for part in plan.key if part.dataverse_path == (COMPANY_CODE,)), plan.finops.key[0])


async def read_related(route: DirectionPlan, row: Row, paths: frozenset[Path], source: Session) -> Mapping[Path, Value]:
    """The values behind the row's lookups, by path."""
    related: dict[Path, Value] = {}
    for path in paths:
        value = row.get(path[0])
        if not isinstance(value, UUID):
            continue
        table = row.get(target_entry(path[0]))
        allowed = route.via.get(path)
        if table is not None and allowed is not None and table not in allowed:
            continue
        start = str(table) if table is not None else _first_target(route.source, path)
        found = await source.follow(Follow(start, path[1:], (value,)))
        if value in found:
            related[path] = found[value]
    return related


def _first_target(table: Table, path: Path) -> str:
    return table.column(path[0]).targets[0]


def record_label(route: DirectionPlan, row: Row) -> str:
    """How messages name a record: its key without the company, else its primary name, else its id."""
    parts = [row.get(part.source_path[0]) for part in route.key if len(part.source_path) == 1]
    shown = ", ".join(str(part) for part in parts if part not in (None, "") and not isinstance(part, UUID))
    if shown:
        return shown
    name = route.source.primary_name
    return str((row.get(name) if name else None) or row.get(route.source.key[-1]) or "?")
