"""Taking turns at a record that transactions from both sides meet at.

Two transactions that edit the two halves of one record at the same moment hold what the other waits for. One gives way
and starts over. Were all of them to start over at once they would meet again, and with many users at one record none
would ever get through: so whoever has given way waits for its turn *before* it locks anything. Turns are first come,
first served, from either side; only transactions that meet the record for the first time are outside, and those give
way quickly.

Turns are kept per process. Users of several processes still get through, by waits of random length.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager


class Turns:
    """Who is at which record; records are named by any text that both sides spell alike."""

    def __init__(self) -> None:
        self._locks: dict[str, asyncio.Lock] = {}
        self._users: dict[str, int] = {}

    @asynccontextmanager
    async def at(self, records: Iterable[str]) -> AsyncIterator[None]:
        """Inside, nobody else is at any of ``records``. Ordering: first come, first served."""
        async with AsyncExitStack() as stack:
            for record in sorted(set(records)):
                await stack.enter_async_context(self._at(record))
            yield

    @asynccontextmanager
    async def _at(self, record: str) -> AsyncIterator[None]:
        lock = self._locks.setdefault(record, asyncio.Lock())
        self._users[record] = self._users.get(record, 0) + 1
        try:
            async with lock:
                yield
        finally:
            self._users[record] -= 1
            if not self._users[record]:
                del self._users[record], self._locks[record]
