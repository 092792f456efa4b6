"""What can be told about a map's health from the map and its tables alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from dualwrite.filters.columns import columns_of
from dualwrite.lifecycle.checks import CheckedMap
from dualwrite.maps.findings import Code
from dualwrite.maps.plan import DirectionPlan, Plan
from dualwrite.metadata.schema import ColumnRole, Side
from dualwrite.monitoring.health.findings import HealthCode, HealthFinding, Severity

_SIDES: Final = {Side.FINOPS: "finance and operations", Side.DATAVERSE: "Dataverse"}
_MISSING: Final = frozenset({Code.FINOPS_ENTITY, Code.DATAVERSE_TABLE, Code.FINOPS_COLUMN, Code.DATAVERSE_COLUMN})
_CODES: Final[Mapping[Code, HealthCode]] = {
    **dict.fromkeys(_MISSING, HealthCode.PLATFORM),
    Code.FILTER: HealthCode.FILTER,
}
_MOST_NAMED = 8


def check_map(checked: CheckedMap, sharing: Mapping[tuple[Side, str], Sequence[str]]) -> Iterator[HealthFinding]:
    """What the map and its tables tell. ``sharing`` names the maps that do not stand still, by side and table."""
    for error in checked.errors:
        yield HealthFinding(
            _CODES.get(error.finding.code, HealthCode.CANNOT_RUN),
            Severity.ERROR,
            f"{checked.place}:{error.line}: {error.finding.code.value} {error.finding.message}",
            error.finding.remedy or error.finding.code.remedy,
        )
    if checked.plan is None:
        return
    plan = checked.plan
    yield from _tables(plan)
    yield from _one_way(plan)
    yield from _shared(plan, sharing)
    for way in (plan.to_dataverse, plan.to_finops):
        if way is not None:
            yield from _range(way)
            yield from _kept(way)
            yield from _behind(way)


def _tables(plan: Plan) -> Iterator[HealthFinding]:
    says = plan.map
    for table, text in ((plan.finops, says.source_filter), (plan.dataverse, says.reversed_source_filter)):
        where = f" where {text}" if text else ", all rows"
        yield HealthFinding(
            HealthCode.TABLES, Severity.INFORMATION, f"reads {table.name} of {_SIDES[table.side]}{where}"
        )


def _one_way(plan: Plan) -> Iterator[HealthFinding]:
    if plan.to_dataverse is not None and plan.to_finops is not None:
        return
    closed = Side.DATAVERSE if plan.to_finops is None else Side.FINOPS
    yield HealthFinding(
        HealthCode.ONE_WAY,
        Severity.INFORMATION,
        f"no column goes from {_SIDES[closed]} to {_SIDES[closed.partner]}: what is changed there stays there",
        "Where that is not meant, map at least one column that way.",
    )


def _shared(plan: Plan, sharing: Mapping[tuple[Side, str], Sequence[str]]) -> Iterator[HealthFinding]:
    for table in (plan.finops, plan.dataverse):
        others = [each for each in sharing.get((table.side, table.name), ()) if each != plan.map.name]
        if others:
            yield HealthFinding(
                HealthCode.SHARED_TABLE,
                Severity.INFORMATION,
                f"{table.name} is mapped by {_named(others)}, too: a change passes through all of them",
                "See to it that their filters tell the rows apart.",
            )


def _range(way: DirectionPlan) -> Iterator[HealthFinding]:
    if way.filter is None:
        return
    if way.source.side is Side.FINOPS:
        yield HealthFinding(
            HealthCode.RANGE,
            Severity.INFORMATION,
            f"rows of {way.source.name} outside the filter take no part; Dataverse may write to such a row, too",
            "Try a row outside the filter from the Dataverse side.",
        )
    mapped = {path[0] for column in way.columns for path in column.followed}
    mapped |= way.source_columns
    unmapped = sorted(
        ".".join(path.parts) for path in columns_of(way.filter) if len(path.parts) > 1 and path.parts[0] not in mapped
    )
    if unmapped:
        yield HealthFinding(
            HealthCode.ONLY_FILTERED,
            Severity.WARNING,
            f"the filter of {way.source.name} reads {_named(unmapped)}, and nothing else of those rows is mapped: "
            "a change there is noticed with the next change of the row itself",
            "Save the rows of the map again after such a change.",
        )


def _kept(way: DirectionPlan) -> Iterator[HealthFinding]:
    kept = sorted(
        name
        for name in way.source_columns
        if way.source.column(name).role is ColumnRole.SYSTEM and name not in way.source.key
    )
    if kept:
        yield HealthFinding(
            HealthCode.KEPT_BY_ENVIRONMENT,
            Severity.INFORMATION,
            f"{_named(kept)} of {way.source.name}: carried with other changes of the row, never alone",
        )


def _behind(way: DirectionPlan) -> Iterator[HealthFinding]:
    behind = sorted({".".join(path) for column in way.columns if column.lookup is None for path in column.followed})
    if behind:
        yield HealthFinding(
            HealthCode.BEHIND_LOOKUPS,
            Severity.INFORMATION,
            f"{_named(behind)} of {way.source.name}: a change of the row behind the lookup is carried with the next "
            "change of the row itself",
            "Map the table behind the lookup, or save the rows that point to it again.",
        )


def _named(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
