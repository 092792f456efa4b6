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
    """The keys of the records of a file read so far, as hashes: a few bytes a record."""

    def __init__(self) -> None:
        self._seen = pl.DataFrame(schema={_HASH: pl.UInt64, _FIRST: pl.Int64})

    def repeated(self, chunk: Chunk) -> dict[int, Objection]:
        """The records whose key an earlier one has, by line. From now on the keys of the chunk have been seen."""
        key = [pl.col(name) for name in chunk.table.key]
        folded = [
            each.str.to_lowercase() if chunk.rows[each.meta.output_name()].dtype == pl.String else each for each in key
        ]
        keys = chunk.rows.select(pl.struct(folded).hash(seed=1).alias(_HASH), pl.col(LINE))
        firsts = keys.group_by(_HASH).agg(pl.col(LINE).min().alias(_FIRST))
        before = self._seen.join(firsts.select(_HASH), on=_HASH, how="semi")
        known = pl.concat([before, firsts.join(before, on=_HASH, how="anti")])
        again = keys.join(known, on=_HASH, how="left").filter(pl.col(LINE) != pl.col(_FIRST))
        self._seen = pl.concat([self._seen, firsts.join(before, on=_HASH, how="anti")])
        return {line: objection_to_duplicate(first) for line, first in again.select(LINE, _FIRST).iter_rows()}
