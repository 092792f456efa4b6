"""What must hold of a map as a whole before it may run: scope, duplicates, mandatory and read-only columns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dualwrite.maps.findings import Code, Findings
from dualwrite.maps.resolve import ResolvedLines, ResolvedMapping
from dualwrite.maps.values import Direction
from dualwrite.metadata.schema import Column, ColumnRole, Side, Table


@dataclass(frozen=True, slots=True)
class Checks:
    """The checks of one map; what does not hold becomes a finding."""

    finops: Table
    dataverse: Table
    resolved: ResolvedLines
    findings: Findings

    def run(self) -> None:
        self._scope()
        self._duplicates()
        self._shared_lookups()
        for direction in Direction:
            going = [each for each in self.resolved.lines if each.goes(direction)]
            if going:
                self._mandatory(going, direction)
                self._read_only(going, direction)

    def _scope(self) -> None:
        left, right = self.finops.is_company_specific, self.dataverse.is_company_specific
        if left != right:
            described = {True: "company-specific", False: "global"}
            message = f"{self.finops.name} is {described[left]} and {self.dataverse.name} is {described[right]}"
            self.findings.error(Code.SCOPE, message, "dataverse_table")

    def _duplicates(self) -> None:
        seen: dict[tuple[Direction, str], ResolvedMapping] = {}
        pairs: dict[tuple[str, str], int] = {}
        for each in self.resolved.lines:
            pair = (str(each.mapping.finops).casefold(), str(each.mapping.dataverse).casefold())
            if pairs.setdefault(pair, each.index) != each.index:
                self.findings.error(Code.DUPLICATE_PAIR, f"{each.mapping} repeats columns[{pairs[pair]}]", each.at)
                continue
            for direction in Direction:
                if each.goes(direction):
                    first = seen.setdefault((direction, _target_name(each, direction)), each)
                    if first is not each:
                        self._written_twice(each, first, direction)

    def _written_twice(self, each: ResolvedMapping, first: ResolvedMapping, direction: Direction) -> None:
        target = _target_name(each, direction)
        if direction is Direction.TO_DATAVERSE:
            self.findings.error(Code.DATAVERSE_DUPLICATE, f"{target} is already written by {first.at}", each.at)
        elif not (first.is_lookup and each.is_lookup):
            self.findings.error(Code.FINOPS_DUPLICATE, f"{target} is already written by {first.at}", each.at)
        else:
            message = f"{target} is also written by {first.at}; the first that is not empty is taken, in map order"
            remedy = "Nothing, if that is meant; otherwise map the other lines to Dataverse only."
            self.findings.warning(Code.FINOPS_DUPLICATE, message, each.at, remedy=remedy)

    def _shared_lookups(self) -> None:
        """Lines that share a lookup are conditions on one row, so there must be a table that all of them know."""
        common: dict[str, tuple[ResolvedMapping, set[str]]] = {}
        for each in self.resolved.lines:
            if each.column is None or not each.is_lookup or not each.goes(Direction.TO_DATAVERSE):
                continue
            tables = {landing.table.name for landing in each.landings}
            first, known = common.setdefault(each.column.name, (each, set(tables)))
            known &= tables
            if not known:
                message = f"{each.mapping} and {first.at} look for {each.column.name} in different tables"
                remedy = "Name the same tables in all lines of one lookup."
                self.findings.error(Code.DATAVERSE_COLUMN, message, f"{each.at}.dataverse", remedy=remedy)

    def _mandatory(self, going: Iterable[ResolvedMapping], direction: Direction) -> None:
        table = self.dataverse if direction is Direction.TO_DATAVERSE else self.finops
        code = Code.MANDATORY_DATAVERSE if direction is Direction.TO_DATAVERSE else Code.MANDATORY_FINOPS
        written = {own_column(each, direction).name for each in going}
        for column in table.columns:
            known = column.name in written or self.resolved.is_doubtful(table, column.name)
            if column.required and not known and _is_users(column, table):
                self._missing(column, table, code)

    def _missing(self, column: Column, table: Table, code: Code) -> None:
        line = next((each for each in self.resolved.lines if _names(each, column, table.side)), None)
        why = "neither mapped nor given a constant" if line is None else f"{line.mapping} goes the other way only"
        path = "columns" if line is None else line.at
        self.findings.error(code, f"{table.name}.{column.name} is mandatory, and {why}", path)

    def _read_only(self, going: Iterable[ResolvedMapping], direction: Direction) -> None:
        table = self.dataverse if direction is Direction.TO_DATAVERSE else self.finops
        for each in going:
            column = own_column(each, direction)
            if not column.writable:
                self.findings.error(Code.READ_ONLY, f"{table.name}.{column.name} is read-only", each.at)


def _is_users(column: Column, table: Table) -> bool:
    """Whether a value must come from whoever writes the row. Keys are not among them: ids are given by Dataverse, and
    for the key of finance and operations there is a finding of its own."""
    return column.role is ColumnRole.PLAIN and column.name != table.company_column and column.name not in table.key


def _names(each: ResolvedMapping, column: Column, side: Side) -> bool:
    """Whether the line names this column of its own table, in whatever direction."""
    if side is Side.DATAVERSE:
        return each.column is column
    return each.finops is not None and each.finops.column is column


def own_column(each: ResolvedMapping, direction: Direction) -> Column:
    """The column of the target's own row that ``each`` writes."""
    if direction is Direction.TO_DATAVERSE:
        assert each.column is not None
        return each.column
    assert each.finops is not None
    return each.finops.column


def _target_name(each: ResolvedMapping, direction: Direction) -> str:
    """What may be written once only. Several lines may share a lookup column, each with a path of its own."""
    if direction is Direction.TO_DATAVERSE and each.is_lookup:
        return ".".join(each.landings[0].path)
    return own_column(each, direction).name
