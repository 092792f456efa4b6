"""What a dead process has left prepared of a replay does not keep the next one from starting, which would settle it."""

from __future__ import annotations

import psycopg
from psycopg.conninfo import make_conninfo

from databases import Databases
from dualwrite.environments.hosted.definitions import create_bookkeeping


def test_the_bookkeeping_does_not_wait_for_what_is_prepared(linked_databases: Databases) -> None:
    with psycopg.connect(linked_databases.dataverse, autocommit=True) as left_behind:
        left_behind.execute("BEGIN")
        # As a replay does in its target, to see whether the other side has changed the record, too.
        left_behind.execute("UPDATE dualwrite.queued_record SET lost = true WHERE mark = 'nobody'")
        left_behind.execute("PREPARE TRANSACTION 'left behind'")
        try:
            create_bookkeeping(make_conninfo(linked_databases.dataverse, options="-c lock_timeout=500"))
        finally:
            left_behind.execute("ROLLBACK PREPARED 'left behind'")
