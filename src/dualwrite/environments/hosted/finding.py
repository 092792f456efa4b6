"""Finding rows in an open transaction: by natural key, behind lookups, by record id. Reads and locks only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn
from uuid import UUID

from psycopg import AsyncConnection

from dualwrite.environments.hosted.ddl import quoted, relation
from dualwrite.environments.hosted.failures import translated
from dualwrite.environments.hosted.layout import Layout, Layouts, cast_of
from dualwrite.environments.port import Follow, Search
from dualwrite.errors import RecordRefused
from dualwrite.metadata.schema import Column, Table
from dualwrite.metadata.values import Row, Value

DictConnection = AsyncConnection[dict[str, Any]]

TWO_ROWS = " LIMIT 2"
"""Enough to tell that a key is not unique."""


class RowFinder:
    """The reading half of ``port.Session``."""

    def __init__(self, connection: DictConnection, layouts: Layouts) -> None:
        self.connection = connection
        self.layouts = layouts

    async def search(self, search: Search) -> Sequence[Row | None]:
        layout = self.layouts.of(search.table)
        company = search.company if layout.table.is_company_specific else None
        paths = tuple(condition.path for condition in search.conditions)
        if len(search.keys) == 1:
            key = search.keys[0]
            return [await self.find(layout, paths, key, company=company, lock=TWO_ROWS, columns=search.columns)]
        return await self._find_many(layout, paths, search, company)

    async def find(
        self,
        layout: Layout,
        paths: tuple[tuple[str, ...], ...],
        values: tuple[object, ...],
        *,
        company: str | None,
        lock: str,
        columns: frozenset[str] | None = None,
    ) -> Row | None:
        select = layout.select if columns is None else layout.selecting(columns)
        query = select + layout.find(paths, company is not None) + lock
        with translated(self.layouts):
            cursor = await self.connection.execute(query, layout.find_parameters(paths, values, company))
            rows = await cursor.fetchall()
        if len(rows) > 1:
            self._several(layout, values)
        return rows[0] if rows else None

    async def _find_many(
        self, layout: Layout, paths: tuple[tuple[str, ...], ...], search: Search, company: str | None
    ) -> Sequence[Row | None]:
        keys = search.keys
        columns = [self._end_of(layout.table, path) for path in paths]
        arrays = ", ".join(f"%s::{cast_of(column)}[]" for column in columns)
        names = ", ".join(f"k{number}" for number in range(len(paths)))
        literal = "%s" if company is not None else None
        conditions = [layout.path_condition(path, f"k.k{number}", company=literal) for number, path in enumerate(paths)]
        parameters: list[object] = [[key[number] for key in keys] for number in range(len(paths))]
        if company is not None:
            conditions.append(layout.company_condition("t", "%s"))
            placeholders = sum(condition.count("%s") for condition in conditions)
            parameters += [company] * placeholders
        query = (
            f"SELECT k.ordinal, {layout.selected(search.columns)} "
            f"FROM unnest({arrays}) WITH ORDINALITY AS k({names}, ordinal) "
            f"JOIN {layout.relation} t ON {' AND '.join(conditions)}"
        )
        found: list[Row | None] = [None] * len(keys)
        with translated(self.layouts):
            cursor = await self.connection.execute(query, parameters)
            async for row in cursor:
                position = row.pop("ordinal") - 1
                if found[position] is not None:
                    self._several(layout, keys[position])
                found[position] = row
        return found

    def _end_of(self, table: Table, path: tuple[str, ...]) -> Column:
        for number, part in enumerate(path[:-1]):
            table = self.layouts.of(table.name).target_of(table, part, path[number:])
        return table.column(path[-1])

    async def follow(self, follow: Follow) -> Mapping[UUID, Value]:
        layout = self.layouts.of(follow.table)
        joins, alias, table = [], "t", layout.table
        for number, part in enumerate(follow.path[:-1]):
            target = layout.target_of(table, part, follow.path[number:])
            following = f"f{number}"
            joins.append(
                f"JOIN {relation(target)} {following} "
                f"ON {following}.{quoted(target.key[0])} = {alias}.{quoted(table.column(part).name)}"
            )
            alias, table = following, target
        end = table.column(follow.path[-1])
        query = (
            f"SELECT t.{quoted(layout.table.key[0])} AS id, {alias}.{quoted(end.name)} AS value "
            f"FROM {layout.relation} t {' '.join(joins)} WHERE t.{quoted(layout.table.key[0])} = ANY(%s)"
        )
        with translated(self.layouts):
            cursor = await self.connection.execute(query, [list(follow.ids)])
            return {row["id"]: row["value"] for row in await cursor.fetchall() if row["value"] is not None}

    async def lock(self, table: str, ids: Sequence[Value]) -> Sequence[Row]:
        layout = self.layouts.of(table)
        record_id = f"t.{quoted(layout.id_column)}"
        query = f"{layout.select}{record_id} = ANY(%s) ORDER BY {record_id} FOR NO KEY UPDATE OF t"
        with translated(self.layouts):
            return await (await self.connection.execute(query, [list(ids)])).fetchall()

    async def follow_one(self, table: str, row_id: UUID, column: str) -> Value:
        return (await self.follow(Follow(table, (column,), (row_id,)))).get(row_id)

    def has_table(self, table: str) -> bool:
        return table in self.layouts.schema.by_name

    def primary_key(self, table: str) -> str:
        return self.layouts.of(table).table.key[0]

    def _several(self, layout: Layout, key: tuple[object, ...]) -> NoReturn:
        shown = ", ".join(str(value) for value in key)
        raise RecordRefused(f"{layout.table.name}: several rows have the key {shown}", table=layout.table.name)
