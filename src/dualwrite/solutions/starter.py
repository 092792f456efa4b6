"""What a connection starts with: the solutions of the catalog that every linked pair of environments has."""

from __future__ import annotations

from dualwrite.catalog.maps import STARTER, Solution, load_starter
from dualwrite.solutions.application import EnsureTables, apply_solution
from dualwrite.store.database import Store
from dualwrite.store.solutions import SolutionState


async def missing_starters(store: Store, connection: str) -> tuple[Solution, ...]:
    """The starter solutions that are still to be applied, in order; none where the connection has its maps otherwise.

    An application that was interrupted is seen by those of them that are there.
    """
    records = await store.solutions.list(connection)
    applied = {each.unique_name for each in records if each.state is SolutionState.APPLIED}
    if applied.isdisjoint(STARTER) and await store.maps.list(connection):
        return ()
    return tuple(each for each in load_starter() if each.name not in applied)


async def apply_starters(
    store: Store, connection: str, *, who: str, ensure_tables: EnsureTables | None = None
) -> tuple[Solution, ...]:
    """The connection has its starter solutions; returns those that it did not have. Idempotency: by solution."""
    missing = await missing_starters(store, connection)
    for solution in missing:
        await apply_solution(store, connection, solution, who=who, ensure_tables=ensure_tables)
    return missing
