"""Rows for the tables of any maps, worked out from the maps themselves: keys are unique, lookups lead somewhere.

Columns that meet in a lookup hold the same values: row 7 of every table refers to row 7 of the tables that it looks up,
and to row 6 of its own. A share of the rows has a lookup that leads nowhere, another one is outside of a filter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import psycopg

from dualwrite.catalog import load_schema
from dualwrite.catalog.maps import load_solution
from dualwrite.environments.hosted.ddl import quoted
from dualwrite.filters.tree import And, ColumnPath, Compare, Comparison
from dualwrite.maps.compile import compile_map
from dualwrite.maps.plan import LookupAlternative, Path, Plan
from dualwrite.metadata.schema import Column, ColumnType, Side, Table
from dualwrite.metadata.values import LegalEntityId

SOLUTIONS = ("company", "common", "currency-exchange-rates", "finance", "asset-management", "human-resources")
LEGAL_ENTITIES = "OMLegalEntity"
BROKEN_ONE_IN = 33
OUTSIDE_ONE_IN = 10
_Place = tuple[str, str]
"""An entity and one of its columns."""


def sixty_maps() -> tuple[Plan, ...]:
    """Maps of the catalog that go to Dataverse, one for each table there, in the order of their solutions."""
    finops, dataverse = load_schema(Side.FINOPS), load_schema(Side.DATAVERSE)
    plans: dict[str, Plan] = {}
    for version in (version for name in SOLUTIONS for version in load_solution(name).active):
        plan = compile_map(version, finops=finops, dataverse=dataverse)
        if isinstance(plan, Plan) and plan.to_dataverse is not None:
            plans.setdefault(plan.dataverse.name, plan)
    return tuple(plans.values())[:60]


def legal_entities(count: int) -> tuple[LegalEntityId, ...]:
    return tuple(LegalEntityId(f"c{number:03}") for number in range(1, count + 1))


@dataclass
class _Values:
    """Which columns hold the same values: each is kept under one of them."""

    _same: dict[_Place, _Place] = field(default_factory=dict)
    _columns: dict[_Place, list[Column]] = field(default_factory=dict)

    def of(self, place: _Place) -> _Place:
        while (other := self._same.get(place, place)) != place:
            place = other
        return place

    def join(self, one: _Place, other: _Place) -> None:
        self._same[self.of(one)] = self.of(other)

    def add(self, place: _Place, column: Column) -> None:
        self._columns.setdefault(self.of(place), []).append(column)

    def expression(self, place: _Place, number: str) -> str:
        """The value of row ``number`` in a column: text that fits all columns of the kind, or the number itself."""
        columns = self._columns[self.of(place)]
        if any(not each.type.is_text for each in columns):
            return f"{number}::text" if any(each.type.is_text for each in columns) else number
        length = min(each.length or 20 for each in columns)
        return f"'K' || lpad(({number})::text, 5, '0')" if length >= 6 else f"lpad(({number})::text, {length}, '0')"


class CompanyData:
    """The rows of all source tables of ``plans``."""

    def __init__(self, plans: Sequence[Plan], companies: Sequence[LegalEntityId], *, rows: int) -> None:
        """``rows`` in every table: of each company, or altogether where the table has no companies."""
        self._plans = plans
        self._companies = companies
        self._rows = rows
        self._values = _Values()
        self._filler = {plan.dataverse.name: plan for plan in plans}
        self._lookups: dict[_Place, _Place] = {}
        """The columns of plain lookups, with the column that they are looked up by."""
        self._own: set[_Place] = set()
        self._looked_up: set[_Place] = set()
        for plan in plans:
            self._gather(plan)
        for plan in plans:
            for column in plan.finops.columns:
                self._values.add((plan.finops.name, column.name), column)

    def _gather(self, plan: Plan) -> None:
        route = plan.to_dataverse
        assert route is not None
        for column in route.columns:
            alternatives = () if column.lookup is None else column.lookup.alternatives[:1]
            for alternative in alternatives:
                for source, target in self._conditions(plan, alternative):
                    if source == target or alternative.table == plan.dataverse.name:
                        self._own.add(source)
                    self._values.join(source, target)
                    self._lookups[source] = target
                    self._looked_up.add(target)

    def _conditions(self, plan: Plan, alternative: LookupAlternative) -> Iterator[tuple[_Place, _Place]]:
        filler = self._filler.get(alternative.table)
        if filler is None or any(_equalities([filler])):
            return
        if filler.company_specific and not plan.company_specific:
            return
        for each in alternative.conditions:
            target = _source_of(filler, each.target_path)
            if each.source_column is not None and target is not None:
                yield (plan.finops.name, each.source_column), (filler.finops.name, target)

    def write(self, conninfo: str) -> None:
        """The rows are in the finance and operations database."""
        with psycopg.connect(conninfo) as connection:
            for statement in self.statements():
                connection.execute(statement.encode())
            connection.commit()
            connection.autocommit = True
            connection.execute("ANALYZE")

    def statements(self) -> Iterator[str]:
        tables = {plan.finops.name: plan.finops for plan in self._plans}
        for table in tables.values():
            columns = {name: value for name, value in self._expressions(table).items() if value is not None}
            names = ", ".join(map(quoted, columns))
            companies = ", ".join(f"'{each}'" for each in self._companies)
            rows = self._rows
            source = f"generate_series(1, {rows}) n"
            if table.is_company_specific:
                source = f"unnest(ARRAY[{companies}]) company, {source}"
            elif self._is_of_legal_entities(table):
                source = f"unnest(ARRAY[{companies}]) WITH ORDINALITY AS companies(company, n)"
            yield f"INSERT INTO data.{quoted(table.name)} ({names}) SELECT {', '.join(columns.values())} FROM {source}"

    def _is_of_legal_entities(self, table: Table) -> bool:
        entity = self._values.of((LEGAL_ENTITIES, "LegalEntityId"))
        return any(self._values.of((table.name, name)) == entity for name in table.key)

    def _expressions(self, table: Table) -> Mapping[str, str | None]:
        plans = [plan for plan in self._plans if plan.finops.name == table.name]
        mapped = {
            name
            for plan in plans
            for column in (plan.to_dataverse.columns if plan.to_dataverse is not None else ())
            for name in column.source_columns
            if column.lookup is None
        }
        broken = next((name for name in self._breakable(table)), None)
        wanted: dict[str, list[str]] = {}
        for name, value in _equalities(plans):
            wanted.setdefault(name, []).append(value)
        kept = self._looked_up | self._lookups.keys()
        found: dict[str, str | None] = {}
        for column in table.columns:
            if column.name == table.company_column:
                found[column.name] = "company"
            elif not column.writable:
                continue
            elif column.name in wanted:
                found[column.name] = _filtered(column, wanted[column.name])
            elif column.name in table.key or (table.name, column.name) in kept or column.required:
                found[column.name] = self._filled(table, column, broken=column.name == broken)
            elif column.name in mapped:
                found[column.name] = _plain(column, plans)
        return found

    def _filled(self, table: Table, column: Column, *, broken: bool) -> str | None:
        place = (table.name, column.name)
        if self._values.of(place) == self._values.of((LEGAL_ENTITIES, "LegalEntityId")):
            return "company"
        if column.type in (ColumnType.DATE, ColumnType.DATETIME):
            return "date '2020-01-01' + n::int"
        if column.type is ColumnType.ENUM or column.type is ColumnType.GUID:
            return _plain(column, [plan for plan in self._plans if plan.finops.name == table.name])
        if place in self._own and column.name not in table.key:
            before = self._values.expression(place, "n - 1")
            return f"CASE WHEN n > 1 THEN {before} ELSE '' END" if column.type.is_text else before
        value = self._values.expression(place, "n")
        if not broken:
            return value
        return f"CASE WHEN n % {BROKEN_ONE_IN} = 0 THEN '~' ELSE {value} END"

    def _breakable(self, table: Table) -> Iterator[str]:
        for name, column in self._lookups:
            place = (name, column)
            is_own = column in table.key or place in self._own
            if name == table.name and not is_own and table.column(column).type.is_text:
                yield column


def _source_of(plan: Plan, path: Path) -> str | None:
    """The source column that fills what is at ``path`` of the map's table."""
    route = plan.to_dataverse
    assert route is not None
    for part in route.key:
        if part.target_path == path:
            return part.source_path[0]
    for column in route.columns:
        if column.target_column != path[0]:
            continue
        if column.lookup is None:
            return column.source_path[0] if column.source_path is not None and len(path) == 1 else None
        for each in column.lookup.alternatives[0].conditions:
            if each.target_path == path[1:]:
                return each.source_column
    return None


