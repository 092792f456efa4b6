"""``dualwrite maps run`` and ``stop``: maps go live, what is there already is brought into step, and they end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from dualwrite.cli.initial_sync.choices import Detach, desk_of
from dualwrite.cli.initial_sync.job import carry_through
from dualwrite.cli.initial_sync.proposing import plans_of
from dualwrite.cli.invocation import Invocation, invocation
from dualwrite.cli.map_choices import WHO, All, Names, counted, one_of
from dualwrite.cli.map_names import chosen_maps
from dualwrite.composition.house import CONNECTION, House
from dualwrite.lifecycle.initial_sync.options import MapChoice, RunOptions
from dualwrite.lifecycle.transitions import is_live
from dualwrite.metadata.schema import Side
from dualwrite.store.initial_syncs import RunId


def run_maps(
    context: typer.Context,
    names: Names = None,
    every: All = False,
    master: Annotated[Side, typer.Option(help="Whose values win where both sides differ.")] = Side.FINOPS,
    skip_initial_sync: Annotated[
        bool, typer.Option("--skip-initial-sync", help="Carry changes from now on; leave what is there already.")
    ] = False,
    detach: Detach = False,
) -> None:
    """Run maps: they go live, then what both sides hold is brought into step. For more choice: initial-sync run.

    Maps that cannot run are refused with all findings, and then none of them runs. Exit code 1, too, when a row was
    refused.
    """
    one_of(names, every)
    call = invocation(context)
    if skip_initial_sync:
        chosen = call.in_house(lambda house: _only_live(call, house, names or ()))
        call.output.show({"running": chosen}, f"Running: {counted(chosen)}")
        return

    async def begin(house: House) -> RunId:
        chosen = await chosen_maps(house, names or ())
        await plans_of(call, house, chosen)
        choices = tuple(MapChoice(each, master) for each in chosen)
        return await desk_of(house).start(RunOptions(choices, who=WHO))

    carry_through(call, begin, detach=detach)


async def _only_live(call: Invocation, house: House, names: Sequence[str]) -> Sequence[str]:
    chosen = await chosen_maps(house, names)
    await plans_of(call, house, chosen)
    await house.lifecycle.run_without_initial_sync(chosen)
    return chosen


def stop_maps(context: typer.Context, names: Names = None, every: All = False) -> None:
    """Stop maps, or all that are running: they carry no further change. What is on either side stays."""
    one_of(names, every)

    async def stopped(house: House) -> Sequence[str]:
        chosen = await chosen_maps(house, names or ())
        if every:
            maps = await house.store.maps.list(CONNECTION)
            chosen = [each.name for each in maps if is_live(each.state)]
        await house.lifecycle.stop(chosen)
        return chosen

    call = invocation(context)
    chosen = call.in_house(stopped)
    call.output.show({"stopped": chosen}, f"Stopped: {counted(chosen)}" if chosen else "No map was running.")
