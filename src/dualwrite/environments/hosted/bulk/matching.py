"""Rows found by natural key, for whole frames of keys at once.

The keys go as arrays. Where an index can find the rows, each key asks it, whatever the statistics of the tables say;
elsewhere the table is read once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from dualwrite.environments.bulk import COMPANY, ID, ROW, FrameSearch, Path
from dualwrite.environments.hosted.bulk.reading import digest, record_id, version
from dualwrite.environments.hosted.bulk.transfer import Shown, array_text, selection
from dualwrite.environments.hosted.ddl import has_foreign_key, quoted, relation
from dualwrite.environments.hosted.layout import Layout, cast_of, equals
from dualwrite.metadata.schema import Column, ColumnType, Side, Table
from dualwrite.metadata.values import TARGET_SUFFIX

BY_INDEX = ("enable_seqscan", "enable_hashjoin", "enable_mergejoin")
"""What the planner is to do without where every key asks an index."""
BY_HASH = ("enable_nestloop", "enable_mergejoin")


@dataclass(frozen=True, slots=True)
class MatchQuery:
    """``positions`` are the rows of the frame that were asked for, in the order of the arrays."""

    text: str
    parameters: Sequence[object]
    shown: Sequence[Shown]
    without: tuple[str, ...]
    positions: pl.Series


def compile_match(layout: Layout, search: FrameSearch, company_ids: Mapping[str, str]) -> MatchQuery:
    """``company_ids`` has the ids of the companies of the keys in Dataverse, by their codes as the keys spell them."""
    with_company = layout.table.is_company_specific and COMPANY in search.keys.columns
    tables = _Tables(layout, search.paths, with_company=with_company)
    keys = search.keys.with_row_index(ROW)
    if with_company and layout.table.side is Side.DATAVERSE:
        keys = keys.with_columns(pl.col(COMPANY).replace_strict(company_ids, default=None, return_dtype=pl.String))
    given = [*map(str, range(len(search.paths))), *([COMPANY] if with_company else [])]
    keys = keys.drop_nulls(given)
    casts = [*(cast_of(end) for end in tables.ends), *([tables.company_cast] if with_company else [])]
    arrays = ", ".join(f"%s::{cast}[]" for cast in casts)
    names = ", ".join([*(f"k{number}" for number in range(len(search.paths))), *(["c"] if with_company else [])])
    shown = [Shown(ROW, "k.n - 1", Column(ROW, ColumnType.BIGINT)), *_found(layout, search.columns)]
    inner = shown[1:]
    if search.digest:
        known = {each.name for each in inner}
        inner = [*inner, *_found(layout, [name for name in search.digest if name not in known])[2:]]
        shown = [*shown, digest(layout, search.digest)]
    source = f"unnest({arrays}) WITH ORDINALITY AS k({names}, n)"
    if tables.is_indexed():
        found = tables.found(inner, hold=search.hold)
        text = f"SELECT {selection(shown)} FROM {source} CROSS JOIN LATERAL ({found}) t"
    else:
        text = f"SELECT {selection(shown)} FROM {source} {tables.joined(hold=search.hold)}"
    without = BY_INDEX if tables.is_indexed() else BY_HASH
    return MatchQuery(text, [array_text(keys[name]) for name in given], shown, without, keys[ROW])


def _found(layout: Layout, columns: Sequence[str]) -> list[Shown]:
    shown = [record_id(layout), version(layout)]
    for name in columns:
        if name == ID:
            continue
        if name.endswith(TARGET_SUFFIX):
            shown.append(Shown(name, f"t.{quoted(name)}", Column(name, ColumnType.STRING)))
            continue
        column = layout.table.column(name)
        shown.append(Shown(name, f"t.{quoted(column.name)}", column))
    return shown


class _Tables:
    """The table that is searched, alias ``t``, and the ones its paths lead through."""

    def __init__(self, layout: Layout, paths: Sequence[Path], *, with_company: bool) -> None:
        self._layout = layout
        self._paths = paths
        table = layout.table
        self._with_company = with_company
        self.company_cast = "text" if table.side is Side.FINOPS else "uuid"
        self.ends: list[Column] = []
        self._joins: list[str] = []
        self._conditions: list[str] = []
        self._behind: list[tuple[Column, Table, str]] = []
        """Lookups whose rows are known by one of their columns."""
        for number, path in enumerate(paths):
            self._add(path, f"k.k{number}")
        if with_company and table.company_column is not None:
            self._conditions.append(self._of_company(table, "t"))

    def _add(self, path: Path, key: str) -> None:
        table, alias = self._layout.table, "t"
        for number, part in enumerate(path[:-1]):
            column = table.column(part)
            table = self._layout.target_of(table, part, path[number:])
            joined = f"p{len(self._joins)}"
            on = f"{joined}.{quoted(table.key[0])} = {alias}.{quoted(column.name)}"
            if self._with_company and table.company_column is not None:
                on += f" AND {self._of_company(table, joined)}"
            self._joins.append(f"JOIN {relation(table)} {joined} ON {on}")
            alias = joined
        end = table.column(path[-1])
        self.ends.append(end)
        self._conditions.append(equals(end, f"{alias}.{quoted(end.name)}", key))
        if len(path) == 2:
            self._behind.append((self._layout.table.column(path[0]), table, end.name))

    def _of_company(self, table: Table, alias: str) -> str:
        assert table.company_column is not None
        own = f"{alias}.{quoted(table.company_column)}"
        return f"lower({own}) = lower(k.c)" if table.side is Side.FINOPS else f"{own} = k.c"

    def is_indexed(self) -> bool:
        """Whether an index leads from the keys to the rows."""
        table = self._layout.table
        own = frozenset(table.column(path[0]).name for path in self._paths if len(path) == 1)
        if _has_index(table, own, self._with_company):
            return True
        return any(
            has_foreign_key(lookup) and _has_index(reached, frozenset({name}), self._with_company)
            for lookup, reached, name in self._behind
        )

    def found(self, shown: Sequence[Shown], *, hold: bool) -> str:
        """The rows of one key. Neither ending lets the planner turn the loop inside out."""
        return (
            f"SELECT {', '.join(each.sql for each in shown)} FROM {self._layout.relation} t {' '.join(self._joins)} "
            f"WHERE {' AND '.join(self._conditions)} {'FOR KEY SHARE OF t' if hold else 'OFFSET 0'}"
        )

    def joined(self, *, hold: bool) -> str:
        text = f"CROSS JOIN {self._layout.relation} t {' '.join(self._joins)} WHERE {' AND '.join(self._conditions)}"
        return f"{text} FOR KEY SHARE OF t" if hold else text


def _has_index(table: Table, columns: frozenset[str], with_company: bool) -> bool:
    known = columns | ({table.company_column} if with_company and table.company_column is not None else frozenset())
    keys = [key for key in (table.key, *table.alternate_keys) if set(key) <= known]
    return bool(keys) or any(has_foreign_key(table.column(name)) for name in columns)
