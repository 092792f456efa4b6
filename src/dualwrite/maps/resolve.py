"""Column mappings resolved against the two tables: which columns they name, and what is wrong with that."""

from __future__ import annotations

from dataclasses import dataclass

from dualwrite.errors import MapRefused
from dualwrite.maps.end import End
from dualwrite.maps.findings import Code, Findings
from dualwrite.maps.lookup_path import LookupPath, PathAlternative, parse_lookup_path
from dualwrite.maps.plan import Path
from dualwrite.maps.values import ColumnMapping, Direction, MapVersion
from dualwrite.metadata.schema import Column, ColumnType, EnvironmentSchema, Side, Table


@dataclass(frozen=True, slots=True)
class Landing:
    """Where one alternative of a Dataverse path ends. ``tables`` has, for each part of ``path``, the table it is a
    column of; the first is the map's."""

    path: Path
    end: End
    tables: tuple[Table, ...]

    @property
    def table(self) -> Table:
        """The table that the lookup points to; the map's own where there is no lookup."""
        return self.tables[1] if len(self.tables) > 1 else self.tables[0]


@dataclass(frozen=True, slots=True)
class ResolvedMapping:
    """One line of the map with the columns it names. A lookup has a landing for each table that it may point to."""

    index: int
    mapping: ColumnMapping
    finops: End | None
    column: Column | None
    """The column of the map's own Dataverse table: the mapped one, or the lookup."""
    landings: tuple[Landing, ...]
    is_lookup: bool
    is_polymorphic: bool

    @property
    def at(self) -> str:
        return f"columns[{self.index}]"

    def goes(self, direction: Direction) -> bool:
        """Whether this line writes a column in ``direction``."""
        target = self.column if direction is Direction.TO_DATAVERSE else self.finops
        return target is not None and self.mapping.sync_direction.includes(direction)


@dataclass(frozen=True, slots=True)
class ResolvedLines:
    """The lines that could be resolved, in the order of the map.

    ``doubtful`` are the columns, by side and folded name, that other lines name: since what is wrong with those lines
    is told already, nothing else is said about their columns.
    """

    lines: tuple[ResolvedMapping, ...]
    doubtful: frozenset[tuple[Side, str]]

    def is_doubtful(self, table: Table, name: str) -> bool:
        return (table.side, name.casefold()) in self.doubtful


