"""How a run gets its maps: all of them go live together, and nobody else copies them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dualwrite.errors import NotAllowed
from dualwrite.lifecycle.exclusions import check_exclusions, exclusions_of
from dualwrite.lifecycle.initial_sync.ending import withdraw
from dualwrite.lifecycle.initial_sync.states import ways_out
from dualwrite.lifecycle.transitions import Action, allowed_from, state_after
from dualwrite.store.connections import Connection, LinkState
from dualwrite.store.database import Repositories
from dualwrite.store.initial_syncs import InitialSyncRun, RunState
from dualwrite.store.maps import MapState


async def bring_live(repositories: Repositories, connection: str, names: Sequence[str]) -> frozenset[str]:
    """The maps are initializing, as part of the caller's transaction; gives those that were running before.

    A run that has failed leaves them to the caller. Raises: NotAllowed when another run copies one of them, or when
    one excludes another. The router is to be renewed afterwards.
    """
    await repositories.maps.lock(connection)
    _refuse_ending(await repositories.connections.get(connection))
    before = {each.name: each.state for each in await repositories.maps.list(connection)}
    covering = await repositories.initial_syncs.covering(connection, names)
    _refuse_covered(covering)
    ran = await _ran_before(repositories, covering) | {name for name in names if before.get(name) is MapState.RUNNING}
    await withdraw(repositories, connection, names, why="Its last maps are copied by another run.")
    idle = allowed_from(Action.CHANGE)
    live = [name for name, state in before.items() if state not in idle]
    check_exclusions(exclusions_of(await repositories.solutions.list(connection)), wanted=names, live=live)
    for name in names:
        await repositories.maps.set_state(connection, name, state_after(Action.RUN), expected=allowed_from(Action.RUN))
    return ran


def _refuse_ending(link: Connection | None) -> None:
    if link is not None and link.state is not LinkState.LINKED:
        raise NotAllowed(
            f"The connection {link.name} is {link.state.value}, and no map begins to run before that is through. "
            f"Let it come to its end: dualwrite link {'reset' if link.state is LinkState.RESETTING else 'unlink'}",
            connection=link.name,
            state=link.state.value,
        )


def _refuse_covered(covering: Mapping[str, InitialSyncRun]) -> None:
    for name, run in covering.items():
        if run.state is not RunState.FAILED:
            raise NotAllowed(
                f"{name} is being copied by initial sync {run.run}, which is {run.state.value}. {ways_out(run.state)}",
                map=name,
                run=str(run.run),
                state=run.state.value,
            )


async def _ran_before(repositories: Repositories, covering: Mapping[str, InitialSyncRun]) -> frozenset[str]:
    """The maps that were running before the runs which cover them took them."""
    known = await repositories.initial_syncs.maps_of({each.run for each in covering.values()})
    return frozenset(
        name
        for name, run in covering.items()
        for each in known.get(run.run, ())
        if each.map == name and each.was_running
    )
