"""Maps move from state to state, as part of the caller's transaction; the router is to be renewed afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dualwrite.errors import NotFound
from dualwrite.lifecycle.catch_up.states import CatchUpAction, next_state
from dualwrite.lifecycle.transitions import Action, outcome
from dualwrite.store.catch_ups import CatchUp, CatchUpId
from dualwrite.store.database import Repositories
from dualwrite.store.maps import MapState


async def move(repositories: Repositories, connection: str, names: Iterable[str], *, action: Action) -> None:
    """The maps are where ``action`` leads, all or none. Raises: NotFound, NotAllowed."""
    await repositories.maps.lock(connection)
    known = {each.name: each.state for each in await repositories.maps.list(connection)}
    for name in names:
        if name not in known:
            raise NotFound(f"There is no map {name} in {connection}.", map=name, connection=connection)
        await repositories.maps.set_state(connection, name, outcome(action, name, known[name]), expected=None)


async def locked_catch_up(repositories: Repositories, connection: str, run: CatchUpId) -> CatchUp:
    """The catch-up; it and the maps stay as they are until the transaction ends. Raises: NotFound."""
    # Always the maps first: whoever changes both takes them in this order.
    await repositories.maps.lock(connection)
    record = await repositories.catch_ups.get(run, lock=True)
    if record is None or record.connection != connection:
        raise NotFound(f"There is no catch-up {run}.", run=str(run))
    return record


async def resuming_maps(repositories: Repositories, catch_up: CatchUp) -> Sequence[str]:
    """Those of its maps that have not been stopped meanwhile; none, when it has come to its end."""
    if catch_up.state.is_at_rest:
        return ()
    known = await repositories.maps.list(catch_up.connection)
    return [each.name for each in known if each.name in catch_up.maps and each.state is MapState.RESUMING]


async def withdraw(repositories: Repositories, connection: str) -> None:
    """Catch-ups whose maps have all been stopped have ended."""
    for each in await repositories.catch_ups.unfinished(connection):
        if not await resuming_maps(repositories, each):
            await stop(repositories, each)


async def stop(repositories: Repositories, catch_up: CatchUp) -> CatchUp:
    """The catch-up has ended, unless it had before."""
    after = next_state(CatchUpAction.STOP, catch_up.state)
    if after is None:
        return catch_up
    return await repositories.catch_ups.move(catch_up.run, after, message="All of its maps have been stopped.")
