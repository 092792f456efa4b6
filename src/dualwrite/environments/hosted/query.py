"""A ``RowQuery`` as SQL: filter, order, and continuation behind a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dualwrite.environments.hosted.ddl import quoted, relation
from dualwrite.environments.hosted.layout import Layout
from dualwrite.environments.port import RowQuery, SortKey
from dualwrite.errors import QueryRefused
from dualwrite.filters.sql import compile_sql
from dualwrite.filters.tree import ColumnPath
from dualwrite.metadata.schema import Column, ColumnType, Table
from dualwrite.metadata.values import Row, Value


@dataclass(frozen=True, slots=True)
class CompiledQuery:
    """``text`` with ``parameters``; each row carries one ``@sort<n>`` entry per sort key for :func:`position`."""

    text: str
    parameters: list[object]
    count_text: str
    count_parameters: list[object]
    sort_columns: int


def compile_query(layout: Layout, query: RowQuery) -> CompiledQuery:
    """Raises: QueryRefused, when an order names what is not there."""
    order = [*query.order, *(SortKey((name,)) for name in _tie_breaker(layout))]
    keys = [_sort_expression(layout, key) for key in order]
    where: list[str] = []
    parameters: list[object] = []
    if query.where is not None:
        text, values = compile_sql(query.where, column=lambda path: _column(layout, path))
        where.append(text)
        parameters += values
    count_where = " AND ".join(where) or "true"
    count_parameters = list(parameters)
    if query.after is not None:
        text, continued = _behind(keys, order, query.after)
        where.append(text)
        parameters += continued
    selected = _selected(layout, query)
    sorts = "".join(f', {key} AS "@sort{number}"' for number, key in enumerate(keys))
    direction = [
        f"{key} {'DESC NULLS LAST' if sort.descending else 'ASC NULLS FIRST'}"
        for key, sort in zip(keys, order, strict=True)
    ]
    text = (
        f"SELECT {selected}{sorts} FROM {layout.relation} t WHERE {' AND '.join(where) or 'true'} "
        f"ORDER BY {', '.join(direction)}"
    )
    if query.limit is not None:
        text += f" LIMIT {query.limit + 1}"
    if query.offset:
        text += f" OFFSET {query.offset}"
    count = f"SELECT count(*) AS total FROM {layout.relation} t WHERE {count_where}"
    return CompiledQuery(text, parameters, count, count_parameters, len(keys))


def position(row: Row, sort_columns: int) -> tuple[Value, ...]:
    """Where ``row`` stands in the order of its query."""
    return tuple(row[f"@sort{number}"] for number in range(sort_columns))


def _tie_breaker(layout: Layout) -> Sequence[str]:
    return (layout.id_column,)


def _selected(layout: Layout, query: RowQuery) -> str:
    if query.columns is None:
        return "t.*"
    names = dict.fromkeys((*query.columns, *layout.table.key, layout.id_column, layout.version_column))
    for name in query.columns:
        column = layout.table.find(name)
        if column is not None and column.is_polymorphic:
            names[f"{column.name}@table"] = None
    return ", ".join(f"t.{quoted(_canonical(layout, name))}" for name in names)


def _canonical(layout: Layout, name: str) -> str:
    if name in (layout.id_column, layout.version_column) or name.endswith("@table"):
        return name
    return layout.table.column(name).name


def _sort_expression(layout: Layout, key: SortKey) -> str:
    if key.path == (layout.id_column,):
        return f"t.{quoted(layout.id_column)}"
    column = layout.table.find(key.path[0])
    if column is None:
        raise QueryRefused(f"{layout.table.name} has no column {key.path[0]!r} to order by")
    text, is_text = _column(layout, ColumnPath(key.path))
    return f"lower({text})" if is_text else text


def _column(layout: Layout, path: ColumnPath) -> tuple[str, bool]:
    """The SQL of a column, through subqueries where the path leads over lookups, and whether it is text."""
    if path.parts == (layout.id_column,):
        return f"t.{quoted(layout.id_column)}", False
    return _reach(layout, layout.table, path.parts, alias="t", depth=0)


def _reach(layout: Layout, table: Table, parts: tuple[str, ...], *, alias: str, depth: int) -> tuple[str, bool]:
    column = table.column(parts[0])
    if len(parts) == 1:
        return f"{alias}.{quoted(column.name)}", _is_text(column)
    target = layout.target_of(table, parts[0], parts)
    inner = f"q{depth}"
    text, is_text = _reach(layout, target, parts[1:], alias=inner, depth=depth + 1)
    key = quoted(target.key[0])
    return (
        f"(SELECT {text} FROM {relation(target)} {inner} WHERE {inner}.{key} = {alias}.{quoted(column.name)})",
        is_text,
    )


def _is_text(column: Column) -> bool:
    return column.type.is_text or column.type is ColumnType.ENUM


def _behind(keys: Sequence[str], order: Sequence[SortKey], after: tuple[Value, ...]) -> tuple[str, list[object]]:
    """Rows that come after the position ``after``: lexicographic, nulls first ascending and last descending."""
    if len(after) != len(keys):
        raise QueryRefused("the continuation does not fit the order of the query")
    alternatives: list[str] = []
    parameters: list[object] = []
    for number, (key, sort, value) in enumerate(zip(keys, order, after, strict=True)):
        equal = "".join(f"{keys[n]} IS NOT DISTINCT FROM %s AND " for n in range(number))
        if value is None:
            step, own = ("false" if sort.descending else f"{key} IS NOT NULL"), []
        elif sort.descending:
            step, own = f"({key} < %s OR {key} IS NULL)", [value]
        else:
            step, own = f"{key} > %s", [value]
        alternatives.append(f"({equal}{step})")
        parameters += [*after[:number], *own]
    return f"({' OR '.join(alternatives)})", parameters
