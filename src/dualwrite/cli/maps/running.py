"""``dualwrite maps run`` and ``stop``: maps go live, what is there already is brought into step, and they end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from dualwrite.cli.initial_sync.choices import Detach
from dualwrite.cli.initial_sync.job import carry_through
from dualwrite.cli.initial_sync.office import SyncOffice
from dualwrite.cli.invocation import invocation
from dualwrite.cli.map_choices import All, Names, counted, one_of
from dualwrite.cli.map_names import find_map
from dualwrite.cli.maps.office import MapOffice, at_map_office, named
from dualwrite.lifecycle.initial_sync.options import MapChoice
from dualwrite.lifecycle.transitions import is_live
from dualwrite.metadata.schema import Side
from dualwrite.store.initial_syncs import OnRefusals, RunId


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
        chosen = at_map_office(call, lambda office: _only_live(office, names or ()))
        call.output.show({"running": chosen}, f"Running: {counted(chosen)}")
        return

    async def begin(office: SyncOffice) -> RunId:
        known = await office.map_names()
        wanted = {find_map(known, each) for each in names or ()}
        choices = [MapChoice(each, master) for each in known if not wanted or each in wanted]
        return await office.start(choices, in_order=False, on_refusals=OnRefusals.GO_LIVE)

    carry_through(call, begin, detach=detach)


async def _only_live(office: MapOffice, names: Sequence[str]) -> Sequence[str]:
    chosen = await named(office, names)
    await office.run_without_initial_sync(chosen)
    return chosen


def stop_maps(context: typer.Context, names: Names = None, every: All = False) -> None:
    """Stop maps, or all that are running: they carry no further change. What is on either side stays."""
    one_of(names, every)

    async def stopped(office: MapOffice) -> Sequence[str]:
        chosen = await named(office, names or ())
        if every:
            chosen = [each.name for each in await office.states() if is_live(each.state)]
        await office.stop(chosen)
        return chosen

    call = invocation(context)
    chosen = at_map_office(call, stopped)
    call.output.show({"stopped": chosen}, f"Stopped: {counted(chosen)}" if chosen else "No map was running.")