@dataclass(frozen=True, slots=True)
class Resolver:
    """Finds the columns of one map; what is not found becomes a finding."""

    finops: Table
    dataverse: Table
    schema: EnvironmentSchema
    findings: Findings

    def resolve(self, version: MapVersion) -> ResolvedLines:
        lines: list[ResolvedMapping] = []
        doubtful: set[tuple[Side, str]] = set()
        for index, mapping in enumerate(version.columns):
            line = self._mapping(index, mapping)
            if line is not None:
                lines.append(line)
                continue
            doubtful.add((Side.FINOPS, (mapping.finops or "").casefold()))
            doubtful.add((Side.DATAVERSE, (mapping.dataverse or "").partition(".")[0].casefold()))
        return ResolvedLines(tuple(lines), frozenset(doubtful))

    def _mapping(self, index: int, mapping: ColumnMapping) -> ResolvedMapping | None:
        before = len(self.findings.found)
        at = f"columns[{index}]"
        finops = self._finops(mapping, at)
        path, column, landings = self._dataverse(mapping, at)
        if mapping.finops is None and mapping.dataverse is None:
            self.findings.error(Code.LINE, f"{mapping}: the line names no column", at)
        elif mapping.is_constant and mapping.default is None:
            self.findings.error(Code.LINE, f"{mapping}: a line with one column needs a constant", at)
        if len(self.findings.found) > before:
            return None
        is_lookup = path is not None and path.is_lookup
        polymorphic = is_lookup and column is not None and column.is_polymorphic
        return ResolvedMapping(index, mapping, finops, column, landings, is_lookup, polymorphic)

    def _finops(self, mapping: ColumnMapping, at: str) -> End | None:
        if mapping.finops is None:
            return None
        column = self.finops.find(mapping.finops)
        if column is None:
            message = f"{self.finops.name} has no column {mapping.finops}"
            self.findings.error(Code.FINOPS_COLUMN, message, f"{at}.finops")
            return None
        if column.name == self.finops.company_column:
            message = f"{column.name} is the company, which is part of every company-specific map; take the line out"
            self.findings.error(Code.SCOPE, message, f"{at}.finops")
        return End(self.finops, column)

    def _dataverse(
        self, mapping: ColumnMapping, at: str
    ) -> tuple[LookupPath | None, Column | None, tuple[Landing, ...]]:
        nothing = (None, None, ())
        if mapping.dataverse is None:
            return nothing
        at = f"{at}.dataverse"
        try:
            path = parse_lookup_path(mapping.dataverse)
        except MapRefused as refusal:
            self.findings.error(Code.DATAVERSE_COLUMN, refusal.message, at)
            return nothing
        column = self.dataverse.find(path.column)
        if column is None:
            message = f"{self.dataverse.name} has no column {path.column}"
            self.findings.error(Code.DATAVERSE_COLUMN, message, at)
            return nothing
        if column.name == self.dataverse.company_column:
            message = f"{column.name} is the company, which is part of every company-specific map; take the line out"
            self.findings.error(Code.SCOPE, message, at)
            return nothing
        if not path.is_lookup:
            return path, column, self._plain(column, at)
        return path, column, self._landings(path, column, at)

    def _plain(self, column: Column, at: str) -> tuple[Landing, ...]:
        if column.type is ColumnType.LOOKUP:
            message = (
                f"{column.name} is a lookup; name the column that identifies its row, such as {column.name}.<column>"
            )
            self.findings.error(Code.TYPE, message, at)
            return ()
        return (Landing((column.name,), End(self.dataverse, column), (self.dataverse,)),)

    def _landings(self, path: LookupPath, column: Column, at: str) -> tuple[Landing, ...]:
        if column.type is not ColumnType.LOOKUP:
            message = f"{self.dataverse.name}.{column.name} is not a lookup, so {path} leads nowhere"
            self.findings.error(Code.DATAVERSE_COLUMN, message, at)
            return ()
        landings: list[Landing] = []
        problems: list[str] = []
        for alternative in path.alternatives:
            for target in self._targets(column, alternative, problems):
                landing = self._walk(column, target, alternative.parts, problems)
                if landing is not None and any(each.table is target for each in landings):
                    problems.append(f"{target.name} is named twice")
                elif landing is not None:
                    landings.append(landing)
        named = path.is_polymorphic
        if not landings or (named and problems):
            self.findings.error(Code.DATAVERSE_COLUMN, f"{path}: {'; '.join(problems)}", at)
            return ()
        return tuple(landings)

    def _targets(self, column: Column, alternative: PathAlternative, problems: list[str]) -> tuple[Table, ...]:
        if alternative.table is None:
            known = tuple(table for name in column.targets if (table := self.schema.find(name)) is not None)
            if not known:
                problems.append(f"the table {column.name} points to is unknown")
            return known
        table = self.schema.find(alternative.table)
        if table is None or table.name not in column.targets:
            problems.append(f"{column.name} does not point to {alternative.table}")
            return ()
        return (table,)

    def _walk(self, lookup: Column, table: Table, parts: Path, problems: list[str]) -> Landing | None:
        names, tables = [lookup.name], [self.dataverse, table]
        at = table
        for part in parts[:-1]:
            step = at.find(part)
            further = self.schema.find(step.targets[0]) if step is not None and step.targets else None
            if step is None or further is None:
                problems.append(f"{at.name} has no lookup {part}")
                return None
            names.append(step.name)
            at = further
            tables.append(at)
        last = at.find(parts[-1])
        if last is None or last.type is ColumnType.LOOKUP:
            reason = "has no column" if last is None else "has only a lookup"
            problems.append(f"{at.name} {reason} {parts[-1]}")
            return None
        return Landing((*names, last.name), End(at, last), tuple(tables))
