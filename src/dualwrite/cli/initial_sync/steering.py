"""``dualwrite initial-sync pause``, ``cancel`` and ``go-live``: a run is told what to do, and does it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import typer

from dualwrite.cli.initial_sync.choices import RunName
from dualwrite.cli.initial_sync.ending import Ending, ending_document, ending_of, ending_shown
from dualwrite.cli.initial_sync.office import SyncOffice, at_sync_office, find_run
from dualwrite.cli.initial_sync.watching import watch
from dualwrite.cli.invocation import invocation
from dualwrite.store.initial_syncs import RunId

Order = Callable[[SyncOffice, RunId], Awaitable[None]]


def pause(context: typer.Context, name: RunName = "") -> None:
    """Pause a run: what is under way is brought to its end, nothing else is begun. See: initial-sync resume."""
    _told(context, name, lambda office, run: office.pause(run))


def cancel(context: typer.Context, name: RunName = "") -> None:
    """Cancel a run for good. What has been copied stays; maps that did not run before it do not run."""
    _told(context, name, lambda office, run: office.cancel(run))


def go_live(context: typer.Context, name: RunName = "") -> None:
    """Let the maps of a run that awaits a decision run; the refused rows stay refused."""
    _told(context, name, lambda office, run: office.go_live(run))


def _told(context: typer.Context, name: str, order: Order) -> None:
    """The run has done as it was told; Ctrl-C does not wait for that."""
    call = invocation(context)

    async def told(office: SyncOffice) -> Ending:
        run = await find_run(office, name)
        await order(office, run)
        await watch(call.output.console, office.reports, office, run)
        return await ending_of(office.reports, run)

    ending = at_sync_office(call, told)
    call.output.show(ending_document(ending), *ending_shown(ending))
