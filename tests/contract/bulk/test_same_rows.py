"""Rows written as a frame and rows written one by one leave the same table behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import polars as pl
from every_kind import DATAVERSE_TABLE, FINOPS_TABLE, STAMPS, frame_of, row_lists
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dualwrite.environments.bulk import ID, CopyParticipant
from dualwrite.environments.hosted.environment import HostedEnvironment
from dualwrite.environments.port import Create, RecordKey, Update
from dualwrite.errors import RecordRefused
from dualwrite.metadata.schema import Side, Table
from dualwrite.metadata.values import TARGET_SUFFIX, Value

EXAMPLES = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


async def rows_of(participant: CopyParticipant, table: Table) -> list[dict[str, Any]]:
    """All rows of the table, as the transaction sees them."""
    connection = participant.connection  # type: ignore[attr-defined]
    cursor = await connection.execute(f'SELECT * FROM data."{table.name}"')
    return sorted(await cursor.fetchall(), key=repr)


def without_stamps(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return sorted(({name: value for name, value in row.items() if name not in STAMPS} for row in rows), key=repr)


async def create(participant: CopyParticipant, table: Table, row: Mapping[str, Value]) -> bool:
    given = {name: value for name, value in row.items() if value is not None or not name.endswith(TARGET_SUFFIX)}
    await participant.savepoint()
    try:
        await participant.execute([Create(table.name, given)])
    except RecordRefused:
        await participant.undo()
        return False
    return True


# --- new rows -------------------------------------------------------------------------------------------------------


async def created_by_rows(
    environment: HostedEnvironment, table: Table, rows: Sequence[Mapping[str, Value]]
) -> tuple[list[dict[str, Any]], set[int]]:
    async with environment.copying() as participant:
        await participant.begin()
        refused = {number for number, row in enumerate(rows) if not await create(participant, table, row)}
        return without_stamps(await rows_of(participant, table)), refused


async def created_by_frame(
    environment: HostedEnvironment, table: Table, rows: Sequence[Mapping[str, Value]]
) -> tuple[list[dict[str, Any]], set[int]]:
    async with environment.copying() as participant:
        await participant.begin()
        assert participant.takes_frames(table.name)
        inserted = await participant.insert_frame(table.name, frame_of(table, rows))
        assert [number for number, each in enumerate(inserted.ids) if each is None] == list(inserted.left)
        refused = {number for number in inserted.left if not await create(participant, table, rows[number])}
        return without_stamps(await rows_of(participant, table)), refused


@EXAMPLES
@given(rows=row_lists(FINOPS_TABLE))
async def test_new_finops_rows(finops: HostedEnvironment, rows: list[dict[str, Value]]) -> None:
    by_rows = await created_by_rows(finops, FINOPS_TABLE, rows)
    assert await created_by_frame(finops, FINOPS_TABLE, rows) == by_rows


@EXAMPLES
@given(rows=row_lists(DATAVERSE_TABLE))
async def test_new_dataverse_rows(dataverse: HostedEnvironment, rows: list[dict[str, Value]]) -> None:
    by_rows = await created_by_rows(dataverse, DATAVERSE_TABLE, rows)
    assert await created_by_frame(dataverse, DATAVERSE_TABLE, rows) == by_rows


# --- changed rows ---------------------------------------------------------------------------------------------------


@st.composite
def changes(draw: st.DrawFn, table: Table) -> tuple[list[dict[str, Value]], list[tuple[int, dict[str, Value]]]]:
    """Rows that are there, and what some of them are to become."""
    there = draw(row_lists(table, least=1, most=5))
    wanted = draw(row_lists(table, least=1, most=5))
    keys = ("dataAreaId", "code", "new_code", "new_company")
    chosen = draw(st.permutations(range(len(there))))
    found = []
    for number, row in zip(chosen, wanted, strict=False):
        # Most of the time the key is the one that the row has.
        key = {name: there[number][name] for name in keys if name in row}
        found.append((number, row if draw(st.integers(0, 4)) == 0 else {**row, **key}))
    return there, found


async def changed_by_rows(
    environment: HostedEnvironment,
    table: Table,
    there: Sequence[Mapping[str, Value]],
    wanted: Sequence[tuple[int, Mapping[str, Value]]],
) -> tuple[list[dict[str, Any]], set[int], list[bool]]:
    async with environment.copying() as participant:
        await participant.begin()
        ids = (await participant.insert_frame(table.name, frame_of(table, there))).ids
        before = await versions(participant, table, ids)
        refused = {number for number, row in wanted if not await update(participant, table, ids[number], row)}
        after = await versions(participant, table, ids)
        moved = [before.get(each) != after.get(each) for each in ids]
        return without_stamps(await rows_of(participant, table)), refused, moved


async def changed_by_frame(
    environment: HostedEnvironment,
    table: Table,
    there: Sequence[Mapping[str, Value]],
    wanted: Sequence[tuple[int, Mapping[str, Value]]],
) -> tuple[list[dict[str, Any]], set[int], list[bool]]:
    async with environment.copying() as participant:
        await participant.begin()
        ids = (await participant.insert_frame(table.name, frame_of(table, there))).ids
        before = await versions(participant, table, ids)
        asked = [(number, row) for number, row in wanted if ids[number] is not None]
        frame = frame_of(table, [row for _, row in asked])
        addresses = pl.Series(ID, [ids[number] for number, _ in asked], dtype=ids.dtype)
        left = await participant.update_frame(table.name, frame.with_columns(addresses))
        refused = {number for number, _ in wanted if ids[number] is None}
        for position in left:
            number, row = asked[position]
            if not await update(participant, table, ids[number], row):
                refused.add(number)
        after = await versions(participant, table, ids)
        moved = [before.get(each) != after.get(each) for each in ids]
        return without_stamps(await rows_of(participant, table)), refused, moved


async def update(participant: CopyParticipant, table: Table, row_id: Value, values: Mapping[str, Value]) -> bool:
    if row_id is None:
        return False
    given = {name: value for name, value in values.items() if value is not None or not name.endswith(TARGET_SUFFIX)}
    await participant.savepoint()
    try:
        await participant.execute([Update(table.name, await key_of(participant, table, row_id), given)])
    except RecordRefused:
        await participant.undo()
        return False
    return True


async def key_of(participant: CopyParticipant, table: Table, row_id: Value) -> RecordKey:
    """What callers know the row by."""
    if table.side is Side.DATAVERSE:
        return RecordKey(((table.key[0], UUID(str(row_id))),))
    row = next(row for row in await rows_of(participant, table) if row["RecId"] == row_id)
    return RecordKey(tuple((name, row[name]) for name in table.key))


async def versions(participant: CopyParticipant, table: Table, ids: pl.Series) -> dict[Value, int]:
    return dict((await participant.versions(table.name, ids.drop_nulls())).iter_rows())


@EXAMPLES
@given(change=changes(FINOPS_TABLE))
async def test_changed_finops_rows(
    finops: HostedEnvironment, change: tuple[list[dict[str, Value]], list[tuple[int, dict[str, Value]]]]
) -> None:
    by_rows = await changed_by_rows(finops, FINOPS_TABLE, *change)
    assert await changed_by_frame(finops, FINOPS_TABLE, *change) == by_rows


@EXAMPLES
@given(change=changes(DATAVERSE_TABLE))
async def test_changed_dataverse_rows(
    dataverse: HostedEnvironment, change: tuple[list[dict[str, Value]], list[tuple[int, dict[str, Value]]]]
) -> None:
    by_rows = await changed_by_rows(dataverse, DATAVERSE_TABLE, *change)
    assert await changed_by_frame(dataverse, DATAVERSE_TABLE, *change) == by_rows
