"""Lookups of a whole frame: the rows behind natural keys, found by one search for each table and joined."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from dualwrite.environments.bulk import COMPANY, ID, ROW, CopyParticipant, FrameSearch
from dualwrite.filters.frame import folded_text
from dualwrite.maps.columnar.execute import FrameLookup
from dualwrite.maps.plan import LookupAlternative, Path

TABLE: Final = "@table"
OWN: Final = "@own"
SEVERAL: Final = "@several"
_KEY: Final = "@key"

_FOUND: Final = {ROW: pl.Int64(), ID: pl.String(), OWN: pl.Int64(), TABLE: pl.String(), SEVERAL: pl.Boolean()}


@dataclass(frozen=True, slots=True)
class NewRows:
    """Rows that are to be inserted into ``table``: found by others before they are there.

    ``frame`` has ``@row``, ``@company``, and a column for each of ``columns``, which tells their names by path; in the
    column ``id`` they have their ids already.
    """

    table: str
    frame: pl.DataFrame
    columns: Mapping[Path, str]
    id: str

    def keys(self, alternative: LookupAlternative) -> pl.DataFrame | None:
        """``@own`` (the position) and ``@id`` with the values of the alternative's conditions; None where they are not
        known.
        """
        names = [self.columns.get(each.target_path) for each in alternative.conditions]
        if alternative.table != self.table or None in names:
            return None
        values = [pl.col(name).alias(str(number)) for number, name in enumerate(names) if name is not None]
        return self.frame.select(pl.col(ROW).alias(OWN), pl.col(self.id).alias(ID), COMPANY, *values)


@dataclass(frozen=True, slots=True)
class Reference:
    """How a lookup ends for the rows of a frame in which it is not empty.

    ``found`` has ``@row``, ``@id``, ``@table``, ``@several`` (true where the key does not tell one row), and ``@own``:
    the position of a row that is still to be inserted. ``missing`` has the ``@row`` of the others.
    """

    found: pl.DataFrame
    missing: pl.Series


async def find_reference(
    session: CopyParticipant, lookup: FrameLookup, rows: pl.DataFrame, new_rows: Sequence[NewRows]
) -> Reference:
    """The alternatives are tried in order, in the target first and then among ``new_rows``.

    ``rows`` has ``@row`` and ``@company``, and is as high as the frames of ``lookup``.
    """
    left = rows.filter(lookup.pending)
    found: list[pl.DataFrame] = []
    for alternative, values in zip(lookup.plan.alternatives, lookup.alternatives, strict=True):
        if left.is_empty():
            break
        wanted = _folded(pl.concat([rows, values], how="horizontal").join(left.select(ROW), on=ROW, how="semi"))
        wanted = wanted if alternative.company_specific else wanted.with_columns(pl.lit(None, pl.String).alias(COMPANY))
        hits = await _search(session, alternative, wanted)
        for each in new_rows:
            keys = each.keys(alternative)
            if keys is not None:
                hits = pl.concat([hits, _among(keys, wanted.join(hits, on=ROW, how="anti"), alternative)])
        found.append(hits.with_columns(pl.lit(alternative.table).alias(TABLE)))
        left = left.join(hits, on=ROW, how="anti")
    together = pl.concat(found) if found else pl.DataFrame(schema=_FOUND)
    return Reference(together, left[ROW])


async def _search(session: CopyParticipant, alternative: LookupAlternative, wanted: pl.DataFrame) -> pl.DataFrame:
    names = [str(number) for number in range(len(alternative.conditions))]
    distinct = wanted.select(COMPANY, *names).drop_nulls(names).unique(maintain_order=True)
    if distinct.is_empty():
        return pl.DataFrame(schema=_FOUND).drop(TABLE)
    paths = tuple(each.target_path for each in alternative.conditions)
    keys = distinct.select(*([COMPANY] if distinct[COMPANY].null_count() == 0 else []), *names)
    hits = await session.find_frame(FrameSearch(alternative.table, paths, keys, hold=True))
    ids = hits.group_by(ROW).agg(pl.col(ID).first(), (pl.len() > 1).alias(SEVERAL))
    known = distinct.with_row_index(_KEY).cast({_KEY: pl.Int64}).join(ids, left_on=_KEY, right_on=ROW)
    joined = wanted.join(known, on=[COMPANY, *names], nulls_equal=True)
    return joined.select(ROW, ID, pl.lit(None, pl.Int64).alias(OWN), SEVERAL)


def _among(own: pl.DataFrame, wanted: pl.DataFrame, alternative: LookupAlternative) -> pl.DataFrame:
    """The rows of ``wanted`` that ask for one of ``own``."""
    names = [str(number) for number in range(len(alternative.conditions))]
    company = pl.col(COMPANY) if alternative.company_specific else pl.lit(None, pl.String).alias(COMPANY)
    keys = _folded(own.with_columns(company)).drop_nulls(names)
    known = keys.group_by(COMPANY, *names).agg(pl.col(ID).first(), pl.col(OWN).first(), (pl.len() > 1).alias(SEVERAL))
    joined = wanted.join(known, on=[COMPANY, *names], nulls_equal=True)
    return joined.select(ROW, ID, OWN, SEVERAL)


def _folded(frame: pl.DataFrame) -> pl.DataFrame:
    """Texts in the columns ``0``, ``1`` … as keys compare them: without regard to case."""
    return frame.with_columns(folded_text(pl.col(name)) for name in text_keys(frame))


def text_keys(frame: pl.DataFrame) -> Sequence[str]:
    """The columns of a key (``0``, ``1`` …) that are texts."""
    return [name for name, dtype in frame.schema.items() if name.isdecimal() and dtype == pl.String]
