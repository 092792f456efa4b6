"""New rows tried in the target, for a preview: what its own checks and rules refuse."""

from __future__ import annotations

from uuid import UUID

import polars as pl

from dualwrite.environments.bulk import ROW
from dualwrite.environments.port import Create
from dualwrite.errors import RecordRefused
from dualwrite.metadata.schema import ColumnType
from dualwrite.metadata.values import TARGET_SUFFIX, Value
from dualwrite.sync.initial_sync.desk import Desk
from dualwrite.sync.writing import said_by_partner

_IDS = frozenset({ColumnType.GUID, ColumnType.LOOKUP})


async def try_new_rows(desk: Desk, inserts: pl.DataFrame) -> None:
    """Rows that the target would refuse are refused at the desk; everything that was written for it is taken back.

    Only rows that the target doubts are written, without their lookups, whose rows may be still to come.
    """
    route = desk.job.route
    if inserts.is_empty() or not desk.target.takes_frames(route.target.name):
        return
    lookups = {each.target_column for each in route.columns if each.lookup is not None}
    names = [each for each in inserts.columns if each.removesuffix(TARGET_SUFFIX) not in lookups]
    doubtful = await desk.target.doubtful(route.target.name, inserts.select(names).drop(ROW))
    for held in inserts.select(names)[list(doubtful)].iter_rows(named=True):
        await desk.target.savepoint()
        try:
            await desk.target.execute([Create(route.target.name, _values(desk, held))])
        except RecordRefused as refusal:
            label = desk.endings.label(held[ROW])
            desk.endings.refuse(held[ROW], said_by_partner(route, refusal, label=label))
        await desk.target.undo()


def _values(desk: Desk, held: dict[str, Value]) -> dict[str, Value]:
    table = desk.job.route.target
    values: dict[str, Value] = {}
    for name, value in held.items():
        column = table.by_name.get(name)
        is_id = column is not None and column.type in _IDS
        if name != ROW:
            values[name] = UUID(value) if is_id and isinstance(value, str) else value
    return values
