"""Behind the closed gates: what has been written is held against the source's rows as they are now.

Decision record 17 tells why this is enough.
"""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from dualwrite.environments.bulk import COMPANY, ID, ROW, VERSION
from dualwrite.errors import Contention, RecordRefused
from dualwrite.maps.columnar.execute import transform_frame
from dualwrite.metadata.schema import Side
from dualwrite.sync.initial_sync.desk import Desk, read_again
from dualwrite.sync.initial_sync.partners import find_partners, key_is_unique
from dualwrite.sync.initial_sync.row_path import write_one_by_one
from dualwrite.sync.initial_sync.written import Written


async def close_gates(desk: Desk) -> None:
    """No live change is written to the two tables until this transaction ends, and all that were are through."""
    sides = {desk.job.route.source.side: desk.source, desk.job.route.target.side: desk.target}
    await sides[Side.FINOPS].close_gate(desk.job.plan.finops.name)
    await sides[Side.DATAVERSE].close_gate(desk.job.plan.dataverse.name)


async def recheck(desk: Desk, written: Written) -> bool:
    """The rows that were written are in the target as the source has them now; tells whether any had to be done again.

    To be called behind closed gates.
    """
    if not written.positions:
        return False
    done = desk.rows.select(ROW, ID, VERSION).filter(pl.col(ROW).is_in(written.positions))
    stale = await _changed(desk, done) | await _doubled(desk, written)
    if not stale:
        return False
    stale = written.with_referring(stale)
    await _take_back(desk, stale, written)
    await write_one_by_one(desk, await read_again(desk, done.filter(pl.col(ROW).is_in(list(stale)))), written)
    return True


async def _changed(desk: Desk, done: pl.DataFrame) -> set[int]:
    """The positions of the rows that have changed since they were read, or are gone."""
    now = await desk.source.versions(desk.job.route.source.name, done[ID])
    return set(done.join(now, on=[ID, VERSION], how="anti")[ROW].to_list())


async def _doubled(desk: Desk, written: Written) -> set[int]:
    """The positions of inserted rows whose key somebody else has brought, too, where the target itself allows that."""
    route = desk.job.route
    if key_is_unique(route) or not written.inserted:
        return set()
    own = desk.rows.filter(pl.col(ROW).is_in(list(written.inserted)))
    key = transform_frame(replace(route, columns=()), own).key
    partners = await find_partners(desk.target, route, pl.concat([own.select(ROW, COMPANY), key], how="horizontal"), ())
    return set(partners.unclear.to_list())


async def _take_back(desk: Desk, stale: set[int], written: Written) -> None:
    """The rows that were inserted for ``stale`` are gone."""
    ids = [written.inserted[position] for position in stale if position in written.inserted]
    written.forget(stale)
    if not ids:
        return
    dtype = pl.Int64 if desk.job.route.target.side is Side.FINOPS else pl.String
    try:
        await desk.target.delete_ids(desk.job.route.target.name, pl.Series(ID, ids, dtype=dtype))
    except RecordRefused as refusal:
        raise Contention("rows were changed that others of the same partition refer to") from refusal
