"""The SQL of one table, worked out once: what a session sends again and again, so that PostgreSQL can prepare it."""

from __future__ import annotations

from functools import lru_cache

from dualwrite.environments.hosted.ddl import foreign_key_name, index_name, quoted, relation
from dualwrite.metadata.schema import Column, EnvironmentSchema, Side, Table

RECORD_ID = "RecId"
RECORD_VERSION = "RecVersion"

_CAST = {
    "string": "text",
    "memo": "text",
    "enum": "text",
    "int": "bigint",
    "picklist": "bigint",
    "bigint": "bigint",
    "decimal": "numeric",
    "money": "numeric",
    "bool": "boolean",
    "date": "date",
    "datetime": "timestamptz",
    "guid": "uuid",
    "lookup": "uuid",
}


class Layout:
    """One table of a hosted environment as SQL. Column names in rows are the table's own plus the side's system
    columns.
    """

    def __init__(self, schema: EnvironmentSchema, table: Table) -> None:
        self.schema = schema
        self.table = table
        self.relation = relation(table)
        self.id_column = RECORD_ID if table.side is Side.FINOPS else table.key[0]
        self.version_column = RECORD_VERSION if table.side is Side.FINOPS else "versionnumber"
        self.keys_by_index = {index_name(table, key): key for key in (table.key, *table.alternate_keys)}
        self.columns_by_foreign_key = {foreign_key_name(column): column for column in table.columns}
        self.select = f"SELECT * FROM {self.relation} t WHERE "
        self.delete = f"DELETE FROM {self.relation} WHERE {quoted(self.id_column)} = %s"
        self.selecting = lru_cache(maxsize=256)(self._selecting)
        self.insert = lru_cache(maxsize=256)(self._insert)
        self.update = lru_cache(maxsize=256)(self._update)
        self.update_found = lru_cache(maxsize=512)(self._update_found)
        self.find = lru_cache(maxsize=256)(self._find)
        bump = "nextval('dualwrite.row_version')" if table.side is Side.DATAVERSE else 'n."RecVersion" + 1'
        self.stamps = [f"{quoted(self.version_column)} = {bump}"]
        """Assignments to alias ``n``, part of every update."""
        self.stamped = [self.version_column]
        if table.side is Side.DATAVERSE and "modifiedon" in table.by_name:
            self.stamps.append('"modifiedon" = now()')
            self.stamped.append("modifiedon")
        self._stamped = ", ".join(quoted(name) for name in self.stamped)

    def _selecting(self, columns: frozenset[str]) -> str:
        """Like ``select``, of some columns, the record id and the version only."""
        return f"SELECT {self.selected(columns)} FROM {self.relation} t WHERE "

    def selected(self, columns: frozenset[str] | None) -> str:
        """Some columns of alias ``t``, the record id and the version; all of them for None."""
        if columns is None:
            return "t.*"
        return ", ".join(f"t.{quoted(name)}" for name in sorted({*columns, self.id_column, self.version_column}))

    def _insert(self, columns: tuple[str, ...], whole: bool) -> str:
        returned = "*" if whole else f"{quoted(self.id_column)}, {quoted(self.version_column)}"
        if not columns:
            return f"INSERT INTO {self.relation} DEFAULT VALUES RETURNING {returned}"
        names = ", ".join(quoted(name) for name in columns)
        marks = ", ".join(["%s"] * len(columns))
        return f"INSERT INTO {self.relation} ({names}) VALUES ({marks}) RETURNING {returned}"

    def _update(self, columns: tuple[str, ...]) -> str:
        assignments = ", ".join([*(f"{quoted(name)} = %s" for name in columns), *self.stamps])
        where = f"{quoted(self.id_column)} = %s"
        return f"UPDATE {self.relation} n SET {assignments} WHERE {where} RETURNING {self._stamped}"

    def _update_found(
        self,
        columns: tuple[str, ...],
        paths: tuple[tuple[str, ...], ...],
        with_company: bool,
        seen: frozenset[str] | None,
    ) -> str:
        """Find, lock, compare and update in one statement; no row where there is none, or nothing differs.

        Parameters: those of :meth:`find`, the new values, the new values again. Gives the row as it was (``seen``
        columns, None for all) and the new stamps under ``@<name>``.
        """
        select = self.select if seen is None else self.selecting(seen)
        assignments = ", ".join([*(f"{quoted(name)} = %s" for name in columns), *self.stamps])
        differs = " OR ".join(f"n.{quoted(name)} IS DISTINCT FROM %s" for name in columns)
        stamps = ", ".join(f'n.{quoted(name)} AS "@{name}"' for name in self.stamped)
        record_id = quoted(self.id_column)
        return (
            f"WITH old AS ({select}{self.find(paths, with_company)} FOR NO KEY UPDATE OF t) "
            f"UPDATE {self.relation} n SET {assignments} FROM old "
            f"WHERE n.{record_id} = old.{record_id} AND ({differs}) RETURNING old.*, {stamps}"
        )

    def _find(self, paths: tuple[tuple[str, ...], ...], with_company: bool) -> str:
        """A condition on alias ``t``: each path equals a parameter, in order; the company's own comes last."""
        parts = [self.path_condition(path, "%s", company="%s" if with_company else None) for path in paths]
        if with_company:
            parts.append(self.company_condition("t", "%s"))
        return " AND ".join(parts)

    def find_parameters(
        self, paths: tuple[tuple[str, ...], ...], values: tuple[object, ...], company: str | None
    ) -> list[object]:
        """The parameters of :meth:`find` in the order of its placeholders."""
        parameters: list[object] = []
        for path, value in zip(paths, values, strict=True):
            parameters.append(value)
            if company is not None:
                parameters += [company] * self._companies_on(path)
        if company is not None:
            parameters.append(company)
        return parameters

    def _companies_on(self, path: tuple[str, ...]) -> int:
        """How many company-specific tables the lookups of ``path`` lead through."""
        table, count = self.table, 0
        for part in path[:-1]:
            table = self.target_of(table, part, path)
            count += table.is_company_specific
        return count

    def target_of(self, table: Table, part: str, path: tuple[str, ...]) -> Table:
        column = table.column(part)
        following = path[path.index(part) + 1]
        for name in column.targets:
            target = self.schema.find(name)
            if target is not None and target.find(following) is not None:
                return target
        return self.schema.table(column.targets[0])

    def path_condition(self, path: tuple[str, ...], value: str, *, company: str | None, alias: str = "t") -> str:
        """``alias.path = value`` in SQL; lookups on the way become subqueries within the company."""
        return self._condition(self.table, path, value, company=company, alias=alias, depth=0)

    def _condition(
        self, table: Table, path: tuple[str, ...], value: str, *, company: str | None, alias: str, depth: int
    ) -> str:
        column = table.column(path[0])
        if len(path) == 1:
            return equals(column, f"{alias}.{quoted(column.name)}", value)
        target = self.target_of(table, path[0], path)
        inner = f"p{depth}"
        within = self._condition(target, path[1:], value, company=company, alias=inner, depth=depth + 1)
        if company is not None and target.is_company_specific:
            within += f" AND {company_condition(self.schema, target, inner, company)}"
        key = quoted(target.key[0])
        return f"{alias}.{quoted(column.name)} IN (SELECT {inner}.{key} FROM {relation(target)} {inner} WHERE {within})"

    def company_condition(self, alias: str, company: str) -> str:
        return company_condition(self.schema, self.table, alias, company)


