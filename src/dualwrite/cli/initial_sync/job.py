"""A run from its beginning to where it comes to rest, as one command sees it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import typer

from dualwrite.cli.initial_sync.ending import Ending, ending_document, ending_of, ending_shown
from dualwrite.cli.initial_sync.office import SyncOffice, at_sync_office
from dualwrite.cli.initial_sync.watching import INTERRUPTED, how_to_go_on, watch
from dualwrite.cli.invocation import Invocation
from dualwrite.store.initial_syncs import RunId

_LEAVING = "[dim]What this process has under way comes to its end first; Ctrl-C again leaves it to the others.[/]"

Begin = Callable[[SyncOffice], Awaitable[RunId]]


def carry_through(call: Invocation, begin: Begin, *, detach: bool, by_legal_entity: bool = False) -> None:
    """The run that ``begin`` gives is at rest and has been reported, or is left to others (``detach``, Ctrl-C).

    Raises: typer.Exit, unless every row was copied or the run was to be left to others.
    """

    async def carried(office: SyncOffice) -> tuple[RunId, Ending | None]:
        run = await begin(office)
        if detach:
            return run, None
        if not await watch(call.output.console, office.reports, office, run):
            call.output.console.print(how_to_go_on(run))
            call.output.console.print(_LEAVING)
            return run, None
        return run, await ending_of(office.reports, run)

    run, ending = at_sync_office(call, carried)
    if ending is not None:
        call.output.show(ending_document(ending), *ending_shown(ending, by_legal_entity=by_legal_entity))
        if not ending.is_complete:
            raise typer.Exit(1)
    elif detach:
        call.output.show({"run": run, "state": "left to others"}, how_to_go_on(run))
    else:
        raise typer.Exit(INTERRUPTED)
