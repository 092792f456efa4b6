"""The rows that are sure to stay until the transaction ends, because it holds them or has written them."""

from __future__ import annotations

import polars as pl

from dualwrite.environments.hosted.bulk.reading import id_cast, record_id
from dualwrite.environments.hosted.bulk.transfer import array_text, read_frame, selection
from dualwrite.environments.hosted.failures import translated
from dualwrite.environments.hosted.finding import DictConnection
from dualwrite.environments.hosted.layout import Layouts


class Holdings:
    """What one transaction holds, by table."""

    def __init__(self, connection: DictConnection, layouts: Layouts) -> None:
        self._connection = connection
        self._layouts = layouts
        self._held: dict[str, pl.Series] = {}

    def add(self, table: str, ids: pl.Series) -> None:
        """The transaction holds the rows with these ids, or has just written them."""
        known = self._held.get(table)
        distinct = ids.drop_nulls()
        self._held[table] = (distinct if known is None else known.append(distinct)).unique()

    def forget(self) -> None:
        """Nothing is known any more: a part of the transaction has been undone."""
        self._held.clear()

    async def hold(self, table: str, ids: pl.Series) -> pl.Series:
        """For each of ``ids`` whether its row is there, and then it stays; true for null."""
        layout = self._layouts.of(table)
        name = layout.table.name
        wanted = ids.drop_nulls().unique()
        unknown = wanted.filter(~self._known(name, wanted))
        if unknown.len():
            shown = [record_id(layout)]
            key = shown[0].sql
            query = (
                f"SELECT {selection(shown)} FROM {layout.relation} t WHERE {key} = ANY(%s::{id_cast(layout)}[]) "
                f"ORDER BY {key} FOR KEY SHARE OF t"
            )
            with translated(self._layouts):
                found = await read_frame(self._connection, query, [array_text(unknown)], shown)
            self.add(name, found.to_series())
        return self._known(name, ids) | ids.is_null()

    def _known(self, table: str, ids: pl.Series) -> pl.Series:
        held = self._held.get(table)
        if held is None:
            return pl.repeat(False, ids.len(), dtype=pl.Boolean, eager=True)
        return ids.is_in(held.implode())
