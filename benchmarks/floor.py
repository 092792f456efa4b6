"""The floor: the same two-database writes with nothing around them, by plain psycopg.

One row is updated in a table of the finance and operations database and one in a table of the Dataverse database, the
latter under ``PREPARE TRANSACTION``: what any atomic write to two PostgreSQL databases has to pay.
"""

from __future__ import annotations

from itertools import count

import psycopg

_TABLE = "CREATE TABLE IF NOT EXISTS bench_floor (id integer PRIMARY KEY, amount numeric)"
_numbers = count()


class Floor:
    """Two connections of its own; not shared between threads."""

    def __init__(self, source: str, target: str) -> None:
        self._source = psycopg.connect(source, autocommit=True)
        self._target = psycopg.connect(target, autocommit=True)
        for connection in (self._source, self._target):
            connection.execute(_TABLE)
            connection.execute(
                "INSERT INTO bench_floor SELECT n, 0 FROM generate_series(1, 100) n ON CONFLICT DO NOTHING"
            )

    def update(self, row: int, amount: int) -> None:
        """Both rows hold ``amount``, or neither."""
        name = f"floor-{next(_numbers)}"
        update = "UPDATE bench_floor SET amount = %s WHERE id = %s"
        self._source.execute("BEGIN")
        self._source.execute(update, (amount, row))
        self._target.execute("BEGIN")
        self._target.execute(update, (amount, row))
        self._target.execute(f"PREPARE TRANSACTION '{name}'")
        self._source.execute("COMMIT")
        self._target.execute(f"COMMIT PREPARED '{name}'")

    def close(self) -> None:
        self._source.close()
        self._target.close()
