"""Scans as SQL: the columns of a table's rows and what lies behind their lookups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from dualwrite.environments.bulk import COMPANY, DIGEST, ID, VERSION, Path, Scan, Span
from dualwrite.environments.hosted.bulk.transfer import Shown, selection
from dualwrite.environments.hosted.ddl import quoted, relation
from dualwrite.environments.hosted.layout import Layout, cast_of
from dualwrite.maps.columnar.frames import dotted
from dualwrite.metadata.conventions import COMPANY_TABLE
from dualwrite.metadata.schema import Column, ColumnType, Side, Table
from dualwrite.metadata.values import TARGET_SUFFIX, Value, target_entry

COMPANY_CODE: Final = "cdm_companycode"
CREATED: Final = "createdon"


@dataclass(slots=True)
class Condition:
    """A condition with its parameters."""

    parts: list[str] = field(default_factory=list)
    parameters: list[object] = field(default_factory=list)

    def add(self, part: str, *parameters: object) -> None:
        self.parts.append(part)
        self.parameters += parameters

    def __str__(self) -> str:
        return " AND ".join(self.parts) or "true"


@dataclass(frozen=True, slots=True)
class ScanQuery:
    """``text`` selects what ``shown`` lists."""

    text: str
    parameters: Sequence[object]
    shown: Sequence[Shown]


def record_id(layout: Layout, alias: str = "t") -> Shown:
    kind = ColumnType.BIGINT if layout.table.side is Side.FINOPS else ColumnType.GUID
    return Shown(ID, f"{alias}.{quoted(layout.id_column)}", Column(ID, kind))


def version(layout: Layout, alias: str = "t") -> Shown:
    return Shown(VERSION, f"{alias}.{quoted(layout.version_column)}", Column(VERSION, ColumnType.BIGINT))


def digest(layout: Layout, names: Sequence[str]) -> Shown:
    """A number for the values in these columns, by the function that PostgreSQL spreads rows over partitions with."""
    values = ", ".join(_digested(layout.table.column(name)) for name in names)
    return Shown(DIGEST, f"hash_record_extended(ROW({values}), 0)", Column(DIGEST, ColumnType.BIGINT))


def _digested(column: Column) -> str:
    name = f"t.{quoted(column.name)}"
    return f"coalesce({name}, '')" if column.type.is_text else f"coalesce({name}, 0)::numeric"


def id_cast(layout: Layout) -> str:
    return "bigint" if layout.table.side is Side.FINOPS else "uuid"


def compile_scan(layout: Layout, scan: Scan, company_ids: Mapping[str, str]) -> ScanQuery:
    """``company_ids`` has the ids of the companies of a scan in Dataverse, by their codes."""
    joins = _Joins(layout)
    shown = [record_id(layout), version(layout), joins.company()]
    for path in scan.paths:
        shown += [each for each in joins.shown(path) if all(each.name != known.name for known in shown)]
    if scan.digest:
        shown.append(digest(layout, scan.digest))
    where = scanned(layout, scan, company_ids)
    text = f"SELECT {selection(shown)} FROM {layout.relation} t {' '.join(joins.texts)} WHERE {where}"
    if scan.most_rows is not None:
        text += f" ORDER BY t.{quoted(layout.id_column)} LIMIT {int(scan.most_rows)}"
    return ScanQuery(text, where.parameters, shown)


def scanned(layout: Layout, scan: Scan, company_ids: Mapping[str, str]) -> Condition:
    """Which rows of alias ``t`` a scan reads."""
    where = Condition()
    add_companies(where, layout, scan.companies, company_ids)
    add_span(where, layout, scan.span)
    if scan.ids is not None:
        where.add(f"t.{quoted(layout.id_column)} = ANY(%s::{id_cast(layout)}[])", list(map(str, scan.ids)))
    if scan.created_before is not None and CREATED in layout.table.by_name:
        where.add(f"t.{quoted(CREATED)} <= %s", scan.created_before)
    return where


def add_companies(
    where: Condition, layout: Layout, companies: Sequence[str] | None, company_ids: Mapping[str, str]
) -> None:
    column = layout.table.company_column
    if companies is None or column is None:
        return
    if layout.table.side is Side.FINOPS:
        where.add(f"lower(t.{quoted(column)}) = ANY(ARRAY[{', '.join(['lower(%s::text)'] * len(companies))}]::text[])")
        where.parameters += companies
    else:
        without = f" OR t.{quoted(column)} IS NULL" if "" in companies else ""
        where.add(f"(t.{quoted(column)} = ANY(%s::uuid[]){without})", list(company_ids.values()))


def add_span(where: Condition, layout: Layout, span: Span) -> None:
    bounds: tuple[tuple[str, Value], ...] = ((">=", span.first), ("<=", span.last))
    for operator, bound in bounds:
        if bound is not None:
            where.add(f"t.{quoted(layout.id_column)} {operator} %s::{id_cast(layout)}", str(bound))


class _Joins:
    """The tables behind the lookups of alias ``t``, each joined once."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._aliases: dict[tuple[Path, str], str] = {}
        self.texts: list[str] = []

    def company(self) -> Shown:
        """The company in the words of this side."""
        column = self._layout.table.company_column
        text = Column(COMPANY, ColumnType.STRING)
        if column is None:
            return Shown(COMPANY, "NULL", text)
        if self._layout.table.side is Side.FINOPS:
            return Shown(COMPANY, f"lower(t.{quoted(column)})", text)
        companies = self._layout.schema.table(COMPANY_TABLE)
        alias = self._join((column,), "t", self._layout.table.column(column), companies)
        return Shown(COMPANY, f"{alias}.{quoted(COMPANY_CODE)}", text)

    def shown(self, path: Path) -> Sequence[Shown]:
        """The column at the end of ``path``, and after a polymorphic lookup its entry."""
        table, name = self._layout.table, path[0]
        if len(path) == 1 and name.endswith(TARGET_SUFFIX):
            return (_entry(table.column(name.removesuffix(TARGET_SUFFIX)), name),)
        first = table.column(name)
        entry = (_entry(first, target_entry(name)),) if first.is_polymorphic else ()
        if len(path) == 1:
            return (Shown(name, f"t.{quoted(first.name)}", first), *entry)
        return (self._behind(first, path), *entry)

    def _behind(self, first: Column, path: Path) -> Shown:
        table = self._layout.table
        if not first.is_polymorphic:
            return self._follow(table, "t", path, 0)
        ways = []
        for number, target in enumerate(map(self._layout.schema.find, first.targets)):
            if target is not None and target.find(path[1]) is not None:
                # Without an entry the row is looked for in the first of the tables, as a session does it.
                alias = self._join(path[:1], "t", first, target, told=True, or_untold=number == 0)
                ways.append(self._follow(target, alias, path, 1))
        alike = [way for way in ways if cast_of(way.column) == cast_of(ways[0].column)]
        if not alike:
            return Shown(dotted(path), "NULL", Column(path[-1], ColumnType.STRING))
        return Shown(dotted(path), f"coalesce({', '.join(way.sql for way in alike)})", alike[0].column)

    def _follow(self, table: Table, alias: str, path: Path, start: int) -> Shown:
        for number in range(start, len(path) - 1):
            column = table.column(path[number])
            table = self._layout.target_of(table, path[number], path[number:])
            alias = self._join(path[: number + 1], alias, column, table)
        end = table.column(path[-1])
        return Shown(dotted(path), f"{alias}.{quoted(end.name)}", end)

    def _join(
        self, place: Path, alias: str, column: Column, target: Table, *, told: bool = False, or_untold: bool = False
    ) -> str:
        known = self._aliases.get((place, target.name))
        if known is not None:
            return known
        joined = self._aliases[place, target.name] = f"j{len(self._aliases)}"
        on = f"{joined}.{quoted(target.key[0])} = {alias}.{quoted(column.name)}"
        if told:
            entry = f"{alias}.{quoted(target_entry(column.name))}"
            literal = target.name.replace("'", "''").replace("%", "%%")
            on += f" AND ({entry} = '{literal}'" + (f" OR {entry} IS NULL)" if or_untold else ")")
        self.texts.append(f"LEFT JOIN {relation(target)} {joined} ON {on}")
        return joined


def _entry(column: Column, name: str) -> Shown:
    return Shown(name, f"t.{quoted(target_entry(column.name))}", Column(name, ColumnType.STRING))