def company_condition(schema: EnvironmentSchema, table: Table, alias: str, company: str) -> str:
    """The row belongs to the company with that code (Dataverse) or legal entity (F&O)."""
    assert table.company_column is not None
    own = f"{alias}.{quoted(table.company_column)}"
    if table.side is Side.FINOPS:
        return f"lower({own}) = lower({company}::text)"
    companies = schema.table(table.column(table.company_column).targets[0])
    code = quoted("cdm_companycode")
    return (
        f"{own} = (SELECT c.{quoted(companies.key[0])} FROM {relation(companies)} c "
        f"WHERE lower(c.{code}) = lower({company}::text))"
    )


def equals(column: Column, text: str, value: str) -> str:
    """Equality that an index on the key can serve; text without regard to case."""
    typed = f"{value}::{_CAST[column.type.value]}"
    return f"lower({text}) = lower({typed})" if column.type.is_text else f"{text} = {typed}"


def cast_of(column: Column) -> str:
    return _CAST[column.type.value]


class Layouts:
    """The layouts of all tables, made on first use."""

    def __init__(self, schema: EnvironmentSchema) -> None:
        self.schema = schema
        self._layouts: dict[str, Layout] = {}

    def of(self, table: str) -> Layout:
        """Raises: CatalogRefused, when there is no such table."""
        layout = self._layouts.get(table)
        if layout is None:
            found = self.schema.table(table)
            layout = self._layouts.setdefault(found.name, Layout(self.schema, found))
            self._layouts[table] = layout
        return layout