def _equalities(plans: Sequence[Plan]) -> Iterator[tuple[str, str]]:
    """The columns that a filter wants to have some value."""
    for plan in plans:
        where = plan.to_dataverse.filter if plan.to_dataverse is not None else None
        for each in where.operands if isinstance(where, And) else (where,):
            if isinstance(each, Compare) and each.operator is Comparison.EQ and isinstance(each.left, ColumnPath):
                yield each.left.parts[0], str(each.right)


def _filtered(column: Column, wanted: Sequence[str]) -> str:
    """What the filters want in turn, and now and then something that none of them wants."""
    folded = {each.lower() for each in wanted}
    members = ["Other"] if column.enumeration is None else [name for name, _ in column.enumeration.members]
    other = next(name for name in members if name.lower() not in folded)
    array = ", ".join(f"'{each}'" for each in wanted)
    return f"CASE WHEN n % {OUTSIDE_ONE_IN} = 0 THEN '{other}' ELSE (ARRAY[{array}])[1 + n % {len(wanted)}] END"


def _plain(column: Column, plans: Sequence[Plan]) -> str | None:
    """A value that its value map knows, or any one; None leaves the column's default."""
    for plan in plans:
        for each in plan.map.columns:
            if each.finops is not None and each.finops.lower() == column.name.lower() and each.value_map is not None:
                first = each.value_map.pairs[0][0]
                if column.enumeration is not None:
                    first = column.enumeration.canonical(first) or column.enumeration.members[0][0]
                return f"'{first}'" if column.type.is_text or column.type is ColumnType.ENUM else None
    if column.type.is_text and not column.name.lower().endswith(("timezone", "language", "languageid")):
        return f"left('Text ' || n, {column.length or 20})"
    if column.type in (ColumnType.DECIMAL, ColumnType.MONEY, ColumnType.INTEGER):
        return "n"
    return None
