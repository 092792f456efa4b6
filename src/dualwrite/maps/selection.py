"""The two filters of a map, bound to the tables they read; what cannot be read or is not carried is a finding."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dualwrite.errors import FilterRefused
from dualwrite.filters.bind import bind
from dualwrite.filters.columns import columns_of
from dualwrite.filters.odata import parse_odata
from dualwrite.filters.range_expression import parse_range
from dualwrite.filters.tree import ColumnPath, Expression
from dualwrite.maps.findings import Code, Findings
from dualwrite.maps.resolve import ResolvedLines
from dualwrite.maps.values import Direction, MapVersion
from dualwrite.metadata.schema import ColumnRole, EnvironmentSchema, Side, Table

_ALWAYS_CARRIED = (ColumnRole.STATE, ColumnRole.STATUS)


@dataclass(frozen=True, slots=True)
class MapFilters:
    """Reads the filters of one map."""

    finops: Table
    dataverse: Table
    finops_schema: EnvironmentSchema
    dataverse_schema: EnvironmentSchema
    findings: Findings

    def read(self, version: MapVersion, resolved: ResolvedLines) -> Mapping[Direction, Expression | None]:
        """By direction, which rows of the source take part; None for all of them."""
        return {
            Direction.TO_DATAVERSE: self._read(version.source_filter, self.finops, resolved),
            Direction.TO_FINOPS: self._read(version.reversed_source_filter, self.dataverse, resolved),
        }

    def _read(self, text: str, table: Table, resolved: ResolvedLines) -> Expression | None:
        is_finops = table.side is Side.FINOPS
        path = "source_filter" if is_finops else "reversed_source_filter"
        if not text.strip():
            return None
        try:
            parsed = parse_range(text) if is_finops else parse_odata(text)
            if parsed is None:
                return None
            schema = self.finops_schema if is_finops else self.dataverse_schema
            bound = bind(parsed, table=table, schema=schema)
        except FilterRefused as refusal:
            self._refuse(refusal.message, path, refusal.position)
            return None
        carried = frozenset(carried_columns(table, resolved))
        for column in sorted(columns_of(bound), key=lambda each: (each.position or 0, each.parts)):
            if column.parts[0] not in carried and not resolved.is_doubtful(table, column.parts[0]):
                self._refuse_column(column, table, path)
        return bound

    def _refuse_column(self, column: ColumnPath, table: Table, path: str) -> None:
        message = f"{table.name}.{column.parts[0]} is not carried by the map, so its changes would not be noticed"
        remedy = "Map the column (one way is enough), or filter on columns that the map carries."
        self._refuse(message, path, column.position, remedy=remedy)

    def _refuse(self, message: str, path: str, position: int | None, *, remedy: str = "") -> None:
        at = "" if position is None else f" (at character {position + 1})"
        self.findings.error(Code.FILTER, message.rstrip(".") + at, path, remedy=remedy, position=position)


def carried_columns(table: Table, resolved: ResolvedLines) -> Iterator[str]:
    """The columns of ``table`` that a filter may read: mapped either way, of the key, the company, the state."""
    for each in resolved.lines:
        column = each.finops.column if table.side is Side.FINOPS and each.finops is not None else None
        if table.side is Side.DATAVERSE:
            column = each.column
        if column is not None:
            yield column.name
    yield from table.key
    yield from (name for key in table.alternate_keys for name in key)
    yield from (column.name for column in table.columns if column.role in _ALWAYS_CARRIED)
    if table.company_column is not None:
        yield table.company_column
