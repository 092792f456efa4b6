"""The rows that the target has already: found by key, and compared with what the source's rows become."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from dualwrite.environments.bulk import COMPANY, DIGEST, ID, ROW, CopyParticipant, FrameSearch
from dualwrite.filters.frame import folded_text
from dualwrite.maps.columnar.frames import in_frame
from dualwrite.maps.plan import DirectionPlan
from dualwrite.metadata.empty import empty_value
from dualwrite.metadata.schema import Side, Table
from dualwrite.sync.initial_sync.references import text_keys

HELD: Final = "held:"
"""In front of the names of columns that tell what the target's row holds."""


@dataclass(frozen=True, slots=True)
class Partners:
    """``present`` has ``@row``, ``@id`` (the target's) and what the partner holds, under ``held:``.

    ``unclear`` are the positions of rows whose key is not theirs alone, in the partition or in the target.
    """

    present: pl.DataFrame
    unclear: pl.Series


async def find_partners(
    session: CopyParticipant,
    route: DirectionPlan,
    keys: pl.DataFrame,
    columns: Sequence[str],
    *,
    digest: tuple[str, ...] = (),
) -> Partners:
    """``keys`` has ``@row``, ``@company`` (the target's words) and the key's parts ``0``, ``1`` … ."""
    parts = [str(number) for number in range(len(route.key))]
    folded = keys.select(ROW, COMPANY, *parts).with_columns(folded_text(pl.col(name)) for name in text_keys(keys))
    twice = folded.filter(pl.struct(COMPANY, *parts).is_duplicated())[ROW]
    asked = folded.drop_nulls(parts)
    company = [COMPANY] if route.target.is_company_specific and asked[COMPANY].null_count() == 0 else []
    search = FrameSearch(
        route.target.name,
        tuple(part.target_path for part in route.key),
        asked.select(*company, *parts),
        columns=tuple(columns),
        digest=digest,
    )
    found = await session.find_frame(search)
    positions = asked[ROW].gather(found[ROW])
    held = {name: HELD + name for name in found.columns if name == DIGEST or not name.startswith("@")}
    present = found.with_columns(positions.alias(ROW)).rename(held).select(ROW, ID, *held.values())
    several = present.filter(pl.col(ROW).is_duplicated())[ROW].unique()
    unclear = pl.concat([twice, several]).unique().sort()
    if unclear.len():
        present = present.filter(~pl.col(ROW).is_in(unclear.implode()))
    return Partners(present, unclear)


def key_is_unique(route: DirectionPlan) -> bool:
    """Whether the target itself sees to it that no two rows have the key."""
    given = {part.target_path[0] for part in route.key}
    if any(len(part.target_path) > 1 for part in route.key):
        return False
    if route.target.company_column is not None:
        given.add(route.target.company_column)
    return any(given.issuperset(key) for key in (route.target.key, *route.target.alternate_keys))


def as_stored(frame: pl.DataFrame, table: Table) -> pl.DataFrame:
    """The values as ``table`` holds them: finance and operations has no nulls, Dataverse no empty texts."""
    columns = {name: column for name in frame.columns if (column := table.by_name.get(name)) is not None}
    if table.side is Side.FINOPS:
        return frame.with_columns(
            pl.col(name).fill_null(pl.lit(in_frame(empty_value(column)), dtype=frame.schema[name]))
            for name, column in columns.items()
        )
    texts = [name for name, column in columns.items() if column.type.is_text]
    return frame.with_columns(pl.when(pl.col(name) != "").then(pl.col(name)).alias(name) for name in texts)
