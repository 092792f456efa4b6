"""``dualwrite initial-sync pause``, ``cancel`` and ``go-live``: a run is told what to do, and does it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import typer

from dualwrite.cli.initial_sync.choices import RunName, desk_of, find_run, reports_of
from dualwrite.cli.initial_sync.ending import Ending, ending_document, ending_of, ending_shown
from dualwrite.cli.initial_sync.watching import watch
from dualwrite.cli.invocation import invocation
from dualwrite.cli.map_choices import WHO
from dualwrite.composition.house import House
from dualwrite.lifecycle.initial_sync.desk import InitialSyncs
from dualwrite.store.initial_syncs import RunId

Order = Callable[[InitialSyncs, RunId], Awaitable[object]]


def pause(context: typer.Context, name: RunName = "") -> None:
    """Pause a run: what is under way is brought to its end, nothing else is begun. See: initial-sync resume."""
    _told(context, name, lambda desk, run: desk.pause(run, who=WHO))


def cancel(context: typer.Context, name: RunName = "") -> None:
    """Cancel a run for good. What has been copied stays; maps that did not run before it do not run."""
    _told(context, name, lambda desk, run: desk.cancel(run, who=WHO))


def go_live(context: typer.Context, name: RunName = "") -> None:
    """Let the maps of a run that awaits a decision run; the refused rows stay refused."""
    _told(context, name, lambda desk, run: desk.go_live(run, who=WHO))


def _told(context: typer.Context, name: str, order: Order) -> None:
    """The run has done as it was told; Ctrl-C does not wait for that."""
    call = invocation(context)

    async def told(house: House) -> Ending:
        run = await find_run(house, name)
        await order(desk_of(house), run)
        await house.conductor.conduct(run)
        await watch(call.output.console, reports_of(house), house.conductor, run)
        return await ending_of(house, run)

    ending = call.in_house(told)
    call.output.show(ending_document(ending), *ending_shown(ending))
