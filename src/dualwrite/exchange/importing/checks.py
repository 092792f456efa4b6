"""What is wrong with records before the environment sees them: unknown legal entities, and keys that come twice."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import polars as pl

from dualwrite.errors import ReferenceNotFound
from dualwrite.exchange.files.piece import LINE
from dualwrite.exchange.importing.chunk import Chunk
from dualwrite.exchange.refusals import Objection, objection_to_duplicate
from dualwrite.metadata.schema import Side

_HASH: Final = "@hash"
_FIRST: Final = "@first"


def unknown_companies(chunk: Chunk, known: Collection[str]) -> dict[int, Objection]:
    """The records of legal entities that the environment does not have, by line."""
    table = chunk.table
    if table.side is not Side.FINOPS or table.company_column is None:
        return {}
    strange = chunk.rows.filter(~pl.col(table.company_column).is_in(list(known)))
    said = {
        company: _unknown(table.company_column, company, known) for company in strange[table.company_column].unique()
    }
    return {line: said[company] for line, company in strange.select(LINE, table.company_column).iter_rows()}


def _unknown(column: str, company: str, known: Collection[str]) -> Objection:
    reason = f"legal entity {company!r} is not in the environment"
    there = ", ".join(sorted(known)) or "none"
    return Objection(
        column, ReferenceNotFound.code, f"{reason} (known: {there}). Create it or leave its records out.", reason
    )


class KeysSeen:
    """The keys of the records of a file read so far, as hashes: sixteen bytes a record.

    They are kept in sorted runs, each more than twice as long as the next, so that looking one up stays quick.
    """

    def __init__(self) -> None:
        self._runs: list[pl.DataFrame] = []

    def repeated(self, chunk: Chunk) -> dict[int, Objection]:
        """The records whose key an earlier one has, by line. From now on the keys of the chunk have been seen."""
        keys = _hashed_keys(chunk)
        firsts = keys.group_by(_HASH).agg(pl.col(LINE).min().alias(_FIRST)).sort(_HASH)
        seen = self._seen(firsts[_HASH])
        known = firsts.with_columns(pl.coalesce(seen.alias(_FIRST), pl.col(_FIRST)))
        again = keys.join(known, on=_HASH, how="left").filter(pl.col(LINE) != pl.col(_FIRST))
        self._add(firsts.filter(seen.is_null()))
        return {line: objection_to_duplicate(first) for line, first in again.select(LINE, _FIRST).iter_rows()}

    def _seen(self, hashes: pl.Series) -> pl.Series:
        """The line that each of ``hashes`` was first on, null for new ones."""
        lines = pl.repeat(None, hashes.len(), dtype=pl.Int64, eager=True)
        for run in self._runs:
            at = run[_HASH].search_sorted(hashes).clip(upper_bound=run.height - 1)
            lines = run[_FIRST].gather(at).zip_with(run[_HASH].gather(at) == hashes, lines)
        return lines

    def _add(self, run: pl.DataFrame) -> None:
        while self._runs and self._runs[-1].height <= 2 * run.height:
            run = pl.concat([self._runs.pop(), run]).sort(_HASH)
        if run.height:
            self._runs.append(run)


def _hashed_keys(chunk: Chunk) -> pl.DataFrame:
    """The line and the key's hash of each record; texts without regard to case."""
    texts = [name for name in chunk.table.key if chunk.rows.schema[name] == pl.String]
    key = [pl.col(name).str.to_lowercase() if name in texts else pl.col(name) for name in chunk.table.key]
    return chunk.rows.select(pl.struct(key).hash(seed=1).alias(_HASH), pl.col(LINE))
