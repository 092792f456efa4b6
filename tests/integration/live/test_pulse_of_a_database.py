"""The pulse of a real database: felt, refused, and felt again over another connection."""

from __future__ import annotations

import psycopg
import pytest

from dualwrite.environments.hosted.heart import Heart
from dualwrite.environments.port import EnvironmentName
from dualwrite.errors import EnvironmentUnavailable

HANG_UP = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
)


async def test_a_connection_that_was_cut_is_no_absence(database: str) -> None:
    heart = Heart(EnvironmentName("dataverse"), database)
    await heart.beat()
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(HANG_UP)
    await heart.beat()
    await heart.close()


async def test_a_refusal_is_told_in_the_databases_words_without_saying_where_it_lives(
    database: str, postgres_url: str
) -> None:
    name = psycopg.conninfo.conninfo_to_dict(database)["dbname"]
    heart = Heart(EnvironmentName("dataverse"), database)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        with pytest.raises(EnvironmentUnavailable) as told:
            await heart.beat()
        assert told.value.message == f'database "{name}" is not currently accepting connections'
        connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
    await heart.beat()
    await heart.close()


async def test_a_server_that_is_not_there_is_told_in_one_line(tmp_path: object) -> None:
    heart = Heart(EnvironmentName("dataverse"), f"host={tmp_path} dbname=x user=x")
    with pytest.raises(EnvironmentUnavailable) as told:
        await heart.beat()
    assert told.value.message == "No such file or directory"
