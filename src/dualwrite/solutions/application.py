"""Applying a solution: its maps become known to a connection, none of them running."""

from __future__ import annotations

from dualwrite.catalog.maps import Solution
from dualwrite.maps.text import render_map
from dualwrite.store.database import Store
from dualwrite.store.solutions import SolutionMember


async def apply_solution(store: Store, connection: str, solution: Solution, *, who: str) -> None:
    """The connection knows the solution's map versions, in the solution's order. Idempotency: by map and version.

    Of a map that the connection did not know the highest version is active.

    Raises: NotAllowed, when a version exists with other content.
    """
    async with store.transaction() as repositories:
        for version in (*solution.active, *solution.maps):
            await repositories.maps.save_version(
                connection,
                version.name,
                version=str(version.version),
                publisher=version.publisher,
                document=render_map(version),
                created_by=who,
                managed=True,
                solution=solution.name,
            )
        await repositories.solutions.save(
            connection,
            solution.name,
            display_name=solution.display_name,
            version=str(solution.version),
            publisher=solution.publisher,
            description=solution.description,
            managed=True,
            members=(
                SolutionMember(version.name, str(version.version), position)
                for position, version in enumerate(solution.maps, start=1)
            ),
        )
        await repositories.solutions.mark_applied(connection, solution.name)
        await repositories.activity.record(
            "apply solution", who=who, result="completed", details={"solution": solution.name}
        )
