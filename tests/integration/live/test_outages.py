"""Databases that went away for a moment while nobody was looking."""

from __future__ import annotations

import psycopg

from databases import Databases
from linked_pair import CALLER, LinkedPair
from words import customer


async def test_connections_that_died_while_idle_are_nobodys_business(
    linked: LinkedPair, linked_databases: Databases
) -> None:
    await linked.finops.transact([customer("O1")], caller=CALLER)
    for database in (linked_databases.finops, linked_databases.dataverse):
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
    await linked.finops.transact([customer("O2")], caller=CALLER)
    assert (await linked.account("O2"))["name"] == "Customer O2"
