"""Rows of a frame that refer to each other: one that is not written takes those along that refer to it."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from dualwrite.metadata.schema import Table


class OwnReferences:
    """The lookups among ``columns`` that may lead to rows of the same frame of new rows."""

    def __init__(self, table: Table, columns: Sequence[str]) -> None:
        self._key = table.key[0]
        self._lookups = [
            column.name for column in table.lookups if table.name in column.targets and column.name in columns
        ]

    def inside(self, rows: pl.DataFrame, lookup: str, values: pl.Series) -> pl.Series:
        """Which of ``values`` of ``lookup`` are ids of ``rows``."""
        if lookup not in self._lookups:
            return pl.repeat(False, values.len(), dtype=pl.Boolean, eager=True)
        return values.is_in(rows[self._key].implode()).fill_null(False)

    def torn(self, rows: pl.DataFrame, gone: pl.Series) -> pl.Series:
        """The rows that are ``gone`` and those that refer to one of them, be it through others."""
        while gone.any():
            ids = rows[self._key].filter(gone).implode()
            wider = gone
            for lookup in self._lookups:
                wider = wider | rows[lookup].is_in(ids).fill_null(False)
            if wider.sum() == gone.sum():
                break
            gone = wider
        return gone

    def referring(self, rows: pl.DataFrame) -> pl.Series:
        """The rows that refer to another one of ``rows``."""
        found = pl.repeat(False, rows.height, dtype=pl.Boolean, eager=True)
        for lookup in self._lookups:
            to_itself = (rows[lookup] == rows[self._key]).fill_null(False)
            found = found | (self.inside(rows, lookup, rows[lookup]) & ~to_itself)
        return found
