"""The row executor: one source row in, the target's values, lookups still to be found, and the target's key out.

It does no I/O. What lies behind lookups is handed in as ``related``: a mapping from path (:func:`read_paths`) to value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from dualwrite.errors import RecordRefused, ReferenceNotFound, ValueRefused
from dualwrite.maps.plan import ColumnPlan, DirectionPlan, KeyColumn, LookupPlan, Path
from dualwrite.metadata.values import Row, Value, target_entry

NOTHING_RELATED: Mapping[Path, Value] = {}
_NO_MAPS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class PendingLookup:
    """A lookup to be filled: ``values`` holds, for each alternative of ``plan``, a value per condition."""

    plan: LookupPlan
    values: tuple[tuple[Value, ...], ...]


@dataclass(frozen=True, slots=True)
class Transformed:
    """What a source row becomes. ``lookups`` are columns that are not in ``values`` yet."""

    values: dict[str, Value]
    lookups: tuple[PendingLookup, ...]
    key: tuple[Value, ...]


def affects(plan: DirectionPlan, changed: frozenset[str]) -> bool:
    """Whether a change of these source columns changes anything in the target. Filters and constants do not count."""
    return not plan.source_columns.isdisjoint(changed)


def _affected(plan: DirectionPlan, changed: frozenset[str] | None) -> Sequence[ColumnPlan]:
    if changed is None:
        return plan.columns
    by_source = plan.by_source
    hit = [by_source[name] for name in changed if name in by_source]
    if len(hit) < 2:
        return hit[0] if hit else ()
    wanted = {id(each) for group in hit for each in group}
    return [each for each in plan.columns if id(each) in wanted]


def read_paths(plan: DirectionPlan, columns: frozenset[str] | None) -> frozenset[Path]:
    """The source paths behind lookups that must be read before a row is transformed; the key's are always among them.

    ``columns`` are the changed source columns, None for all. Paths in ``plan.via`` are polymorphic: see there.
    """
    paths = {path for column in _affected(plan, columns) for path in column.followed}
    return plan.key_paths | paths if paths else plan.key_paths


def transform(
    plan: DirectionPlan,
    row: Row,
    *,
    related: Mapping[Path, Value] = NOTHING_RELATED,
    changed: frozenset[str] | None,
    label: str,
) -> Transformed:
    """The target's values for ``row``: of the columns that ``changed`` affects, or of all, constants included (None).

    Raises: RecordRefused, with a message that starts with the map's name and ``label``.
    """
    values: dict[str, Value] = {}
    lookups: list[PendingLookup] = []
    try:
        for column in _affected(plan, changed):
            if column.lookup is not None:
                pending = _pending(column.lookup, row)
                if pending is None:
                    values[column.target_column] = None
                else:
                    lookups.append(pending)
            elif column.alternatives:
                values[column.target_column] = _first_filled(column, row, related)
            else:
                path = column.source_path
                source = None if path is None else row.get(path[0]) if len(path) == 1 else related.get(path)
                values[column.target_column] = column.convert(source)
    except ValueRefused as refusal:
        _refuse(plan, label, refusal)
    return Transformed(values, tuple(lookups), key_of(plan, row, related, label=label))


def key_of(
    plan: DirectionPlan, row: Row, related: Mapping[Path, Value] = NOTHING_RELATED, *, label: str = ""
) -> tuple[Value, ...]:
    """The values that identify the target row, in the order of ``plan.key``. Raises: RecordRefused for an empty one."""
    values: list[Value] = []
    for part in plan.key:
        path = part.source_path
        source = row.get(path[0]) if len(path) == 1 else related.get(path)
        if source is None or source == "":
            _refuse_empty_key(plan, part, label)
        try:
            values.append(part.convert(source))
        except ValueRefused as refusal:
            _refuse(plan, label, refusal)
    return tuple(values)


def _pending(lookup: LookupPlan, row: Row) -> PendingLookup | None:
    """The lookup with the values to look for; None when those that come from the row are all empty."""
    from_row = given = False
    found: list[tuple[Value, ...]] = []
    for alternative in lookup.alternatives:
        values: list[Value] = []
        for each in alternative.conditions:
            if each.source_column is None:
                values.append(each.convert(None))
                continue
            value = each.convert(row.get(each.source_column))
            from_row, given = True, given or (value is not None and value != "")
            values.append(value)
        found.append(tuple(values))
    return PendingLookup(lookup, tuple(found)) if given or not from_row else None


def _first_filled(column: ColumnPlan, row: Row, related: Mapping[Path, Value]) -> Value:
    for each in column.alternatives:
        value = related.get(each.path)
        if value is None or value == "":
            continue
        if each.table is None or row.get(target_entry(each.path[0])) in (None, each.table):
            return each.convert(value)
    return column.convert(None)


# --- refusals -------------------------------------------------------------------------------------------------------


def _prefix(map_name: str, label: str) -> str:
    return f"{map_name}, {label}: " if label else f"{map_name}: "


def _refuse(plan: DirectionPlan, label: str, refusal: ValueRefused) -> NoReturn:
    message = _prefix(plan.map_name, label) + refusal.message
    raise ValueRefused(message, problem=refusal.problem, table=refusal.table, column=refusal.column) from refusal


def _refuse_empty_key(plan: DirectionPlan, part: KeyColumn, label: str) -> NoReturn:
    column = ".".join(part.source_path)
    message = (
        f"{_prefix(plan.map_name, label)}{column} is empty. Fill it in: it identifies the record in "
        f"{plan.target.entity_set}."
    )
    raise RecordRefused(message, table=plan.source.name, column=column)


def _known_as(value: Value) -> str:
    return "''" if value is None else f"'{value}'"


def lookup_refusal(
    plan: DirectionPlan,
    pending: PendingLookup,
    *,
    label: str,
    company: str | None,
    maps: Mapping[str, str] = _NO_MAPS,
) -> ReferenceNotFound:
    """The refusal of a record whose lookup finds no row. ``maps`` names, by table, the map that brings its rows."""
    first = pending.plan.alternatives[0]
    wanted = ", ".join(
        f"{each.source_column or '.'.join(each.target_path)} {_known_as(value)}"
        for each, value in zip(first.conditions, pending.values[0], strict=True)
    )
    were = "was" if len(first.conditions) == 1 else "were"
    places = " or ".join(each.entity_set for each in pending.plan.alternatives)
    in_company = any(each.company_specific for each in pending.plan.alternatives) and company
    where = f"{places} (company {company})" if in_company else places
    names = _run_maps(pending, maps)
    message = f"{_prefix(plan.map_name, label)}{wanted} {were} not found in {where}. Create it there{names}."
    return ReferenceNotFound(message, table=first.table, column=pending.plan.column)


def _run_maps(pending: PendingLookup, maps: Mapping[str, str]) -> str:
    names = (maps[each.table].partition(" (")[0] for each in pending.plan.alternatives if each.table in maps)
    unique = tuple(dict.fromkeys(names))
    if not unique:
        return ""
    return f" or run the {' or the '.join(unique)} map"
