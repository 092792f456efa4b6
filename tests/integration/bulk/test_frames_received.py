"""Frames are received beside the event loop; whoever is cancelled meanwhile leaves a connection that can be used."""

from __future__ import annotations

import asyncio

import psycopg
import pytest
from psycopg.rows import dict_row

from dualwrite.environments.hosted.bulk.transfer import Shown, read_frame
from dualwrite.metadata.schema import Column, ColumnType

NUMBER = Shown("n", "n", Column("n", ColumnType.BIGINT))


async def test_a_frame_whose_reader_is_cancelled_frees_the_connection(database: str) -> None:
    connection = await psycopg.AsyncConnection.connect(database, row_factory=dict_row, autocommit=True)
    endless = "SELECT n FROM generate_series(1, 100000) n WHERE n < 50000 OR pg_sleep(100) IS NULL"
    reading = asyncio.ensure_future(read_frame(connection, endless, [], [NUMBER]))
    async with await psycopg.AsyncConnection.connect(database, autocommit=True) as watching:
        query = "SELECT 1 FROM pg_stat_activity WHERE pid = %s AND wait_event = 'PgSleep'"
        while not await (await watching.execute(query, [connection.info.backend_pid])).fetchone():
            pass
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    frame = await read_frame(connection, "SELECT n FROM generate_series(1, 3) n", [], [NUMBER])
    assert frame["n"].to_list() == [1, 2, 3]
    await connection.close()


async def test_what_the_database_refuses_on_the_way_is_raised(database: str) -> None:
    connection = await psycopg.AsyncConnection.connect(database, row_factory=dict_row, autocommit=True)
    with pytest.raises(psycopg.errors.DivisionByZero):
        await read_frame(connection, "SELECT 1 / (3 - n) FROM generate_series(1, 5) n", [], [NUMBER])
    assert (await read_frame(connection, "SELECT 7", [], [NUMBER]))["n"].to_list() == [7]
    await connection.close()
